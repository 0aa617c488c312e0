package dnsx

import (
	"context"
	"crypto/tls"
	"net"
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

// exchangeConfig is what an exchange asks, and how.
type exchangeConfig struct {
	// servers are "IP:PORT" (UDP, TCP on truncation), "tcp://IP:PORT",
	// "tls://NAME@IP:PORT", "tls://IP:PORT", or "https://HOST/path", of which
	// "https://HOST/path@IP" and "https://HOST/path@IP:PORT" say where HOST is.
	servers  []string
	timeout  time.Duration // per attempt at one server; 0: 5 s
	attempts int           // rounds over the servers; 0: 2
	rotate   bool          // begin each question with another server
	useTCP   bool          // TCP instead of UDP
	edns0    bool          // tell servers that answers of 1,232 bytes fit into a packet
	trustAD  bool          // believe the servers' AD bit, and ask for it

	// dial opens a fresh socket per UDP query, and connections; nil: a
	// net.Dialer.
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	tls  *tls.Config // for tls:// and https://; nil: the system's roots, TLS 1.2 or later

	cacheSize int           // names; 0: 10,000; negative: no cache
	maxStale  time.Duration // how long after their end answers serve while servers are down; 0: a day; negative: never
	minTTL    time.Duration // shorter ones count as this long; 0: no such bound
	maxTTL    time.Duration // longer ones count as this long; 0: a day
	maxNegTTL time.Duration // the same for negative answers; 0: 3 hours
}

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
	ids   idSource
	turn  atomic.Uint32 // counts the questions, to rotate the servers by
	count counters

	mu    sync.Mutex
	lanes map[*aio.Loop]*lane
	spare *lane // used before, and to be used again
}

// plan is a configuration as it is used.
type plan struct {
	exchangeConfig
	transport transport
	upstreams []*upstream
}

// configure makes cfg what the exchange goes by from now on. It keeps what is
// known about servers that stay. It keeps the cache only if the servers are the
// same: others may give other answers, as those of a VPN do.
func (x *exchange) configure(cfg exchangeConfig) {
	p := newPlan(cfg)
	old := x.plan.Load()
	for _, u := range p.upstreams {
		u.health = old.healthOf(u.spec)
	}
	x.plan.Store(p)
	x.cache.setLimit(max(p.cacheSize, 0))
	if p.cacheSize < 0 || old != nil && !slices.Equal(old.servers, p.servers) {
		x.cache.flush("")
	}
}

// newPlan fills in what cfg leaves open.
func newPlan(cfg exchangeConfig) *plan {
	p := &plan{exchangeConfig: cfg, transport: transport{dial: cfg.dial, tls: cfg.tls}}
	p.timeout = or(p.timeout, 5*time.Second)
	p.attempts = or(p.attempts, 2)
	p.cacheSize = or(p.cacheSize, 10_000)
	p.maxStale = max(or(p.maxStale, 24*time.Hour), 0)
	p.maxTTL = or(p.maxTTL, 24*time.Hour)
	p.maxNegTTL = or(p.maxNegTTL, 3*time.Hour)
	if p.tls != nil {
		p.transport.tls = p.tls.Clone()
	} else {
		p.transport.tls = new(tls.Config)
	}
	if p.transport.tls.ClientSessionCache == nil {
		p.transport.tls.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	for _, spec := range cfg.servers {
		u := parseUpstream(spec)
		if u.scheme == schemeUDP && p.useTCP {
			u.scheme = schemeTCP
		}
		p.upstreams = append(p.upstreams, u)
	}
	return p
}

// healthOf returns what is known about a server.
func (p *plan) healthOf(spec string) *health {
	if p != nil {
		for _, u := range p.upstreams {
			if u.spec == spec {
				return u.health
			}
		}
	}
	return new(health)
}

// or returns v or, if that is zero, what stands for it.
func or[T int | time.Duration](v, zero T) T {
	if v == 0 {
		return zero
	}
	return v
}

// cached returns the fresh answer that the cache has, nil if there is none, or
// if it is time to renew it: ask does both. It never blocks, and allocates
// nothing.
func (x *exchange) cached(q question) *reply {
	it := x.cache.find(q)
	if it == nil {
		return nil
	}
	r, renew := it.use()
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
		it := x.cache.find(q)
		if it != nil {
			if r, renew := it.use(); r != nil {
				if renew && it.renewing.CompareAndSwap(false, true) {
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
		stale := it.hasStale()
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
