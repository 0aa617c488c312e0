// Command demo serves, asks itself, and prints the traces and metrics that come
// of it:
//
//	go run ./demo
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
	otelaio "goaio.example/interop/otel"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// run serves, asks, and prints. A program of yours has exporters of its own: of
// go.opentelemetry.io/otel/exporters/otlp, say, in a batcher.
func run(ctx context.Context, w io.Writer) (err error) {
	spans, reader := tracetest.NewInMemoryExporter(), sdkmetric.NewManualReader()
	tracers := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	defer func() { err = errors.Join(err, tracers.Shutdown(ctx), meters.Shutdown(ctx)) }()
	t := &otelaio.Telemetry{
		TracerProvider: tracers, MeterProvider: meters,
		Propagator: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
	}
	loop := &aio.Loop{Name: "demo", CatchPanics: true, OnEvent: func(aio.Event) {}}
	t.Loop(loop)
	if err := loop.Run(ctx, func(ctx context.Context) error { return visit(ctx, t) }); err != nil {
		return err
	}
	printSpans(w, spans.GetSpans())
	return printMetrics(ctx, w, reader)
}

// visit starts a shop and a stock, and asks the shop, which asks the stock.
func visit(ctx context.Context, t *otelaio.Telemetry) error {
	client := new(httpx.Client)
	t.Client(client)
	defer client.CloseIdleConnections()
	stock, shop := http.NewServeMux(), http.NewServeMux()
	stock.HandleFunc("GET /items/{id}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("id") == "2" {
			panic("no such item")
		}
		io.WriteString(w, "7 left")
	})
	stockURL, err := serve(ctx, t, stock)
	if err != nil {
		return err
	}
	shop.HandleFunc("GET /buy/{id}", func(w http.ResponseWriter, r *http.Request) {
		left := aio.Go(r.Context(), "look into the stock", func(ctx context.Context) (string, error) {
			resp, err := client.Get(ctx, stockURL+"/items/"+r.PathValue("id")).Await(ctx)
			if err == nil && resp.Status != http.StatusOK {
				err = fmt.Errorf("the stock says %d", resp.Status)
			}
			if err != nil {
				return "", err
			}
			return string(resp.Body), nil
		})
		text, err := left.Await(r.Context())
		if err != nil {
			http.Error(w, "sorry", http.StatusBadGateway)
			return
		}
		io.WriteString(w, text)
	})
	shopURL, err := serve(ctx, t, shop)
	if err != nil {
		return err
	}
	for _, path := range []string{"/buy/1", "/buy/2"} {
		if _, err := client.Get(ctx, shopURL+path).Await(ctx); err != nil {
			return err
		}
	}
	aio.LoopOf(ctx).Exit(nil)
	return nil
}

// serve starts a server, and returns its URL.
func serve(ctx context.Context, t *otelaio.Telemetry, h http.Handler) (string, error) {
	s := &httpx.Server{Handler: h}
	t.Server(s)
	if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
		return "", err
	}
	return "http://" + s.Addr().String(), nil
}

// printSpans prints the traces as trees, without dials.
func printSpans(w io.Writer, spans tracetest.SpanStubs) {
	slices.SortFunc(spans, func(a, b tracetest.SpanStub) int { return a.StartTime.Compare(b.StartTime) })
	var below func(id trace.SpanID, depth int)
	below = func(id trace.SpanID, depth int) {
		for _, s := range spans {
			if s.Parent.SpanID() != id || attr(s.Attributes, "goaio.operation.kind") == "tcp.dial" {
				continue
			}
			fmt.Fprintf(w, "%s%s (%v)", strings.Repeat("  ", depth), s.Name, s.SpanKind)
			if status := attr(s.Attributes, "http.response.status_code"); status != "" {
				fmt.Fprintf(w, " %s", status)
			}
			for _, e := range s.Events {
				fmt.Fprintf(w, " %s %q", e.Name, attr(e.Attributes, "exception.message"))
			}
			fmt.Fprintln(w)
			below(s.SpanContext.SpanID(), depth+1)
		}
	}
	below(trace.SpanID{}, 0)
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

// printMetrics prints how many requests there were of each route.
func printMetrics(ctx context.Context, w io.Writer, reader sdkmetric.Reader) error {
	var all metricdata.ResourceMetrics
	if err := reader.Collect(ctx, &all); err != nil {
		return err
	}
	var lines []string
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			h, ok := m.Data.(metricdata.Histogram[float64])
			if !ok || m.Name != "http.server.request.duration" {
				continue
			}
			for _, p := range h.DataPoints {
				attrs := p.Attributes.ToSlice()
				lines = append(lines, fmt.Sprintf("%s: %d of %s, status %s\n",
					m.Name, p.Count, attr(attrs, "http.route"), attr(attrs, "http.response.status_code")))
			}
		}
	}
	slices.Sort(lines)
	_, err := io.WriteString(w, strings.Join(lines, ""))
	return err
}
