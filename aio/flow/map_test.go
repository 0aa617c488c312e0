package flow_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/flow"
	"goaio.example/aio/timer"
)

// Results come in the order of the sequence, whatever takes how long.
func TestMap(t *testing.T) {
	took := clean(t, func(ctx context.Context, t *testing.T) {
		var g gauge
		var got []int
		for v, err := range flow.Map(ctx, upTo(8), flow.Options{Limit: 4}, func(ctx context.Context, i int) (int, error) {
			defer g.in()()
			return i * i, timer.Sleep(ctx, time.Duration(8-i)*time.Second)
		}) {
			if err != nil {
				t.Errorf("Map yielded the error %v", err)
			}
			got = append(got, v)
		}
		if !slices.Equal(got, []int{0, 1, 4, 9, 16, 25, 36, 49}) || g.most != 4 {
			t.Errorf("got %v, %d at once", got, g.most)
		}
	})
	if took != 12*time.Second { // 0 for 8 s, then 4 for 4 s
		t.Errorf("took %v", took)
	}
}

// Nothing runs, and nothing is read, beyond Limit ahead of the loop's body.
func TestMapAhead(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		var read, begun atomic.Int64
		next := int64(0)
		for v := range flow.Map(ctx, count(&read), flow.Options{Limit: 3}, func(_ context.Context, i int) (int, error) {
			begun.Add(1)
			return i, nil
		}) {
			time.Sleep(time.Second)
			synctest.Wait()
			next++ // v is taken, and 3 are ahead
			if int64(v) != next-1 || begun.Load() != next+3 || read.Load() != next+3 {
				t.Errorf("at %d: %d begun, %d read", v, begun.Load(), read.Load())
			}
			if v == 20 {
				break
			}
		}
	})
}

