package aio_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

// spanKey is the key of the span in a ctx, which is a name here.
type spanKey struct{}

func spanOf(ctx context.Context) string {
	if ctx == nil {
		return "nil"
	}
	s, _ := ctx.Value(spanKey{}).(string)
	return s
}

func withSpan(name string) context.Context {
	return context.WithValue(context.Background(), spanKey{}, name)
}

// spans is an observer whose spans have the operations' names, except those
// whose names begin with a dot, which have none.
func (j *journal) spans() aio.Observer {
	o := j.observer()
	o.Span = func(ctx, parent context.Context, op aio.Ref) (context.Context, func(error)) {
		j.note("span %s, ctx %q, parent %q", op.Name(), spanOf(ctx), spanOf(parent))
		if op.Name()[0] == '.' {
			return nil, nil
		}
		return withSpan(op.Name()), func(err error) { j.note("span %s ends, %v", op.Name(), err) }
	}
	return o
}

func TestSpan(t *testing.T) {
	var j journal
	l := &aio.Loop{Observe: j.spans(), OnEvent: func(e aio.Event) { j.note("event in %q", spanOf(e.Context)) }}
	must(t, l, func(ctx context.Context) {
		aio.Go(ctx, "f", func(ctx context.Context) (int, error) {
			j.note("f runs in %q", spanOf(ctx))
			aio.Go(ctx, ".g", func(ctx context.Context) (int, error) {
				j.note("g runs in %q", spanOf(ctx))
				aio.Spawn(ctx, "h", func(context.Context) error { return errTest })
				synctest.Wait()
				return 0, nil
			}).Await(ctx)
			return 0, nil
		}).Await(ctx)
		j.note("awaited")
	})
	eq(t, "told", j.lines, []string{
		`span main, ctx "", parent "nil"`, "began main by ",
		`span f, ctx "main", parent "main"`, "began f by main", `f runs in "f"`,
		`span .g, ctx "f", parent "f"`, "began .g by f", `g runs in "f"`,
		`span h, ctx "f", parent "f"`, "began h by .g", "span h ends, test error", "ended h, test error, 0s",
		"event test error", `event in "h"`,
		"ended .g, <nil>, 0s", "span f ends, <nil>", "ended f, <nil>, 0s", "awaited",
		"span main ends, <nil>", "ended main, <nil>, 0s",
	})
}

// The values of a ctx that the program has derived come before those of the
// operations around, and what is started elsewhere than it belongs is told of
// both places.
func TestSpanParents(t *testing.T) {
	var j journal
	must(t, &aio.Loop{Observe: aio.Observer{Span: j.spans().Span}}, func(ctx context.Context) {
		var ended context.Context
		aio.Go(ctx, "first", func(ctx context.Context) (int, error) {
			ended = ctx
			own := context.WithValue(ctx, spanKey{}, "own")
			aio.Go(own, ".a", func(ctx context.Context) (int, error) {
				eq(t, "the span of what was started with a derived ctx", spanOf(ctx), "own")
				return aio.Go(ctx, ".b", func(ctx context.Context) (int, error) {
					eq(t, "and below that", spanOf(ctx), "own")
					return 0, nil
				}).Await(ctx)
			}).Await(ctx)
			aio.Go(aio.Detach(own), "detached", func(ctx context.Context) (int, error) {
				eq(t, "the span of what was detached", spanOf(ctx), "detached")
				return 0, nil
			}).Await(ctx)
			return 0, nil
		}).Await(ctx)
		eq(t, "the span of an operation that has ended", spanOf(ended), "first")
		aio.Go(ended, "late", func(ctx context.Context) (int, error) { return 0, nil }).Await(ctx)
		foreign, cancel := context.WithTimeout(withSpan("foreign"), time.Hour)
		defer cancel()
		aio.Go(aio.WithLoop(foreign, aio.LoopOf(ctx)), "lent", func(ctx context.Context) (int, error) { return 0, nil }).Await(ctx)
	})
	var began []string
	for _, line := range j.lines {
		var name string
		if n, _ := fmt.Sscanf(line, "span %s ends", &name); n == 1 && line[len(line)-1] == '"' {
			began = append(began, line)
		}
	}
	eq(t, "spans", began, []string{
		`span main, ctx "", parent "nil"`,
		`span first, ctx "main", parent "main"`,
		`span .a, ctx "own", parent "first"`,
		`span .b, ctx "own", parent "own"`,
		`span detached, ctx "own", parent "main"`,
		`span late, ctx "first", parent "main"`,
		`span lent, ctx "foreign", parent "main"`,
	})
}

