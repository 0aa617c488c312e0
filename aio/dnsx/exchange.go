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

// question is what is asked: name is lower-case ASCII, fully qualified, with
// the trailing dot.
type question struct {
	name string
	typ  dnsmessage.Type
}

// reply is what is known about a question. It is shared by all who asked:
// nobody may change it or what it refers to.
type reply struct {
	records []dnsmessage.Resource // the records of the asked type at the end of the chain; nil: none
	chain   []string              // canonical names followed, in order, with the trailing dot; empty without CNAMEs
	rcode   dnsmessage.RCode      // RCodeSuccess or RCodeNameError; other rcodes are errors
	expires time.Time             // when it stops being fresh
	source  Source                // SourceServer, SourceCache, SourceStale
	server  string                // who answered, "" unless known
	ad      bool                  // authenticated data, when trusted
}

// ttl returns how long the reply stays fresh: never negative.
func (r *reply) ttl(now time.Time) time.Duration { return max(r.expires.Sub(now), 0) }

// exchange asks servers, and remembers. The zero value, once configured, is
// ready. It is safe for many goroutines and loops at once.
//
// The kinds of its errors (errors.go): KindTimeout, nobody answered in time;
// KindServer, with the RCode, servers answered that they cannot or will not;
// KindNetwork, servers cannot be reached; KindMalformed, an answer makes no
// sense; KindChain, CNAMEs that lead in a circle or too far; KindNoServer,
// nobody to ask; KindName, no such name can be asked for.
type exchange struct {
	plan  atomic.Pointer[plan]
	cache cache
	turn  atomic.Uint32 // counts the questions, to rotate the servers by
	count counters

	mu    sync.Mutex
	lanes map[*aio.Loop]*lane
	spare *lane // used before, and to be used again
}

// configure makes cfg what the exchange goes by from now on. It keeps what is
// known about servers that stay. It keeps the cache only if the servers are the
// same: others may give other answers, as those of a VPN do.
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

// cached returns the fresh answer that the cache has, nil if there is none, or
// if it is time to renew it: ask does both. It never blocks, and allocates
// nothing.
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

// ask returns the answer to q: from the cache, or from the flight for q of
// ctx's loop, which it joins or starts. It blocks until there is one or ctx
// ends; then the error is context.Cause. No such name and no such records are
// replies, with an rcode or without records. Other errors are *Error,
// aio.ErrNoLoop and aio.ErrLoopDone.
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

// renew starts a flight that nobody waits for.
func (x *exchange) renew(ctx context.Context, q question) {
	if f, _, _ := x.join(ctx, q, true, false); f != nil {
		x.count.prefetch.Add(1)
	}
}

// flush forgets what the cache has for a name (fully qualified, lower case), ""
// for all.
func (x *exchange) flush(name string) { x.cache.flush(name) }
