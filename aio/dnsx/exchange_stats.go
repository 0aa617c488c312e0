package dnsx

import (
	"sync/atomic"

	"goaio.example/aio/dnsx/internal/transport"
)

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

// counters are the figures as they are counted.
type counters struct {
	sent transport.Counters

	failures, misses, stale, coalesced, prefetch, flights atomic.Int64

	hits [8]paddedCounter // by name, so that processors seldom meet
}

// paddedCounter is a counter on a cache line of its own.
type paddedCounter struct {
	atomic.Int64
	_ [56]byte
}

// hit counts an answer from the cache.
func (c *counters) hit(q question) {
	n := len(q.name)
	c.hits[(n^int(q.name[n/2])^int(q.typ))&7].Add(1)
}

// stats returns the figures.
func (x *exchange) stats() exchangeStats {
	c := &x.count
	s := exchangeStats{
		queries: c.sent.Queries.Load(), failures: c.failures.Load(), misses: c.misses.Load(), stale: c.stale.Load(),
		coalesced: c.coalesced.Load(), prefetch: c.prefetch.Load(), ignored: c.sent.Ignored.Load(), flights: c.flights.Load(),
	}
	for i := range c.hits {
		s.hits += c.hits[i].Load()
	}
	names, evicted := x.cache.size()
	s.names, s.evicted = int64(names), evicted
	return s
}
