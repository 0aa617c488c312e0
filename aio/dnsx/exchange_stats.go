package dnsx

import (
	"sync/atomic"

	"goaio.example/aio/dnsx/internal/transport"
)

// exchangeStats holds the figures of an exchange: see Stats.
type exchangeStats struct {
	queries   int64
	failures  int64
	hits      int64
	misses    int64
	stale     int64
	coalesced int64
	prefetch  int64
	ignored   int64
	evicted   int64
	names     int64
	flights   int64
}

// counters counts the figures.
type counters struct {
	sent transport.Counters

	failures, misses, stale, coalesced, prefetch, flights atomic.Int64

	// by name, so that processors seldom share a cache line
	hits [8]paddedCounter
}

// paddedCounter is a counter that fills a cache line.
type paddedCounter struct {
	atomic.Int64
	_ [56]byte
}

// hit counts a question answered from the cache.
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
