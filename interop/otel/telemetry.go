package otelaio

import (
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"goaio.example/aio"
)

// scope is the name of the instrumentation, as OpenTelemetry has it.
const scope = "goaio.example/interop/otel"

// Telemetry makes spans and metrics of loops, servers and clients. The zero
// Telemetry is ready, with OpenTelemetry's global providers and propagator as
// they are when a method is first called. The fields must not be changed after
// that. The methods may be called from any goroutine, one Telemetry for any
// number of loops, servers and clients.
type Telemetry struct {
	// TracerProvider makes the spans. nil means otel.GetTracerProvider(). To
	// have metrics only, set that of go.opentelemetry.io/otel/trace/noop.
	TracerProvider trace.TracerProvider
	// MeterProvider makes the metrics. nil means otel.GetMeterProvider(). To
	// have spans only, set that of go.opentelemetry.io/otel/metric/noop.
	MeterProvider metric.MeterProvider
	// Propagator reads and writes the headers that carry a trace from process
	// to process. nil means otel.GetTextMapPropagator(), which does nothing
	// until the program sets it: usually to propagation.TraceContext and
	// Baggage.
	Propagator propagation.TextMapPropagator

	// Select reports whether an operation gets a separate span. It is called
	// whenever an operation begins within a trace that is sampled, or, with
	// Roots, outside of any trace, by the goroutine that starts the operation.
	// It must be fast, and must not keep op. nil means DefaultSelect.
	Select func(op aio.Ref) bool
	// Roots has operations that begin outside of any trace begin traces of
	// their own. Without it operations get spans only below a server's request
	// or a span that the program has put into their ctx.
	Roots bool
	// MaxSpans bounds the spans of operations below one local root: a request,
	// or the uppermost operation that has a span. Operations beyond it get
	// none, and the root's attribute goaio.spans.dropped counts them. 0 means
	// 1,000; negative: no bound.
	MaxSpans int
	// Public says that the clients of servers are not trusted. A request with a
	// traceparent then begins a new trace, which is linked to the client's, and
	// the program's sampler alone decides about it. Baggage is taken over all
	// the same: leave it out of Propagator if it should not be.
	Public bool

	// Methods are the methods of HTTP that are attributes as they are. Others
	// are "_OTHER". nil means those of the environment variable
	// OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS, separated by commas, or, without
	// that, those of RFC 9110, PATCH (RFC 5789) and QUERY.
	Methods []string
	// MaxHosts bounds how many different pairs of server.address and
	// server.port the metrics of clients have. Further ones are "_OTHER". 0
	// means 200; negative: no bound but the SDK's.
	MaxHosts int
	// ServerAddress, if set, is the attribute server.address of the metrics of
	// servers. They have none otherwise: what a client writes into its Host
	// field is not bounded.
	ServerAddress string
	// LookupNames has the metric dns.lookup.duration tell the name that was
	// looked up, as dns.question.name. Set it if the program's names are few.
	LookupNames bool
	// Durations has Loop observe the durations of operations by kind, as
	// goaio.operation.duration.
	Durations bool

	once    sync.Once
	tracer  trace.Tracer
	prop    propagation.TextMapPropagator
	pick    func(op aio.Ref) bool
	budget  int64
	methods map[string]bool
	hosts   bounded
	metrics *metrics
}

const (
	defaultSpans = 1000
	defaultHosts = 200
)

// init fills in the defaults.
func (t *Telemetry) init() { t.once.Do(t.fill) }

func (t *Telemetry) fill() {
	tp := t.TracerProvider
	if tp == nil {
		tp = otel.GetTracerProvider()
	}
	t.tracer = tp.Tracer(scope)
	mp := t.MeterProvider
	if mp == nil {
		mp = otel.GetMeterProvider()
	}
	t.metrics = newMetrics(mp.Meter(scope))
	if t.prop = t.Propagator; t.prop == nil {
		t.prop = otel.GetTextMapPropagator()
	}
	if t.pick = t.Select; t.pick == nil {
		t.pick = DefaultSelect
	}
	t.budget = int64(orDefault(t.MaxSpans, defaultSpans))
	t.methods = knownMethods(t.Methods)
	t.hosts.most = orDefault(t.MaxHosts, defaultHosts)
}

// orDefault returns a bound: 0 is the default, negative is none.
func orDefault(n, def int) int {
	switch {
	case n == 0:
		return def
	case n < 0:
		return 1<<31 - 1
	}
	return n
}

// The attributes that are goaio's own.
const (
	keyKind      = attribute.Key("goaio.operation.kind")
	keyID        = attribute.Key("goaio.operation.id")
	keyName      = attribute.Key("goaio.operation.name")
	keyLoop      = attribute.Key("goaio.loop.name")
	keyOutcome   = attribute.Key("goaio.request.outcome")
	keyCancelled = attribute.Key("goaio.cancelled")
	keyDropped   = attribute.Key("goaio.spans.dropped")
	keyLost      = attribute.Key("goaio.event.lost")
	keyState     = attribute.Key("goaio.operation.state")
	keyDirection = attribute.Key("network.io.direction")
)
