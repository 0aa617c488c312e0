package flow_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/flow"
	"goaio.example/aio/timer"
)

// Ten functions of a second each, three at once, take four seconds.
func TestEach(t *testing.T) {
	took := clean(t, func(ctx context.Context, t *testing.T) {
		var g gauge
		f := flow.Each(ctx, upTo(10), flow.Options{Limit: 3, Name: "nap"}, func(ctx context.Context, _ int) error {
			defer g.in()()
			return timer.Sleep(ctx, time.Second)
		})
		synctest.Wait()
		if got := inFlight(ctx, "aio.spawn"); fmt.Sprint(got) != "[nap nap nap]" {
			t.Errorf("in flight: %q", got)
		}
		if got := inFlight(ctx, "flow.each"); fmt.Sprint(got) != "[nap]" {
			t.Errorf("in flight: %q", got)
		}
		if n, err := f.Await(ctx); n != 10 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
		if g.most != 3 || g.all != 10 || g.now != 0 {
			t.Errorf("%+v", &g)
		}
	})
	if took != 4*time.Second {
		t.Errorf("took %v", took)
	}
}

// Without a limit there are as many as processors, and a name is the
// function's.
func TestEachDefaults(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		for _, limit := range []int{0, -1} {
			var g gauge
			f := flow.Each(ctx, upTo(100), flow.Options{Limit: limit}, func(ctx context.Context, _ int) error {
				defer g.in()()
				return timer.Sleep(ctx, time.Second)
			})
			synctest.Wait()
			if got := inFlight(ctx, "flow.each"); len(got) != 1 || got[0] == "" {
				t.Errorf("in flight: %q", got)
			}
			if n, err := f.Await(ctx); n != 100 || err != nil || g.most != runtime.GOMAXPROCS(0) {
				t.Errorf("%d, %v, %d at once", n, err, g.most)
			}
		}
		if n, err := flow.Each(ctx, upTo(0), flow.Options{}, func(context.Context, int) error { return errTest }).Await(ctx); n != 0 || err != nil {
			t.Errorf("of nothing: %d, %v", n, err)
		}
	})
}

// An endless sequence is read only as there is room.
func TestEachLazy(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		var read atomic.Int64
		f := flow.Each(ctx, count(&read), flow.Options{Limit: 4}, func(ctx context.Context, _ int) error {
			return timer.Sleep(ctx, time.Second)
		})
		time.Sleep(10*time.Second + time.Millisecond)
		synctest.Wait()
		if n := read.Load(); n != 44 {
			t.Errorf("read %d values, want 44", n)
		}
		f.Cancel(errTest)
		n, err := f.Await(ctx)
		if n != 40 || !errors.Is(err, errTest) {
			t.Errorf("%d, %v", n, err)
		}
		if n := read.Load(); n > 45 {
			t.Errorf("read %d values", n)
		}
	})
}

// The first error cancels the rest. Errors that say more are joined.
func TestEachFails(t *testing.T) {
	took := clean(t, func(ctx context.Context, t *testing.T) {
		var read atomic.Int64
		n, err := flow.Each(ctx, count(&read), flow.Options{Limit: 4}, func(ctx context.Context, i int) error {
			switch i {
			case 0:
				return nil
			case 1:
				timer.Sleep(ctx, time.Second)
				return errTest
			case 2:
				<-ctx.Done()
				return errOther
			}
			return timer.Sleep(ctx, time.Hour)
		}).Await(ctx)
		if n != 1 || !errors.Is(err, errTest) || !errors.Is(err, errOther) || err.Error() != errTest.Error()+"\n"+errOther.Error() {
			t.Errorf("%d, %v", n, err)
		}
		if n := read.Load(); n != 5 {
			t.Errorf("read %d values, want 5", n)
		}
	})
	if took != time.Second {
		t.Errorf("took %v", took)
	}
}

