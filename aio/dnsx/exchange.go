package dnsx

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// question is what is asked: name is lower-case ASCII, fully qualified, with the trailing dot.
type question struct {
	name string
	typ  dnsmessage.Type
}

// reply is what is known about a question. It is shared by all who asked: nobody may change it or what it refers to.
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
	// servers are "IP:PORT" (UDP, TCP on truncation), "tcp://IP:PORT", "tls://NAME@IP:PORT", "tls://IP:PORT", or
	// "https://HOST/path", of which "https://HOST/path@IP" and "https://HOST/path@IP:PORT" say where HOST is.
	servers  []string
	timeout  time.Duration // per attempt at one server; 0: 5 s
	attempts int           // rounds over the servers; 0: 2
	rotate   bool          // begin each question with another server
	useTCP   bool          // TCP instead of UDP
	edns0    bool          // tell servers that answers of 1,232 bytes fit into a packet
	trustAD  bool          // believe the servers' AD bit, and ask for it

	// dial opens a fresh socket per UDP query, and connections; nil: a net.Dialer.
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	tls  *tls.Config // for tls:// and https://; nil: the system's roots, TLS 1.2 or later

	cacheSize int           // names; 0: 10,000; negative: no cache
	maxStale  time.Duration // how long after their end answers serve while servers are down; 0: a day; negative: never
	minTTL    time.Duration // shorter ones count as this long; 0: no such bound
	maxTTL    time.Duration // longer ones count as this long; 0: a day
	maxNegTTL time.Duration // the same for negative answers; 0: 3 hours
}

// exchangeStats are figures of an exchange since it began.
type exchangeStats struct {
	queries   int64 // messages sent to servers
	failures  int64 // of those, without a usable answer
	hits      int64 // questions answered from the cache
	misses    int64 // questions that the cache had no fresh answer to
	stale     int64 // questions answered by a stale answer
	coalesced int64 // questions that waited for a flight that was under way already
	prefetch  int64 // flights to renew popular answers before they end
	ignored   int64 // messages that did not match what was asked
	evicted   int64 // names that left the cache for others
	names     int64 // names in the cache now
	flights   int64 // flights under way now
}

// exchange asks servers, and remembers. The zero value, once configured, is ready. It is safe for many goroutines and
// loops at once.
//
// The kinds of its errors (errors.go): KindTimeout, nobody answered in time; KindServer, with the RCode, servers
// answered that they cannot or will not; KindNetwork, servers cannot be reached; KindMalformed, an answer makes no
// sense; KindChain, CNAMEs that lead in a circle or too far; KindNoServer, nobody to ask; KindName, no such name can be
// asked for.
type exchange struct {
	cfg atomic.Pointer[exchangeConfig]
}

// configure makes cfg what the exchange goes by from now on. It keeps the cache.
func (x *exchange) configure(cfg exchangeConfig) { x.cfg.Store(&cfg) }

// cached returns the fresh answer that the cache has, nil if there is none. It never blocks, and allocates nothing.
func (x *exchange) cached(q question) *reply { return nil }

// ask returns the answer to q: from the cache, or from the flight for q of ctx's loop, which it joins or starts. It
// blocks until there is one or ctx ends; then the error is context.Cause. No such name and no such records are replies,
// with an rcode or without records. Other errors are *Error, aio.ErrNoLoop and aio.ErrLoopDone.
func (x *exchange) ask(ctx context.Context, q question) (*reply, error) {
	return nil, &Error{Kind: KindNoServer, Host: q.name}
}

// flush forgets what the cache has for a name (fully qualified, lower case), "" for all.
func (x *exchange) flush(name string) {}

// stats returns the figures.
func (x *exchange) stats() exchangeStats { return exchangeStats{} }
