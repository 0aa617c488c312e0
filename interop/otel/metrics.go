package otelaio

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/semconv/v1.43.0/dnsconv"
	"go.opentelemetry.io/otel/semconv/v1.43.0/httpconv"

	"goaio.example/aio"
)

// metrics are the instruments.
type metrics struct {
	meter  metric.Meter
	server httpconv.ServerRequestDuration
	active httpconv.ServerActiveRequests
	client httpconv.ClientRequestDuration
	lookup dnsconv.LookupDuration
}

// seconds are the bounds of a histogram of durations.
var seconds = metric.WithExplicitBucketBoundaries(
	.0001, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60, 600)

// must passes on an instrument. Its error is a fault of the SDK's or of a
// view's, which OpenTelemetry has a handler for; what is called then does
// nothing.
func must[T any](instrument T, err error) T {
	if err != nil {
		otel.Handle(err)
	}
	return instrument
}

func newMetrics(m metric.Meter) *metrics {
	return &metrics{
		meter:  m,
		server: must(httpconv.NewServerRequestDuration(m)),
		active: must(httpconv.NewServerActiveRequests(m)),
		client: must(httpconv.NewClientRequestDuration(m)),
		lookup: must(dnsconv.NewLookupDuration(m, seconds)),
	}
}

// lookedUp counts a lookup that has ended.
func (m *metrics) lookedUp(ctx context.Context, took time.Duration, named bool, name string, err error) {
	attrs := make([]attribute.KeyValue, 0, 2)
	if named {
		attrs = append(attrs, questionName(name))
	}
	if err != nil {
		attrs = append(attrs, errorType(err))
	}
	m.lookup.RecordSet(ctx, took.Seconds(), attribute.NewSet(attrs...))
}

// durations returns what observes the durations of operations by kind.
func (m *metrics) durations() func(aio.Kind, time.Duration) {
	h := must(m.meter.Float64Histogram("goaio.operation.duration", metric.WithUnit("s"), seconds,
		metric.WithDescription("How long operations took that have ended.")))
	var sets [256]metric.MeasurementOption
	for k := range sets {
		sets[k] = metric.WithAttributeSet(attribute.NewSet(keyKind.String(aio.Kind(k).String())))
	}
	return func(k aio.Kind, took time.Duration) { h.Record(context.Background(), took.Seconds(), sets[k]) }
}

// watch has the figures of a loop read whenever metrics are collected.
func (m *metrics) watch(l *aio.Loop) {
	ops := func(name, help string) metric.Int64ObservableCounter {
		return must(m.meter.Int64ObservableCounter(name, metric.WithUnit("{operation}"), metric.WithDescription(help)))
	}
	active := must(m.meter.Int64ObservableUpDownCounter("goaio.operation.active", metric.WithUnit("{operation}"),
		metric.WithDescription("Operations in flight.")))
	started := ops("goaio.operation.started", "Operations that have begun.")
	ended := ops("goaio.operation.ended", "Operations that have ended, by how.")
	bytes := must(m.meter.Int64ObservableCounter("goaio.operation.io", metric.WithUnit("By"),
		metric.WithDescription("Bytes read and written by operations.")))
	loop := keyLoop.String(text(l.Name))
	must(m.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for _, s := range l.KindStats() {
			kind := keyKind.String(s.Kind.String())
			set := func(more ...attribute.KeyValue) metric.MeasurementOption {
				return metric.WithAttributeSet(attribute.NewSet(append(more, loop, kind)...))
			}
			o.ObserveInt64(active, s.Started-s.Ended, set())
			o.ObserveInt64(started, s.Started, set())
			for state, n := range map[string]int64{
				"ok": s.Ended - s.Failed - s.Cancelled - s.Panicked, "failed": s.Failed, "cancelled": s.Cancelled, "panicked": s.Panicked,
			} {
				o.ObserveInt64(ended, n, set(keyState.String(state)))
			}
			if s.BytesIn > 0 || s.BytesOut > 0 {
				o.ObserveInt64(bytes, s.BytesIn, set(keyDirection.String("receive")))
				o.ObserveInt64(bytes, s.BytesOut, set(keyDirection.String("transmit")))
			}
		}
		return nil
	}, active, started, ended, bytes))
}