// With KeepGoing all functions run, whatever happens to the others and to their
// children.
func TestEachKeepGoing(t *testing.T) {
	o := bubble(t, nil, func(ctx context.Context, t *testing.T) {
		n, err := flow.Each(ctx, upTo(100), flow.Options{Limit: 3, KeepGoing: true}, func(ctx context.Context, i int) error {
			switch i {
			case 3:
				return errTest
			case 4:
				aio.Spawn(ctx, "", func(context.Context) error { return errOther })
			case 5:
				panic("five")
			case 6:
				runtime.Goexit()
			}
			return timer.Sleep(ctx, time.Second)
		}).Await(ctx)
		if n != 96 || !errors.Is(err, errTest) || !errors.Is(err, errOther) || !isPanic(err, "five") || !errors.Is(err, aio.ErrGoexit) {
			t.Errorf("%d, %v", n, err)
		}
	})
	if len(o.events) != 1 || !isPanic(o.events[0].Err, "five") || o.err != nil {
		t.Errorf("events: %v, %v", o.events, o.err)
	}
}

// A panic and a Goexit, in the function and in the sequence, are the error; so
// is a sequence that goes on when it was told to stop.
func TestEachPanics(t *testing.T) {
	bad := func(do func()) iter.Seq[int] {
		return func(yield func(int) bool) {
			yield(0)
			do()
		}
	}
	for name, c := range map[string]struct {
		seq  iter.Seq[int]
		fn   func()
		want func(error) bool
	}{
		"function panics":  {upTo(9), func() { panic("fn") }, func(err error) bool { return isPanic(err, "fn") }},
		"sequence panics":  {bad(func() { panic("seq") }), func() {}, func(err error) bool { return isPanic(err, "seq") }},
		"function goexits": {upTo(9), runtime.Goexit, func(err error) bool { return errors.Is(err, aio.ErrGoexit) }},
		"sequence goexits": {bad(runtime.Goexit), func() {}, func(err error) bool { return errors.Is(err, aio.ErrGoexit) }},
		"nil sequence": {nil, func() {}, func(err error) bool {
			var p *aio.PanicError
			return errors.As(err, &p)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			o := bubble(t, nil, func(ctx context.Context, t *testing.T) {
				_, err := flow.Each(ctx, c.seq, flow.Options{Limit: 1}, func(context.Context, int) error {
					c.fn()
					return nil
				}).Await(ctx)
				if !c.want(err) {
					t.Errorf("got %v", err)
				}
			})
			for _, e := range o.events {
				if !c.want(e.Err) || e.Lost {
					t.Errorf("event: %v", e.Err)
				}
			}
			if len(o.events) > 1 || o.err != nil {
				t.Errorf("%v, events %v", o.err, o.events)
			}
			// Without CatchPanics a panic ends the loop.
			o = bubble(t, &aio.Loop{}, func(ctx context.Context, _ *testing.T) {
				flow.Each(ctx, c.seq, flow.Options{Limit: 1}, func(context.Context, int) error {
					c.fn()
					return nil
				}).Await(ctx)
			})
			if p, _ := o.panic.(*aio.PanicError); (p != nil) != (name != "function goexits" && name != "sequence goexits") {
				t.Errorf("Run panicked with %v", o.panic)
			}
		})
	}
}

// A sequence that does not stop panics.
func TestEachYieldsAfterStop(t *testing.T) {
	o := bubble(t, nil, func(ctx context.Context, t *testing.T) {
		f := flow.Each(ctx, func(yield func(int) bool) {
			for yield(0) {
			}
			yield(1)
		}, flow.Options{Limit: 1}, func(_ context.Context, i int) error {
			if i > 0 {
				t.Error("a value after the stop")
			}
			return errTest
		})
		var p *aio.PanicError
		if _, err := f.Await(ctx); !errors.Is(err, errTest) || !errors.As(err, &p) {
			t.Errorf("got %v", err)
		}
	})
	if len(o.events) != 1 {
		t.Errorf("events: %v", o.events)
	}
}

// The end of ctx ends all, with its cause; functions that have returned without
// an error count.
func TestEachCancelled(t *testing.T) {
	for name, keep := range map[string]bool{"first error": false, "keep going": true} {
		t.Run(name, func(t *testing.T) {
			took := clean(t, func(ctx context.Context, t *testing.T) {
				own, cancel := context.WithCancelCause(ctx)
				time.AfterFunc(1500*time.Millisecond, func() { cancel(errTest) })
				var read atomic.Int64
				n, err := flow.Each(own, count(&read), flow.Options{Limit: 2, KeepGoing: keep}, func(ctx context.Context, _ int) error {
					return timer.Sleep(ctx, time.Second)
				}).Await(ctx)
				if n != 2 || !errors.Is(err, errTest) {
					t.Errorf("%d, %v", n, err)
				}
			})
			if took != 1500*time.Millisecond {
				t.Errorf("took %v", took)
			}
		})
	}
}