// Whatever ends the range has ended the functions by then, and the sequence.
func TestMapBreaksOff(t *testing.T) {
	for name, end := range map[string]func(func()){
		"break":  func(body func()) { body() },
		"panic":  func(body func()) { defer func() { recover() }(); body(); panic("body") },
		"goexit": func(body func()) { body(); runtime.Goexit() },
	} {
		t.Run(name, func(t *testing.T) {
			took := clean(t, func(ctx context.Context, t *testing.T) {
				var g gauge
				var stopped bool
				seq := func(yield func(int) bool) {
					defer func() { stopped = true }()
					for i := 0; yield(i); i++ {
					}
				}
				done := make(chan struct{})
				go func() {
					defer close(done)
					defer func() {
						if g.now != 0 || !stopped || g.all > 4 {
							t.Errorf("%+v, the sequence has stopped: %t", &g, stopped)
						}
						if got := inFlight(ctx, "flow.map"); len(got) > 0 {
							t.Errorf("in flight: %q", got)
						}
					}()
					for range flow.Map(ctx, seq, flow.Options{Limit: 3}, func(ctx context.Context, i int) (int, error) {
						defer g.in()()
						if i > 0 {
							<-ctx.Done()
							if context.Cause(ctx) != aio.ErrStopped {
								t.Errorf("cause: %v", context.Cause(ctx))
							}
							time.Sleep(time.Second)
							return 0, ctx.Err()
						}
						return i, nil
					}) {
						if name == "break" {
							break
						}
						end(func() { synctest.Wait() })
						if name == "panic" {
							return
						}
					}
				}()
				<-done
			})
			if took != time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// A panic of the body goes on when all has ended.
func TestMapBodyPanics(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		var g gauge
		defer func() {
			if v := recover(); v != "body" || g.now != 0 {
				t.Errorf("recovered %v, %d run", v, g.now)
			}
		}()
		for range flow.Map(ctx, upTo(9), flow.Options{Limit: 3}, func(ctx context.Context, i int) (int, error) {
			defer g.in()()
			return i, timer.Sleep(ctx, time.Duration(i)*time.Second)
		}) {
			panic("body")
		}
	})
}

// An error is yielded in its place, beside the value, and ends the sequence, or
// not.
func TestMapFails(t *testing.T) {
	for _, keep := range []bool{false, true} {
		clean(t, func(ctx context.Context, t *testing.T) {
			var got []string
			for v, err := range flow.Map(ctx, upTo(5), flow.Options{Limit: 2, KeepGoing: keep}, func(ctx context.Context, i int) (int, error) {
				if i == 2 {
					return -i, errTest
				}
				return i, timer.Sleep(ctx, time.Second)
			}) {
				got = append(got, fmt.Sprint(v, err))
			}
			want := []string{"0 <nil>", "1 <nil>", "-2 " + errTest.Error(), "3 <nil>", "4 <nil>"}
			if !keep {
				want = want[:3]
			}
			if !slices.Equal(got, want) {
				t.Errorf("keep going %t: got %q", keep, got)
			}
		})
	}
}

// What a function starts belongs to it.
func TestMapChildren(t *testing.T) {
	took := clean(t, func(ctx context.Context, t *testing.T) {
		n := 0
		for v, err := range flow.Map(ctx, upTo(3), flow.Options{Limit: 1, KeepGoing: true}, func(ctx context.Context, i int) (int, error) {
			aio.Spawn(ctx, "child", func(ctx context.Context) error {
				timer.Sleep(ctx, time.Second)
				return errTest
			})
			return i, nil
		}) {
			if v != n || err != errTest {
				t.Errorf("got %v, %v", v, err)
			}
			n++
		}
	})
	if took != 3*time.Second {
		t.Errorf("took %v", took)
	}
}

// A panic and a Goexit, in a function or the sequence, are yielded.
func TestMapPanics(t *testing.T) {
	for name, c := range map[string]struct {
		seq, fn func()
		want    func(error) bool
	}{
		"function panics":  {func() {}, func() { panic("fn") }, func(err error) bool { return isPanic(err, "fn") }},
		"function goexits": {func() {}, runtime.Goexit, func(err error) bool { return errors.Is(err, aio.ErrGoexit) }},
		"sequence panics":  {func() { panic("seq") }, func() {}, func(err error) bool { return isPanic(err, "seq") }},
		"sequence goexits": {runtime.Goexit, func() {}, func(err error) bool { return errors.Is(err, aio.ErrGoexit) }},
	} {
		for _, keep := range []bool{false, true} {
			t.Run(fmt.Sprint(name, keep), func(t *testing.T) {
				o := bubble(t, nil, func(ctx context.Context, t *testing.T) {
					var last error
					for _, err := range flow.Map(ctx, func(yield func(int) bool) {
						yield(0)
						yield(1)
						c.seq()
					}, flow.Options{Limit: 3, KeepGoing: keep}, func(ctx context.Context, i int) (int, error) {
						if i == 1 {
							c.fn()
						}
						timer.Sleep(ctx, time.Second)
						return i, ctx.Err()
					}) {
						if err != nil && (last == nil || !c.want(last)) {
							last = err
						}
					}
					if !c.want(last) {
						t.Errorf("got %v", last)
					}
				})
				for _, e := range o.events {
					if !c.want(e.Err) || e.Lost {
						t.Errorf("event: %v", e)
					}
				}
				if len(o.events) > 1 || o.err != nil {
					t.Errorf("%v, events %v", o.err, o.events)
				}
			})
		}
	}
}

// The end of ctx ends the range with the cause; before the first result as
// well, and in a function that does not look.
func TestMapCancelled(t *testing.T) {
	for name, nap := range map[string]func(context.Context) error{
		"looks": func(ctx context.Context) error { return timer.Sleep(ctx, time.Minute) },
		"does not look": func(context.Context) error {
			time.Sleep(time.Minute)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			took := clean(t, func(ctx context.Context, t *testing.T) {
				own, cancel := context.WithCancelCause(ctx)
				time.AfterFunc(time.Second, func() { cancel(errTest) })
				var g gauge
				var read atomic.Int64
				n := 0
				for _, err := range flow.Map(own, count(&read), flow.Options{Limit: 2}, func(ctx context.Context, i int) (int, error) {
					defer g.in()()
					return i, nap(ctx)
				}) {
					if n++; !errors.Is(err, errTest) || g.now > 0 {
						t.Errorf("got %v, %d run", err, g.now)
					}
				}
				if n != 1 || g.now != 0 || g.all != 2 {
					t.Errorf("%d results, %+v", n, &g)
				}
			})
			if want := map[string]time.Duration{"looks": time.Second, "does not look": time.Minute}[name]; took != want {
				t.Errorf("took %v", took)
			}
		})
	}
}

// Without a loop, and with a dead ctx, the reason is all that comes. A Map can
// be ranged over again.
func TestMapDeadCtx(t *testing.T) {
	fn := func(context.Context, int) (int, error) {
		t.Error("the function ran")
		return 0, nil
	}
	results := func(ctx context.Context) (errs []error) {
		m := flow.Map(ctx, upTo(3), flow.Options{}, fn)
		for range 2 {
			for _, err := range m {
				errs = append(errs, err)
			}
		}
		return errs
	}
	if errs := results(t.Context()); !slices.Equal(errs, []error{aio.ErrNoLoop, aio.ErrNoLoop}) {
		t.Errorf("got %v", errs)
	}
	clean(t, func(ctx context.Context, t *testing.T) {
		dead, cancel := context.WithCancelCause(ctx)
		cancel(errTest)
		if errs := results(dead); !slices.Equal(errs, []error{errTest, errTest}) {
			t.Errorf("got %v", errs)
		}
	})
}

// Results come while the channel is silent; breaking off does not wait for it.
func TestMapChan(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		ch := make(chan int, 3)
		ch <- 1
		ch <- 2
		sum := 0
		for v, err := range flow.MapChan(ctx, ch, flow.Options{Limit: 5}, func(_ context.Context, i int) (int, error) { return i, nil }) {
			if sum += v; err != nil || sum == 3 {
				break
			}
		}
		ch <- 4
		close(ch)
		for v, err := range flow.MapChan(ctx, ch, flow.Options{}, func(_ context.Context, i int) (int, error) { return i, nil }) {
			if sum += v; err != nil {
				t.Errorf("MapChan yielded the error %v", err)
			}
		}
		if sum != 7 {
			t.Errorf("the sum is %d", sum)
		}
	})
}