// An operation with a foreign ctx has the span's values and is cancelled as it
// would be without.
func TestSpanForeign(t *testing.T) {
	var j journal
	must(t, &aio.Loop{Observe: aio.Observer{Span: j.spans().Span}}, func(ctx context.Context) {
		foreign, cancel := context.WithCancelCause(ctx)
		f := aio.Go(foreign, "f", func(ctx context.Context) (int, error) {
			return aio.Go(context.WithValue(ctx, nameKey{}, "v"), "g", func(ctx context.Context) (int, error) {
				eq(t, "values", spanOf(ctx)+" "+fmt.Sprint(ctx.Value(nameKey{})), "g v")
				sub, stop := context.WithCancel(ctx)
				defer stop()
				before := runtime.NumGoroutine()
				below, stop := context.WithCancel(sub)
				defer stop()
				eq(t, "goroutines for a derived ctx", runtime.NumGoroutine()-before, 0)
				<-below.Done()
				return 0, context.Cause(below)
			}).Await(ctx)
		})
		synctest.Wait()
		cancel(errStop)
		_, err := f.Await(ctx)
		eq(t, "error", errors.Is(err, errStop), true)
	})
}

type nameKey struct{}

// The end of the values' context is no end of the operation's.
func TestSpanValuesEnd(t *testing.T) {
	dead, cancel := context.WithCancelCause(withSpan("dead"))
	cancel(errStop)
	l := &aio.Loop{Observe: aio.Observer{Span: func(_, _ context.Context, _ aio.Ref) (context.Context, func(error)) { return dead, nil }}}
	must(t, l, func(ctx context.Context) {
		foreign, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		for name, ctx := range map[string]context.Context{"the loop's ctx": ctx, "a foreign ctx": foreign} {
			_, err := aio.Go(ctx, "f", func(ctx context.Context) (int, error) {
				eq(t, "span with "+name, spanOf(ctx), "dead")
				eq(t, "Cause with "+name, context.Cause(ctx), nil)
				eq(t, "Err with "+name, ctx.Err(), nil)
				return 0, sleep(ctx, ms)
			}).Await(ctx)
			eq(t, "error with "+name, err, nil)
		}
	})
}

// A chain of operations, each started by the one before, does not keep the
// values of those that have ended.
func TestSpanChain(t *testing.T) {
	const length = 20_000
	var collected atomic.Int64
	type heavy struct{ _ [1 << 10]byte }
	l := &aio.Loop{Observe: aio.Observer{Span: func(_, _ context.Context, _ aio.Ref) (context.Context, func(error)) {
		v := new(heavy)
		runtime.AddCleanup(v, func(int) { collected.Add(1) }, 0)
		return context.WithValue(context.Background(), spanKey{}, v), nil
	}}}
	err := run(l, func(ctx context.Context) error {
		done := make(chan struct{})
		var next func(ctx context.Context, left int)
		next = func(ctx context.Context, left int) {
			if left == 0 {
				for collected.Load() < length*9/10 {
					runtime.GC()
					runtime.Gosched()
				}
				close(done)
				return
			}
			aio.Spawn(ctx, "link", func(ctx context.Context) error {
				next(ctx, left-1)
				return nil
			})
		}
		next(ctx, length)
		select {
		case <-done:
		case <-time.After(time.Minute):
			t.Errorf("of %d values %d were collected", length, collected.Load())
		}
		return nil
	})
	eq(t, "Run", err, nil)
}

// An operation that gets no span costs no allocation for that.
func TestSpanNone(t *testing.T) {
	allocs := func(o aio.Observer) (n float64) {
		err := run(&aio.Loop{Observe: o}, func(ctx context.Context) error {
			n = testing.AllocsPerRun(200, func() {
				p := aio.NewPromise[int](ctx, 0, "p")
				p.Resolve(1)
			})
			return nil
		})
		eq(t, "Run", err, nil)
		return n
	}
	none := func(_, _ context.Context, _ aio.Ref) (context.Context, func(error)) { return nil, nil }
	eq(t, "allocations", allocs(aio.Observer{Span: none}), allocs(aio.Observer{}))
}

// What could not begin because the loop was done has its span ended with that.
func TestSpanLoopDone(t *testing.T) {
	var ends []error
	var late context.Context
	l := &aio.Loop{Logger: quiet, Observe: aio.Observer{Span: func(_, _ context.Context, _ aio.Ref) (context.Context, func(error)) {
		return nil, func(err error) { ends = append(ends, err) }
	}}}
	must(t, l, func(ctx context.Context) { late = ctx })
	_, err := aio.Go(late, "late", never).Result()
	eq(t, "error", errors.Is(err, aio.ErrLoopDone), true)
	eq(t, "ends", ends, []error{nil, aio.ErrLoopDone})
}

// Each span ends once, however its operation does.
func TestSpanRandom(t *testing.T) {
	var mu sync.Mutex
	open, all := map[int]bool{}, 0
	l := &aio.Loop{
		OnEvent: func(aio.Event) {}, Logger: quiet, CatchPanics: true, MaxInFlight: 4,
		Observe: aio.Observer{Span: func(_, _ context.Context, op aio.Ref) (context.Context, func(error)) {
			mu.Lock()
			defer mu.Unlock()
			all++
			n := all
			open[n] = true
			return withSpan(op.Name()), func(error) {
				mu.Lock()
				defer mu.Unlock()
				if !open[n] {
					t.Error("a span has ended twice")
				}
				delete(open, n)
			}
		}},
	}
	must(t, l, randomTree)
	eq(t, "open spans", len(open), 0)
	if all < 100 {
		t.Errorf("only %d spans", all)
	}
}