// When ctx is dead, or has no loop, nothing is read and nothing runs.
func TestEachDeadCtx(t *testing.T) {
	fn := func(context.Context, int) error {
		t.Error("the function ran")
		return nil
	}
	seq := func(func(int) bool) { t.Error("the sequence was read") }
	if _, err := flow.Each(t.Context(), seq, flow.Options{}, fn).Await(t.Context()); !errors.Is(err, aio.ErrNoLoop) {
		t.Errorf("got %v", err)
	}
	clean(t, func(ctx context.Context, t *testing.T) {
		dead, cancel := context.WithCancelCause(ctx)
		cancel(errTest)
		if _, err := flow.Each(dead, seq, flow.Options{}, fn).Await(ctx); !errors.Is(err, errTest) {
			t.Errorf("got %v", err)
		}
	})
}

// A sequence that ends because ctx did has not been read to its end.
func TestEachSequenceEndsWithCtx(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		own, cancel := context.WithCancelCause(ctx)
		f := flow.Each(own, func(func(int) bool) { <-own.Done() }, flow.Options{}, func(context.Context, int) error { return nil })
		synctest.Wait()
		cancel(errTest)
		if _, err := f.Await(ctx); !errors.Is(err, errTest) {
			t.Errorf("got %v", err)
		}
	})
}