// A function that ranges over a Map lends its slot.
func TestMapBelowLimit(t *testing.T) {
	o := bubble(t, &aio.Loop{MaxInFlight: 1}, func(ctx context.Context, t *testing.T) {
		sum, err := aio.Go(aio.Limit(ctx, 1), "outer", func(ctx context.Context) (sum int, err error) {
			for v, err := range flow.Map(ctx, upTo(5), flow.Options{Limit: 3}, func(ctx context.Context, i int) (int, error) {
				aio.Spawn(ctx, "child", func(ctx context.Context) error { return timer.Sleep(ctx, time.Second) })
				return i, nil
			}) {
				if err != nil {
					return sum, err
				}
				sum += v
			}
			return sum, nil
		}).Await(ctx)
		if sum != 10 || err != nil {
			t.Errorf("%d, %v", sum, err)
		}
	})
	if o.err != nil || o.took != 5*time.Second {
		t.Errorf("%v after %v", o.err, o.took)
	}
}

// The error of a function behind the end of the range is an event; that it was
// cancelled is none.
func TestMapLateError(t *testing.T) {
	o := bubble(t, nil, func(ctx context.Context, t *testing.T) {
		for range flow.Map(ctx, upTo(9), flow.Options{Limit: 3}, func(ctx context.Context, i int) (int, error) {
			if i == 0 {
				return i, nil
			}
			<-ctx.Done()
			if i == 1 {
				return 0, errTest
			}
			return 0, ctx.Err()
		}) {
			synctest.Wait()
			break
		}
	})
	if len(o.events) != 1 || !errors.Is(o.events[0].Err, errTest) || !o.events[0].Lost {
		t.Errorf("events: %v", o.events)
	}
}

// The errors of functions behind the first one are joined, unless they were
// only cancelled.
func TestMapJoinsErrors(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		for v, err := range flow.Map(ctx, upTo(9), flow.Options{Limit: 3}, func(ctx context.Context, i int) (int, error) {
			switch i {
			case 0:
				synctest.Wait() // for the third to fail before it is cancelled
				return 7, errTest
			case 1:
				<-ctx.Done()
				return 0, fmt.Errorf("cancelled: %w", ctx.Err())
			}
			return 0, errOther
		}) {
			if v != 7 || err.Error() != errTest.Error()+"\n"+errOther.Error() || !errors.Is(err, errTest) || !errors.Is(err, errOther) {
				t.Errorf("got %v, %v", v, err)
			}
		}
	})
}

