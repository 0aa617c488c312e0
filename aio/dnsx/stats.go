package dnsx

import "sync/atomic"

// Stats are figures of a Resolver since it was made, but for the last two. They
// are read one after the other while lookups go on, so sums over them may be
// off by what happened meanwhile. Lookups under way are in [aio.Stats].
type Stats struct {
	Lookups int64 // begun: by name, in reverse, for records
	Failed  int64 // ended with an error: no such host, a timeout, cancelled ...

	Literals int64 // of Lookups: IP addresses, localhost, and names that are never asked for
	Hosts    int64 // of Lookups: answered by the hosts file
	Ready    int64 // of Lookups: answered without any work, as a moment before
	System   int64 // of Lookups: done by the system's own resolver

	Hits      int64 // questions (A and AAAA are two) answered from the cache
	Misses    int64 // questions that the cache had no fresh answer to
	Coalesced int64 // questions that others had asked already, and that shared their answer
	Stale     int64 // questions answered by what had ended, as no server could be asked
	Prefetch  int64 // answers renewed before their end

	Queries  int64 // messages sent to servers
	Failures int64 // of those, without a usable answer
	Ignored  int64 // messages that came, and did not match what was asked
	Evicted  int64 // names that left the cache to make room

	Names   int64 // in the cache now
	Flights int64 // questions under way to servers now
}

// counts are the figures of the resolver layer.
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
