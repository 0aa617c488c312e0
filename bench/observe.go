package main

import (
	"context"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"goaio.example/aio"
	"goaio.example/aio/live"
	otelaio "goaio.example/interop/otel"
)

// What it costs to be observed: spawn + await, as in the workload spawn, with
// the observers that there are, as ratios to a loop without any.

// observerPeers are ways to observe, the one to compare with first.
var observerPeers = []string{
	"unset", "live metrics", "Ended", "otel, outside traces", "otel, with durations", "otel, a span for each",
}

func init() {
	observed("unset", func(*aio.Loop) {})
	observed("live metrics", func(l *aio.Loop) { (&live.Metrics{Loop: l}).Observe() })
	observed("Ended", func(l *aio.Loop) { l.Observe.Ended = func(aio.OpInfo, error, time.Duration) {} })
	observed("otel, outside traces", func(l *aio.Loop) { telemetry().Loop(l) })
	observed("otel, with durations", func(l *aio.Loop) {
		t := telemetry()
		t.Durations = true
		t.Loop(l)
	})
	observed("otel, a span for each", func(l *aio.Loop) {
		t := telemetry()
		t.Roots, t.MaxSpans = true, -1
		t.Loop(l)
	})
}

// observed makes a role of spawn + await in a loop that is observed.
func observed(peer string, observe func(l *aio.Loop)) {
	roles["observe "+peer] = func(c *control) error {
		l := new(aio.Loop)
		observe(l)
		return l.Run(context.Background(), func(ctx context.Context) error {
			return c.work(func(n int) error {
				for range n {
					if _, err := aio.Go(ctx, "one", one).Await(ctx); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
}

// telemetry is OpenTelemetry with its SDK, as a program has it: spans go in
// batches to an exporter, which does nothing with them, and metrics are there
// to be read.
func telemetry() *otelaio.Telemetry {
	return &otelaio.Telemetry{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithBatcher(discardSpans{})),
		MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())),
	}
}

// discardSpans is an exporter.
type discardSpans struct{}

func (discardSpans) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }
func (discardSpans) Shutdown(context.Context) error                             { return nil }

func measureObserve(r *report) error {
	return compareWork(r, "spawn + await, observed", "observe", observerPeers, times(pick(r.settings, 20_000, 1000)))
}
