package otelaio_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	otelaio "goaio.example/interop/otel"
)

func TestMain(m *testing.M) { aiotest.VerifyMain(m) }

// rig is a Telemetry whose spans and metrics are kept.
type rig struct {
	testing.TB
	*otelaio.Telemetry
	spans  *tracetest.InMemoryExporter
	reader *sdkmetric.ManualReader
	own    trace.Tracer // the program's
	order  startOrder
}

// startOrder is the order in which spans began.
type startOrder struct {
	mu sync.Mutex
	at map[trace.SpanID]int
}

func (o *startOrder) OnStart(_ context.Context, s sdktrace.ReadWriteSpan) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.at == nil {
		o.at = map[trace.SpanID]int{}
	}
	o.at[s.SpanContext().SpanID()] = len(o.at)
}

func (o *startOrder) OnEnd(sdktrace.ReadOnlySpan)      {}
func (o *startOrder) Shutdown(context.Context) error   { return nil }
func (o *startOrder) ForceFlush(context.Context) error { return nil }

func newRig(t testing.TB, opts ...sdktrace.TracerProviderOption) *rig {
	r := &rig{TB: t, spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader()}
	tp := sdktrace.NewTracerProvider(append(opts, sdktrace.WithSpanProcessor(&r.order), sdktrace.WithSyncer(r.spans))...)
	r.own = tp.Tracer("own")
	r.Telemetry = &otelaio.Telemetry{
		TracerProvider: tp,
		MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.reader)),
		Propagator:     propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
	}
	return r
}

// run runs main in a loop that is watched.
func (r *rig) run(l *aio.Loop, main func(ctx context.Context) error) {
	r.Helper()
	r.Loop(l)
	if err := l.Run(context.Background(), main); err != nil {
		r.Errorf("Run: %v", err)
	}
}

// all returns the spans that have ended, the first that began first.
func (r *rig) all() tracetest.SpanStubs {
	s := r.spans.GetSpans()
	r.order.mu.Lock()
	defer r.order.mu.Unlock()
	slices.SortFunc(s, func(a, b tracetest.SpanStub) int {
		return r.order.at[a.SpanContext.SpanID()] - r.order.at[b.SpanContext.SpanID()]
	})
	return s
}

// find returns the only span with a name.
func (r *rig) find(name string) tracetest.SpanStub {
	r.Helper()
	var found tracetest.SpanStubs
	for _, s := range r.all() {
		if s.Name == name {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		r.Fatalf("%d spans named %q, of\n%s", len(found), name, r.tree())
	}
	return found[0]
}

// tree describes all spans: name, parent, links, status, events.
func (r *rig) tree() string {
	names := map[trace.SpanID]string{}
	for _, s := range r.all() {
		names[s.SpanContext.SpanID()] = s.Name
	}
	name := func(c trace.SpanContext) string {
		switch n := names[c.SpanID()]; {
		case n != "":
			return n
		case c.IsRemote():
			return "remote"
		case c.IsValid():
			return "unknown"
		}
		return "none"
	}
	var b strings.Builder
	for _, s := range r.all() {
		fmt.Fprintf(&b, "%s: %v in %s", s.Name, s.SpanKind, name(s.Parent))
		for _, l := range s.Links {
			fmt.Fprintf(&b, ", linked to %s", name(l.SpanContext))
		}
		if s.Status.Code != codes.Unset {
			fmt.Fprintf(&b, ", %v %q", s.Status.Code, s.Status.Description)
		}
		for _, e := range s.Events {
			fmt.Fprintf(&b, ", %s %q", e.Name, attr(e.Attributes, "exception.message"))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// want compares the spans with what tree is to return.
func (r *rig) want(lines ...string) {
	r.Helper()
	if got, want := r.tree(), strings.Join(append(lines, ""), "\n"); got != want {
		r.Errorf("spans:\n%swant:\n%s", got, want)
	}
}

// attr returns the text of an attribute, "" without it.
func attr(all []attribute.KeyValue, key attribute.Key) string {
	for _, a := range all {
		if a.Key == key {
			return a.Value.String()
		}
	}
	return ""
}

// wantAttrs looks that a span has attributes: pairs of a key and a value, where
// "" is none.
func (r *rig) wantAttrs(s tracetest.SpanStub, pairs ...string) {
	r.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if got := attr(s.Attributes, attribute.Key(pairs[i])); got != pairs[i+1] {
			r.Errorf("%s: %s is %q, want %q, of %v", s.Name, pairs[i], got, pairs[i+1], s.Attributes)
		}
	}
}

// metric returns a metric as it is now, and its points as texts: attributes and
// value, which of a histogram is the number of values.
func (r *rig) metric(name string) (m metricdata.Metrics, points []string) {
	r.Helper()
	var all metricdata.ResourceMetrics
	if err := r.reader.Collect(context.Background(), &all); err != nil {
		r.Fatalf("r.reader.Collect: %v", err)
	}
	for _, s := range all.ScopeMetrics {
		for _, m := range s.Metrics {
			if m.Name == name {
				return m, pointsOf(m.Data)
			}
		}
	}
	return metricdata.Metrics{}, nil
}

func pointsOf(data metricdata.Aggregation) (points []string) {
	add := func(set attribute.Set, n any) {
		points = append(points, fmt.Sprintf("%s: %v", set.Encoded(attribute.DefaultEncoder()), n))
	}
	switch d := data.(type) {
	case metricdata.Histogram[float64]:
		for _, p := range d.DataPoints {
			add(p.Attributes, p.Count)
		}
	case metricdata.Sum[int64]:
		for _, p := range d.DataPoints {
			add(p.Attributes, p.Value)
		}
	}
	slices.Sort(points)
	return points
}

// wantMetric compares a metric's points.
func (r *rig) wantMetric(name string, want ...string) metricdata.Metrics {
	r.Helper()
	m, got := r.metric(name)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		r.Errorf("%s:\n%s\nwant:\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	return m
}

// patience bounds waits that end much sooner unless something is wrong.
const patience = 20 * time.Second
