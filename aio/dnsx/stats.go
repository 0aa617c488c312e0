package dnsx

import "sync/atomic"

// Stats holds a Resolver's figures. All but Names and Flights count from its
// first use. The figures are read one after the other while lookups go on, so
// that sums may be slightly off. [aio.Stats] has the lookups under way.
type Stats struct {
	Lookups int64 // that have begun, including Reverse and Query
	// that have ended with an error: not found, timeouts, cancelled ...
	Failed int64

	// of Lookups: IP addresses, localhost and names that no server is asked for
	Literals int64
	Hosts    int64 // of Lookups: answered by the hosts file
	Ready    int64 // of Lookups: answers that were kept ready
	System   int64 // of Lookups: done by the system's resolver

	// questions answered from the cache; A and AAAA are two questions
	Hits      int64
	Misses    int64 // questions to which the cache had no fresh answer
	Coalesced int64 // questions that shared the query of another
	// questions answered by an expired answer, because no server answered
	Stale    int64
	Prefetch int64 // popular answers renewed before they expired

	Queries  int64 // messages sent to servers
	Failures int64 // of Queries: without a usable answer
	Ignored  int64 // messages that were received and did not match the query
	Evicted  int64 // names evicted from the cache

	Names   int64 // in the cache now
	Flights int64 // questions that servers are being asked now
}

// counts holds the figures that the exchange does not count.
type counts struct {
	failed, literals, hosts, ready, system, other atomic.Int64
}

// Stats returns the resolver's figures.
func (r *Resolver) Stats() Stats {
	c, x := &r.counts, r.x.stats()
	s := Stats{
		Failed:   c.failed.Load(),
		Literals: c.literals.Load(),
		Hosts:    c.hosts.Load(),
		Ready:    c.ready.Load(),
		System:   c.system.Load(),

		Hits:      x.hits,
		Misses:    x.misses,
		Coalesced: x.coalesced,
		Stale:     x.stale,
		Prefetch:  x.prefetch,
		Queries:   x.queries,
		Failures:  x.failures,
		Ignored:   x.ignored,
		Evicted:   x.evicted,
		Names:     x.names,
		Flights:   x.flights,
	}
	s.Lookups = s.Literals + s.Hosts + s.Ready + s.System + c.other.Load()
	return s
}