// What functions leave is waited for; a sequence that ended is complete,
// whatever ends the ctx then.
func TestEachWaitsForChildren(t *testing.T) {
	took := clean(t, func(ctx context.Context, t *testing.T) {
		f := flow.Each(ctx, upTo(2), flow.Options{Limit: 1}, func(ctx context.Context, _ int) error {
			aio.Spawn(ctx, "left", func(context.Context) error {
				time.Sleep(time.Minute) // and does not look at its ctx
				return nil
			})
			return nil
		})
		synctest.Wait()
		f.Cancel(errTest)
		if n, err := f.Await(ctx); n != 2 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
	if took != time.Minute {
		t.Errorf("took %v", took)
	}
}

func TestEachChan(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		ch := make(chan int)
		ctxs := make(chan int, 10)
		f := flow.EachChan(ctx, ch, flow.Options{Limit: 1}, func(ctx context.Context, i int) error {
			ctxs <- i
			return timer.Sleep(ctx, time.Second)
		})
		ch <- 1
		begin := time.Now()
		ch <- 2 // when there is room
		if d := time.Since(begin); d != time.Second {
			t.Errorf("received after %v", d)
		}
		close(ch)
		if n, err := f.Await(ctx); n != 2 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
}

// A function that fails ends an EachChan whose channel stays silent.
func TestEachChanFails(t *testing.T) {
	took := clean(t, func(ctx context.Context, t *testing.T) {
		ch := make(chan int, 1)
		ch <- 1
		_, err := flow.EachChan(ctx, ch, flow.Options{Limit: 2}, func(context.Context, int) error { return errTest }).Await(ctx)
		if err != errTest {
			t.Errorf("got %v", err)
		}
	})
	if took != 0 {
		t.Errorf("took %v", took)
	}
}

// Each function waits for the Limiter, within the limit; a Limiter that fails
// is the function's error.
func TestEachLimiter(t *testing.T) {
	took := clean(t, func(ctx context.Context, t *testing.T) {
		tick := time.Now()
		var waits int
		limiter := limiterFunc(func(ctx context.Context) error {
			if waits++; waits > 5 {
				return errTest
			}
			tick = tick.Add(time.Second)
			return timer.Sleep(ctx, time.Until(tick))
		})
		var g gauge
		n, err := flow.Each(ctx, upTo(100), flow.Options{Limit: 1, Limiter: limiter}, func(context.Context, int) error {
			defer g.in()()
			return nil
		}).Await(ctx)
		if n != 5 || g.all != 5 || err != errTest {
			t.Errorf("%d of %d, %v", n, g.all, err)
		}
	})
	if took != 5*time.Second {
		t.Errorf("took %v", took)
	}
}

// An Each below Limit and MaxInFlight gets along with one slot, also from a
// function that holds it.
func TestEachBelowLimit(t *testing.T) {
	o := bubble(t, &aio.Loop{MaxInFlight: 1}, func(ctx context.Context, t *testing.T) {
		_, err := aio.Go(aio.Limit(ctx, 1), "outer", func(ctx context.Context) (int, error) {
			var g gauge
			n, err := flow.Each(ctx, upTo(10), flow.Options{Limit: 5}, func(ctx context.Context, _ int) error {
				defer g.in()()
				return timer.Sleep(ctx, time.Second)
			}).Await(ctx)
			if n != 10 || g.most != 1 {
				t.Errorf("%d, %d at once", n, g.most)
			}
			return n, err
		}).Await(ctx)
		if err != nil {
			t.Errorf("aio.Go: %v", err)
		}
	})
	if o.err != nil || o.took != 10*time.Second {
		t.Errorf("%v after %v", o.err, o.took)
	}
}

// An Each goes on while the loop drains, for Grace; with UntilDrain it ends.
func TestEachDrains(t *testing.T) {
	for name, c := range map[string]struct {
		until func(context.Context) context.Context
		took  time.Duration
	}{
		"work":  {func(ctx context.Context) context.Context { return ctx }, 8 * time.Second},
		"ended": {aio.UntilDrain, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			var read atomic.Int64
			o := bubble(t, &aio.Loop{Grace: 5 * time.Second}, func(ctx context.Context, _ *testing.T) {
				flow.Each(c.until(ctx), count(&read), flow.Options{Limit: 3}, func(ctx context.Context, _ int) error {
					return timer.Sleep(ctx, time.Second)
				})
				time.Sleep(3 * time.Second)
				aio.LoopOf(ctx).Exit(nil)
			})
			if o.took != c.took || o.err != nil || len(o.events) > 0 {
				t.Errorf("took %v: %v, events %v", o.took, o.err, o.events)
			}
		})
	}
}

// Cancelled at any moment, an Each ends, and reports what it has done.
func TestEachCancelledAnytime(t *testing.T) {
	for range 50 {
		after := time.Duration(rand.IntN(5000)) * time.Microsecond
		clean(t, func(ctx context.Context, t *testing.T) {
			own, cancel := context.WithTimeoutCause(ctx, after, errTest)
			defer cancel()
			var read, done atomic.Int64
			n, err := flow.Each(own, count(&read), flow.Options{Limit: 3, KeepGoing: after%2 == 0}, func(ctx context.Context, _ int) error {
				if err := timer.Sleep(ctx, time.Duration(rand.IntN(1000))*time.Microsecond); err != nil {
					return err
				}
				done.Add(1)
				return nil
			}).Await(ctx)
			if !errors.Is(err, errTest) || n != int(done.Load()) {
				t.Errorf("after %v: %d of %d, %v", after, n, done.Load(), err)
			}
		})
	}
}

// lateCtx is a foreign ctx that is known to have ended before its Done channel
// is closed.
type lateCtx struct {
	context.Context
	err  atomic.Bool
	done chan struct{}
}

func (c *lateCtx) Done() <-chan struct{} { return c.done }

func (c *lateCtx) Err() error {
	if c.err.Load() {
		return errTest
	}
	return nil
}

// A sequence may see that ctx has ended before the Each does.
func TestEachSequenceIsFirst(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		own := &lateCtx{Context: ctx, done: make(chan struct{})}
		defer close(own.done)
		_, err := flow.Each(own, func(func(int) bool) { own.err.Store(true) }, flow.Options{}, func(context.Context, int) error { return nil }).Await(ctx)
		if err == nil {
			t.Error("it did not fail")
		}
	})
}

// After the end of ctx the sequence is not asked for another value, even if
// there is room.
func TestEachStopsReading(t *testing.T) {
	for range 20 {
		clean(t, func(ctx context.Context, t *testing.T) {
			goOn := make(chan struct{})
			asked := 0
			f := flow.Each(ctx, func(yield func(int) bool) {
				<-goOn
				for asked++; yield(0); asked++ {
				}
			}, flow.Options{Limit: 5}, func(context.Context, int) error { return nil })
			synctest.Wait()
			f.Cancel(errTest)
			close(goOn)
			if _, err := f.Await(ctx); !errors.Is(err, errTest) || asked != 1 {
				t.Errorf("%v, %d values", err, asked)
			}
		})
	}
}
