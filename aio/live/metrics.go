package live

import (
	"net/http"
	"strings"
	"time"

	"goaio.example/aio"
)

// Metrics has a loop's figures for Prometheus and others that read its text
// format (version 0.0.4) or OpenMetrics (1.0.0), by what the Accept header of a
// request asks for. It is an http.Handler. It has no access control: put it
// where only clients come that may know the names of the program's kinds of
// operations, which is all that it reports besides numbers.
//
// All metrics have the label "loop", which is Loop.Name. Those of operations
// have the label "kind".
//
//	goaio_phase                          gauge, 1 for the phase in the label "phase"
//	goaio_operations_in_flight           gauge
//	goaio_operations_started_total       counter, as those that follow
//	goaio_operations_ended_total
//	goaio_operations_failed_total
//	goaio_operations_cancelled_total
//	goaio_operations_panicked_total
//	goaio_read_bytes_total
//	goaio_written_bytes_total
//	goaio_connections                    gauge, "direction" is "in" or "out"
//	goaio_dns_queries, goaio_timers, goaio_http_requests, goaio_futures,
//	goaio_callbacks                      gauges, as in aio.Stats
//	goaio_operation_duration_seconds     histogram, after Observe
//
// What is read takes no lock, and its cost does not depend on how much is in
// flight.
type Metrics struct {
	// Loop is the loop. Set it before anything else.
	Loop *aio.Loop

	durations durations
	observed  bool
}

// Observe has the durations of operations counted, by Loop.Observe.Took. Call
// it before Run, once. It costs some 0.3 us for each operation.
func (m *Metrics) Observe() {
	m.observed = true
	next := m.Loop.Observe.Took
	m.Loop.Observe.Took = m.durations.add
	if next != nil {
		m.Loop.Observe.Took = func(k aio.Kind, took time.Duration) {
			m.durations.add(k, took)
			next(k, took)
		}
	}
}

// The media types of the two formats.
const (
	textType = "text/plain; version=0.0.4; charset=utf-8"
	openType = "application/openmetrics-text; version=1.0.0; charset=utf-8"
)

// ServeHTTP answers a request.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e := &exposition{open: strings.Contains(r.Header.Get("Accept"), "application/openmetrics-text")}
	m.write(e)
	w.Header().Set("Content-Type", textType)
	if e.open {
		w.Header().Set("Content-Type", openType)
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Write(e.end()) // an error means that the client is gone
}

// write writes all metrics.
func (m *Metrics) write(e *exposition) {
	s := m.Loop.Stats()
	loop := label{"loop", m.Loop.Name}
	e.family("goaio_phase", gauge, "", "The phase that the loop is in.")
	if s.Phase != "" {
		e.sample("", 1, loop, label{"phase", s.Phase})
	}
	m.writeKinds(e, loop)
	e.family("goaio_connections", gauge, "", "Open connections.")
	e.sample("", s.IncomingConns, loop, label{"direction", "in"})
	e.sample("", s.OutgoingConns, loop, label{"direction", "out"})
	for _, g := range []struct {
		name, help string
		value      int64
	}{
		{"goaio_dns_queries", "Lookups in flight.", s.DNSQueries},
		{"goaio_timers", "Delays and tickers that are pending or whose callback runs.", s.Timers},
		{"goaio_http_requests", "Requests in flight, in and out.", s.HTTPRequests},
		{"goaio_futures", "Futures that are not resolved.", s.Futures},
		{"goaio_callbacks", "Callbacks that are registered.", s.Callbacks},
	} {
		e.family(g.name, gauge, "", g.help)
		e.sample("", g.value, loop)
	}
	if m.observed {
		m.writeDurations(e, loop)
	}
}

// writeKinds writes the metrics that each kind has.
func (m *Metrics) writeKinds(e *exposition, loop label) {
	kinds := m.Loop.KindStats()
	for _, f := range []struct {
		name, typ, unit, help string
		value                 func(*aio.KindStats) int64
	}{
		{"goaio_operations_in_flight", gauge, "", "Operations in flight.", func(k *aio.KindStats) int64 { return k.Started - k.Ended }},
		{"goaio_operations_started", counter, "", "Operations that have begun.", func(k *aio.KindStats) int64 { return k.Started }},
		{"goaio_operations_ended", counter, "", "Operations that have ended.", func(k *aio.KindStats) int64 { return k.Ended }},
		{"goaio_operations_failed", counter, "", "Operations that ended with an error.", func(k *aio.KindStats) int64 { return k.Failed }},
		{"goaio_operations_cancelled", counter, "", "Operations that ended because they were cancelled.", func(k *aio.KindStats) int64 { return k.Cancelled }},
		{"goaio_operations_panicked", counter, "", "Operations that ended by a panic.", func(k *aio.KindStats) int64 { return k.Panicked }},
		{"goaio_read_bytes", counter, "bytes", "Bytes read from connections.", func(k *aio.KindStats) int64 { return k.BytesIn }},
		{"goaio_written_bytes", counter, "bytes", "Bytes written to connections.", func(k *aio.KindStats) int64 { return k.BytesOut }},
	} {
		e.family(f.name, f.typ, f.unit, f.help)
		for i := range kinds {
			e.total(f.value(&kinds[i]), loop, label{"kind", kinds[i].Kind.String()})
		}
	}
}

// writeDurations writes the histograms.
func (m *Metrics) writeDurations(e *exposition, loop label) {
	e.family("goaio_operation_duration_seconds", "histogram", "seconds", "How long operations took that have ended.")
	for k := range m.durations {
		h := m.durations[k].Load()
		if h == nil {
			continue
		}
		kind := label{"kind", aio.Kind(k).String()}
		var count uint64
		sum := float64(h.sum.Load()) / 1e9
		for i := range h.buckets {
			count += h.buckets[i].Load()
			e.sampleUint("_bucket", count, loop, kind, label{"le", e.bound(i)})
		}
		e.sampleFloat("_sum", sum, loop, kind)
		e.sampleUint("_count", count, loop, kind)
	}
}
