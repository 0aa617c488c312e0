package otelaio_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"goaio.example/aio"
	"goaio.example/aio/timer"
	otelaio "goaio.example/interop/otel"
)

var errTest = errors.New("test error")

// nothing is a function that does nothing.
func nothing(context.Context) (int, error) { return 0, nil }

// Operations within a span are spans below it, those that are not selected pass
// it on, and those outside of any make none.
func TestOperations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.run(&aio.Loop{CatchPanics: true, OnEvent: func(aio.Event) {}}, func(ctx context.Context) error {
			aio.Go(ctx, "outside", nothing).Await(ctx)
			ctx, root := r.own.Start(ctx, "root")
			defer root.End()
			aio.Go(ctx, "a", func(ctx context.Context) (int, error) {
				time.Sleep(time.Second)
				return aio.Go(ctx, "b", func(ctx context.Context) (int, error) { return 0, errTest }).Await(ctx)
			}).Await(ctx)
			timer.Delay(ctx, time.Second, func(ctx context.Context) error {
				aio.Scope(ctx, "in a delay", func(context.Context) error { return nil })
				return nil
			}).Future().Await(ctx)
			aio.Go(ctx, "panics", func(context.Context) (int, error) { time.Sleep(time.Second); panic(errTest) }).Await(ctx)
			f := aio.Go(ctx, "cancelled", func(ctx context.Context) (int, error) {
				time.Sleep(time.Second)
				return 0, ctx.Err()
			})
			f.Cancel(nil)
			f.Await(ctx)
			own, span := r.own.Start(ctx, "own")
			defer span.End()
			aio.Spawn(own, "in own", func(context.Context) error { return nil })
			return nil
		})
		r.want(
			`root: internal in none`,
			`a: internal in root, Error "test error", exception "test error"`,
			`b: internal in a, Error "test error", exception "test error"`,
			`in a delay: internal in root`,
			`panics: internal in root, Error "aio: panic: test error", exception "aio: panic: test error"`,
			`cancelled: internal in root`,
			`own: internal in root`,
			`in own: internal in own`,
		)
		r.wantAttrs(r.find("b"), "goaio.operation.kind", "aio.go", "error.type", "*errors.errorString", "goaio.cancelled", "")
		r.wantAttrs(r.find("cancelled"), "goaio.cancelled", "true", "error.type", "")
		r.wantAttrs(r.find("panics"), "error.type", "panic")
		if stack := attr(r.find("panics").Events[0].Attributes, "exception.stacktrace"); !strings.Contains(stack, "TestOperations") {
			t.Errorf("the panic's stack is %q", stack)
		}
		if a := r.find("a"); a.EndTime.Sub(a.StartTime) != time.Second || attr(a.Attributes, "goaio.operation.id") == "" {
			t.Errorf("a took %v, and has %v", a.EndTime.Sub(a.StartTime), a.Attributes)
		}
	})
}

// With Roots operations outside of a trace begin one, and with a Select of the
// program's it decides.
func TestRoots(t *testing.T) {
	r := newRig(t)
	r.Roots = true
	r.Select = otelaio.Kinds("aio.main", "aio.go", "no such kind")
	r.run(new(aio.Loop), func(ctx context.Context) error {
		aio.Scope(ctx, "not selected", func(ctx context.Context) error {
			aio.Go(ctx, "selected", nothing).Await(ctx)
			return nil
		})
		return nil
	})
	r.want("main: internal in none", "selected: internal in main")
}

// What was started with the ctx of another operation than the one that it is
// below is linked to that.
func TestLinks(t *testing.T) {
	r := newRig(t)
	r.Roots = true
	r.Select = func(op aio.Ref) bool { return otelaio.DefaultSelect(op) || op.Name() == "main" }
	r.run(new(aio.Loop), func(ctx context.Context) error {
		var ended context.Context
		aio.Go(ctx, "first", func(ctx context.Context) (int, error) {
			ended = ctx
			aio.Go(aio.Detach(ctx), "detached", nothing).Await(ctx)
			return 0, nil
		}).Await(ctx)
		aio.Go(ended, "late", nothing).Await(ctx)
		return nil
	})
	r.want(
		"main: internal in none",
		"first: internal in main",
		"detached: internal in main, linked to first",
		"late: internal in main, linked to first",
	)
}

