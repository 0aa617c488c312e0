package aio

import (
	"encoding/json"
	"expvar"
	"sync/atomic"
)

// Stats is a snapshot of a loop. Operations in flight are those that have begun
// and not ended; an operation whose result is visible has ended. Counters are
// read one after the other while the loop goes on, so sums over them may be off
// by what happened meanwhile.
type Stats struct {
	IncomingConns int64 // accepted connections that are open
	OutgoingConns int64 // dialed connections that are open
	DNSQueries    int64 // lookups in flight
	// delays, afters and tickers that are pending or whose callback runs
	Timers       int64
	HTTPRequests int64 // requests in flight, in and out
	// Go operations and promises, combinators' included, that are not resolved
	Futures int64
	// callbacks registered and not run for the last time: delays, handlers of
	// connections, Then
	Callbacks int64

	// "running", "leaving" (Loop.DrainDelay), "draining", "cancelling" or
	// "done"; "" before Run
	Phase string

	InFlight int64 // all operations, main included
	Started  int64 // operations begun since the loop did
	Ended    int64 // operations that ended
	Failed   int64 // of those, with an error that is neither of the following
	// of those, with an error that says only that the operation was cancelled
	Cancelled int64
	Panicked  int64 // of those, by a panic

	BytesIn  int64 // read from connections
	BytesOut int64 // written to connections

	// operations in flight by kind; kinds without any are left out
	Kinds map[string]int64
}

// String returns the snapshot as JSON, as expvar wants it.
func (s Stats) String() string {
	b, err := json.Marshal(s)
	if err != nil {
		return `"` + err.Error() + `"`
	}
	return string(b)
}

// kindCount counts the operations of one kind, in shards.
type kindCount [shards]cell

// cell is one shard of a kindCount. It fills a cache line.
type cell struct {
	started, ended, failed, cancelled, panicked atomic.Int64
	in, out                                     atomic.Int64 // bytes
	_                                           [8]byte
}

// kindCount returns the counters of a kind.
func (r *running) kindCount(k Kind) *kindCount {
	c := r.kinds[k].Load()
	if c == nil {
		r.kinds[k].CompareAndSwap(nil, new(kindCount))
		c = r.kinds[k].Load()
	}
	return c
}

// cell returns the shard that counts o.
func (c *kindCount) cell(o *Op) *cell { return &c[o.shard] }

// Stats returns a snapshot of the loop's figures. It may be called at any time,
// and its cost does not depend on how much is in flight. Before Run all figures
// are zero; after Run those in flight count what was left behind.
func (l *Loop) Stats() Stats {
	s := Stats{Kinds: map[string]int64{}}
	r := l.run.Load()
	if r == nil {
		return s
	}
	s.Phase = r.at().String()
	for k := range r.kinds {
		if c := r.kinds[k].Load(); c != nil {
			s.add(Kind(k), c)
		}
	}
	s.Futures += r.futures.Load()
	s.Callbacks += r.callbacks.Load()
	return s
}

// add adds the counters of a kind.
func (s *Stats) add(k Kind, c *kindCount) {
	t := c.total(k)
	n := t.Started - t.Ended
	s.Started += t.Started
	s.Ended += t.Ended
	s.Failed += t.Failed
	s.Cancelled += t.Cancelled
	s.Panicked += t.Panicked
	s.BytesIn += t.BytesIn
	s.BytesOut += t.BytesOut
	s.InFlight += n
	if n == 0 {
		return
	}
	s.Kinds[k.String()] = n
	switch {
	case k == kindConnIn:
		s.IncomingConns = n
	case k == kindConnOut:
		s.OutgoingConns = n
	case k == kindLookup:
		s.DNSQueries = n
	case k == kindRequest, k == kindResponse:
		s.HTTPRequests += n
	case k == kindGo:
		s.Futures += n
	case k == kindThen:
		s.Callbacks += n
	case k.isTimer():
		s.Timers += n
		if k == kindDelay {
			s.Callbacks += n
		}
	}
}

// KindStats are the figures of the operations of one kind. See Stats for their
// meaning.
type KindStats struct {
	Kind      Kind
	Started   int64
	Ended     int64
	Failed    int64
	Cancelled int64
	Panicked  int64
	BytesIn   int64
	BytesOut  int64
}

// KindStats returns the figures of each kind that the loop has had operations
// of. As with Stats, its cost does not depend on how much is in flight.
func (l *Loop) KindStats() []KindStats {
	r := l.run.Load()
	if r == nil {
		return nil
	}
	var out []KindStats
	for k := range r.kinds {
		if c := r.kinds[k].Load(); c != nil {
			out = append(out, c.total(Kind(k)))
		}
	}
	return out
}

// total adds the shards up.
func (c *kindCount) total(k Kind) KindStats {
	s := KindStats{Kind: k}
	for i := range c {
		s.Ended += c[i].ended.Load() // before started, as in Stats.add
		s.Failed += c[i].failed.Load()
		s.Cancelled += c[i].cancelled.Load()
		s.Panicked += c[i].panicked.Load()
		s.BytesIn += c[i].in.Load()
		s.BytesOut += c[i].out.Load()
	}
	for i := range c {
		s.Started += c[i].started.Load()
	}
	return s
}

// CountCallbacks adds n to the loop's count of registered callbacks. It is for
// drivers whose operations have callbacks.
func (o *Op) CountCallbacks(n int) { o.run.callbacks.Add(int64(n)) }

// Publish publishes the loop's Stats in package expvar under the given name. As
// with expvar.Publish, a name that is taken is logged and ends the program.
func Publish(name string, l *Loop) {
	expvar.Publish(name, expvar.Func(func() any { return l.Stats() }))
}