// Limiter and Name hold for a Map as well.
func TestMapOptions(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		n := 0
		limiter := limiterFunc(func(context.Context) error {
			if n++; n > 2 {
				return errTest
			}
			return nil
		})
		var got []any
		for v, err := range flow.Map(ctx, upTo(9), flow.Options{Limit: 1, Limiter: limiter, Name: "named"}, func(ctx context.Context, i int) (int, error) {
			if ops := inFlight(ctx, "flow.map"); len(ops) != 1 || ops[0] != "named" {
				t.Errorf("in flight: %q", ops)
			}
			return i, nil
		}) {
			got = append(got, v, err)
		}
		if want := []any{0, nil, 1, nil, 0}; len(got) != 6 || fmt.Sprint(got[:5]) != fmt.Sprint(want) || !errors.Is(got[5].(error), errTest) {
			t.Errorf("got %v", got)
		}
	})
}

// Cancelled and broken off at any moment, nothing is left.
func TestMapAnytime(t *testing.T) {
	for range 50 {
		after := time.Duration(rand.IntN(5000)) * time.Microsecond
		stop := rand.IntN(20)
		clean(t, func(ctx context.Context, t *testing.T) {
			own, cancel := context.WithTimeoutCause(ctx, after, errTest)
			defer cancel()
			var read atomic.Int64
			var g gauge
			next := 0
			for v, err := range flow.Map(own, count(&read), flow.Options{Limit: 3}, func(ctx context.Context, i int) (int, error) {
				defer g.in()()
				return i, timer.Sleep(ctx, time.Duration(rand.IntN(1000))*time.Microsecond)
			}) {
				if err != nil && !errors.Is(err, errTest) || err == nil && v != next {
					t.Errorf("result %d is %v, %v", next, v, err)
				}
				if next++; next == stop {
					break
				}
			}
			if g.now != 0 {
				t.Errorf("%d run", g.now)
			}
		})
	}
}

// Breaking off ends the functions also when the sequence has ended before.
func TestMapBreaksOffAtTheEnd(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		var g gauge
		for range flow.Map(ctx, upTo(3), flow.Options{Limit: 5}, func(ctx context.Context, i int) (int, error) {
			defer g.in()()
			if i > 0 {
				<-ctx.Done()
			}
			return i, ctx.Err()
		}) {
			synctest.Wait()
			if got := inFlight(ctx, "flow.map"); len(got) > 0 {
				t.Errorf("in flight: %q", got)
			}
			break
		}
		if g.now != 0 || g.all != 3 {
			t.Errorf("%+v", &g)
		}
	})
}

// A function that was cancelled with ctx fails with the cause, also when its
// result is there and the sequence has ended.
func TestMapCause(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		own, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		var errs []error
		for _, err := range flow.Map(own, upTo(3), flow.Options{Limit: 5}, func(ctx context.Context, i int) (int, error) {
			if i > 0 {
				<-ctx.Done()
			}
			return i, ctx.Err()
		}) {
			synctest.Wait()
			cancel(errTest)
			synctest.Wait()
			errs = append(errs, err)
		}
		if len(errs) != 2 || errs[0] != nil || !errors.Is(errs[1], errTest) || !errors.Is(errs[1], context.Canceled) {
			t.Errorf("got %v", errs)
		}
	})
}

// When the statement after the loop runs, the Map's operation has ended too.
func TestMapHasEnded(t *testing.T) {
	for _, breaks := range []bool{false, true} {
		l := &aio.Loop{CatchPanics: true}
		l.Observe.Ended = func(op aio.OpInfo, _ error, _ time.Duration) {
			if op.Kind.String() == "flow.map" {
				time.Sleep(time.Second) // the result is not visible before
			}
		}
		bubble(t, l, func(ctx context.Context, t *testing.T) {
			for range flow.Map(ctx, upTo(3), flow.Options{}, func(_ context.Context, v int) (int, error) { return v, nil }) {
				if breaks {
					break
				}
			}
			if left := inFlight(ctx, "flow.map"); len(left) > 0 || aio.LoopOf(ctx).Stats().Kinds["flow.map"] > 0 {
				t.Errorf("a range over a Map has ended (by break: %v): %d in flight, want 0", breaks, aio.LoopOf(ctx).Stats().Kinds["flow.map"])
			}
		})
	}
}