// Where nothing around an operation has a span, the starter's span is the
// parent.
func TestStarterIsParent(t *testing.T) {
	r := newRig(t)
	r.run(new(aio.Loop), func(ctx context.Context) error {
		in, root := r.own.Start(ctx, "root")
		defer root.End()
		var ended context.Context
		aio.Go(in, "first", func(ctx context.Context) (int, error) {
			ended = ctx
			aio.Go(aio.Detach(ctx), "detached", nothing).Await(ctx)
			return 0, nil
		}).Await(ctx)
		aio.Go(ended, "late", nothing).Await(ctx)
		return nil
	})
	r.want("root: internal in none", "first: internal in root", "detached: internal in first", "late: internal in first")
}

// A chain of operations, each started by the one before, has each in the one
// before, if that goes on, and is bounded by MaxSpans.
func TestMaxSpans(t *testing.T) {
	for _, most := range []int{3, -1} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			r := newRig(t)
			r.MaxSpans = most
			r.run(new(aio.Loop), func(ctx context.Context) error {
				ctx, root := r.own.Start(ctx, "root")
				defer root.End()
				_, err := aio.Go(ctx, "top", func(ctx context.Context) (int, error) {
					for range 5 {
						aio.Go(ctx, "one", nothing).Await(ctx)
					}
					return 0, nil
				}).Await(ctx)
				return err
			})
			want, dropped := 3, "2"
			if most < 0 {
				want, dropped = 5, ""
			}
			r.wantAttrs(r.find("top"), "goaio.spans.dropped", dropped)
			if n := strings.Count(r.tree(), "one: "); n != want {
				t.Errorf("%d spans, want %d", n, want)
			}
		})
	}
}

// Operations in a trace that is not sampled make no spans, also with Roots.
func TestNotSampled(t *testing.T) {
	r := newRig(t, sdktrace.WithSampler(sdktrace.NeverSample()))
	r.Roots = true
	r.run(new(aio.Loop), func(ctx context.Context) error {
		ctx, root := r.own.Start(ctx, "root")
		defer root.End()
		f := aio.Go(ctx, "a", func(ctx context.Context) (bool, error) {
			return trace.SpanContextFromContext(ctx).SpanID() == root.SpanContext().SpanID(), nil
		})
		if same, _ := f.Await(ctx); !same {
			t.Error("the operation has another span than that around it")
		}
		return nil
	})
	r.want()
}

// Events are told to the span of their operation, or of the nearest around it.
func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.Select = otelaio.Kinds("aio.go")
		handled := 0
		l := &aio.Loop{CatchPanics: true, OnEvent: func(aio.Event) { handled++ }}
		l.Observe.Event = func(aio.Event) { handled += 10 }
		r.run(l, func(ctx context.Context) error {
			aio.Spawn(ctx, "in no trace", func(context.Context) error { return errTest })
			ctx, root := r.own.Start(ctx, "root")
			defer root.End()
			aio.Go(ctx, "a", func(ctx context.Context) (int, error) {
				aio.Spawn(ctx, "spawned", func(context.Context) error { return errTest })
				synctest.Wait()
				p := aio.NewPromise[int](ctx, 0, "p")
				p.Op().Report(aio.ErrEOF)
				synctest.Wait()
				p.Resolve(0)
				return 0, nil
			}).Await(ctx)
			aio.Go(ctx, "b", func(ctx context.Context) (int, error) {
				panic("once")
			}).Await(ctx)
			synctest.Wait()
			return nil
		})
		r.want(
			`root: internal in none`,
			`a: internal in root, exception "test error", aio: EOF ""`,
			`b: internal in root, Error "aio: panic: once", exception "aio: panic: once"`,
		)
		e := r.find("a").Events[0]
		if got := attr(e.Attributes, "goaio.operation.name") + " " + attr(e.Attributes, "goaio.operation.kind") + " " + attr(e.Attributes, "goaio.event.lost"); got != "spawned aio.spawn false" {
			t.Errorf("the event's attributes are %v", e.Attributes)
		}
		if handled != 44 {
			t.Errorf("the program's handler and observer were called: %d", handled)
		}
	})
}

