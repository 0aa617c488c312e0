package otelaio_test

import (
	"context"
	"errors"
	"fmt"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"goaio.example/aio"
	otelaio "goaio.example/interop/otel"
)

// Operations within a span of the program's are spans too.
func ExampleTelemetry_Loop() {
	spans := tracetest.NewInMemoryExporter()
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	t := &otelaio.Telemetry{TracerProvider: tracers}
	loop := new(aio.Loop)
	t.Loop(loop)
	loop.Run(context.Background(), func(ctx context.Context) error {
		ctx, job := tracers.Tracer("mine").Start(ctx, "job")
		defer job.End()
		aio.Go(ctx, "fetch", func(ctx context.Context) (int, error) { return 1, nil }).Await(ctx)
		aio.Go(ctx, "store", func(ctx context.Context) (int, error) { return 0, errors.New("no room") }).Await(ctx)
		return nil
	})
	for _, s := range spans.GetSpans() {
		fmt.Printf("%s: %q\n", s.Name, s.Status.Description)
	}
	// Output:
	// fetch: ""
	// store: "no room"
	// job: ""
}
