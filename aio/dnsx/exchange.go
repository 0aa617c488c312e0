package dnsx

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"goaio.example/aio"
)

// question is a question to servers. name is in lower-case ASCII, with a
// trailing dot.
type question struct {
	name string
	typ  dnsmessage.Type
}

// reply is what is known about a question. It is shared, and immutable.
type reply struct {
	// of the type asked for, at the end of the chain; nil: there are none
	records []dnsmessage.Resource
	// the canonical names, in order, with trailing dots
	chain   []string
	rcode   dnsmessage.RCode // RCodeSuccess or RCodeNameError
	expires time.Time        // when it stops being fresh
	source  Source           // SourceServer, SourceCache, SourceStale
	server  string           // the server that has answered
	ad      bool             // authenticated data, when trusted
}

// ttl returns how long the reply is fresh. It is never negative.
func (r *reply) ttl(now time.Time) time.Duration { return max(r.expires.Sub(now), 0) }

// exchange asks servers questions, and keeps the replies in a cache. It is
// ready to use after configure. It may be used by multiple goroutines and loops
// at the same time.
type exchange struct {
	plan  atomic.Pointer[plan]
	cache cache
	turn  atomic.Uint32 // counts questions, for the rotation of servers
	count counters

	mu    sync.Mutex
	lanes map[*aio.Loop]*lane
	spare *lane // to be used again; may be nil
}

// configure sets the configuration. It keeps the health of servers that are in
// both the old and the new one. It empties the cache if the servers differ,
// because they may give other answers, as those of a VPN do.
func (x *exchange) configure(cfg exchangeConfig) {
	p := newPlan(cfg)
	old := x.plan.Load()
	for _, u := range p.upstreams {
		u.health = old.healthOf(u.Spec)
	}
	x.plan.Store(p)
	x.cache.setLimit(max(p.cacheSize, 0))
	if p.cacheSize < 0 || old != nil && !slices.Equal(old.servers, p.servers) {
		x.cache.flush("")
	}
}

// cached returns the fresh reply in the cache. It returns nil if there is none,
// or if the reply should be renewed, which ask does. It does not block, and
// does not allocate.
func (x *exchange) cached(q question) *reply {
	e := x.cache.find(q)
	if e == nil {
		return nil
	}
	r, renew := e.use()
	if r == nil || renew {
		return nil
	}
	x.count.hit(q)
	return r
}

// ask returns the reply to q from the cache or from a flight of ctx's loop,
// which it joins or starts. It blocks until there is one. If ctx ends first,
// the error is its cause. That a name or its records do not exist is a reply,
// not an error. Other errors are an *Error, aio.ErrNoLoop and aio.ErrLoopDone.
//
// A flight in the background may be cancelled because the loop drains. ask then
// starts another one, which goes on while the loop drains.
func (x *exchange) ask(ctx context.Context, q question) (*reply, error) {
	for retry := false; ; retry = true {
		e := x.cache.find(q)
		if e != nil {
			if r, renew := e.use(); r != nil {
				if renew && e.renewing.CompareAndSwap(false, true) {
					x.renew(ctx, q)
				}
				x.count.hit(q)
				return r, nil
			}
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if !retry {
			x.count.misses.Add(1)
		}
		stale := e.hasStale()
		f, r, err := x.join(ctx, q, stale && !retry, true)
		if f == nil {
			return r, err
		}
		r, err = f.wait(ctx, stale)
		if err == nil || retry || !f.background || ctx.Err() != nil || !f.wasCancelled() {
			return r, err
		}
	}
}

// renew starts a flight that no asker waits for.
func (x *exchange) renew(ctx context.Context, q question) {
	if f, _, _ := x.join(ctx, q, true, false); f != nil {
		x.count.prefetch.Add(1)
	}
}

// flush removes a name from the cache, or all names if name is "". name is in
// lower case, with a trailing dot.
func (x *exchange) flush(name string) { x.cache.flush(name) }