// Each span that begins ends, once, and before Run returns, whatever operations
// do, and has a parent that there is.
func TestRandom(t *testing.T) {
	var counts spanCounts
	r := newRig(t, sdktrace.WithSpanProcessor(&counts))
	r.Roots, r.MaxSpans = true, -1
	r.Select = func(op aio.Ref) bool { return op.ID()%3 != 0 }
	r.run(&aio.Loop{CatchPanics: true, OnEvent: func(aio.Event) {}}, func(ctx context.Context) error {
		var grow func(ctx context.Context, depth int) (int, error)
		grow = func(ctx context.Context, depth int) (int, error) {
			for range rand.N(4) * min(depth, 1) {
				start := ctx
				if rand.N(3) == 0 {
					start = aio.Detach(ctx)
				}
				f := aio.Go(start, "node", func(ctx context.Context) (int, error) { return grow(ctx, depth-1) })
				switch rand.N(3) {
				case 0:
					f.Cancel(errTest)
				case 1:
					f.Await(ctx)
				}
			}
			switch rand.N(6) {
			case 0:
				return 0, errTest
			case 1:
				panic(errTest)
			}
			return 0, nil
		}
		for range 30 {
			aio.Go(ctx, "root", func(ctx context.Context) (int, error) { return grow(ctx, 5) }).Await(ctx)
		}
		return nil
	})
	if counts.open != 0 || counts.began < 50 || counts.began != len(r.all()) {
		t.Errorf("%d spans began, %d are open, %d were exported", counts.began, counts.open, len(r.all()))
	}
	if strings.Contains(r.tree(), "unknown") {
		t.Error("a span's parent, or what it is linked to, was not exported")
	}
}

// spanCounts counts spans.
type spanCounts struct {
	mu          sync.Mutex
	began, open int
}

func (c *spanCounts) OnStart(context.Context, sdktrace.ReadWriteSpan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.began++
	c.open++
}

func (c *spanCounts) OnEnd(sdktrace.ReadOnlySpan) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
}

func (c *spanCounts) Shutdown(context.Context) error   { return nil }
func (c *spanCounts) ForceFlush(context.Context) error { return nil }

// A second tracer of spans is a mistake that is noticed.
func TestLoopTwice(t *testing.T) {
	r := newRig(t)
	l := new(aio.Loop)
	r.Loop(l)
	defer func() {
		if recover() == nil {
			t.Error("Loop did not panic")
		}
	}()
	r.Loop(l)
}

// The figures of a loop are metrics.
func TestLoopMetrics(t *testing.T) {
	r := newRig(t)
	r.TracerProvider = noop.NewTracerProvider()
	r.Durations = true
	took := 0
	l := &aio.Loop{Name: "l", CatchPanics: true, OnEvent: func(aio.Event) {}}
	l.Observe.Took = func(aio.Kind, time.Duration) { took++ }
	r.run(l, func(ctx context.Context) error {
		aio.Go(ctx, "ok", nothing).Await(ctx)
		aio.Go(ctx, "bad", func(context.Context) (int, error) { return 0, errTest }).Await(ctx)
		aio.Go(ctx, "panics", func(context.Context) (int, error) { panic(errTest) }).Await(ctx)
		p := aio.NewPromise[int](ctx, 0, "p")
		r.wantMetric("goaio.operation.active",
			"goaio.loop.name=l,goaio.operation.kind=aio.main: 1", "goaio.loop.name=l,goaio.operation.kind=aio.go: 0",
			"goaio.loop.name=l,goaio.operation.kind=aio.promise: 1")
		p.Resolve(0)
		return nil
	})
	r.wantMetric("goaio.operation.started",
		"goaio.loop.name=l,goaio.operation.kind=aio.main: 1", "goaio.loop.name=l,goaio.operation.kind=aio.go: 3",
		"goaio.loop.name=l,goaio.operation.kind=aio.promise: 1")
	_, ended := r.metric("goaio.operation.ended")
	for _, want := range []string{
		"goaio.loop.name=l,goaio.operation.kind=aio.go,goaio.operation.state=ok: 1",
		"goaio.loop.name=l,goaio.operation.kind=aio.go,goaio.operation.state=failed: 1",
		"goaio.loop.name=l,goaio.operation.kind=aio.go,goaio.operation.state=panicked: 1",
		"goaio.loop.name=l,goaio.operation.kind=aio.go,goaio.operation.state=cancelled: 0",
	} {
		if !strings.Contains(strings.Join(ended, "\n"), want) {
			t.Errorf("no %q in\n%s", want, strings.Join(ended, "\n"))
		}
	}
	m := r.wantMetric("goaio.operation.duration",
		"goaio.operation.kind=aio.main: 1", "goaio.operation.kind=aio.go: 3", "goaio.operation.kind=aio.promise: 1")
	if m.Unit != "s" || took != 5 {
		t.Errorf("the unit is %q, and the program's Took was called %d times", m.Unit, took)
	}
}
