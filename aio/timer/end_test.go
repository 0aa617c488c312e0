package timer_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/timer"
)

// An exit during a pending delay drops it.
func TestDrainDropsPending(t *testing.T) {
	clean(t, time.Second, func(ctx context.Context, t *testing.T) {
		d := timer.Delay(ctx, 10*time.Second, mustNot(t))
		a := timer.After(ctx, 10*time.Second)
		var daemons sync.Map
		aio.Daemon(ctx, "daemon", func(ctx context.Context) error {
			daemons.Store(timer.Delay(ctx, 10*time.Second, mustNot(t)), true)
			<-ctx.Done()
			return nil
		})
		every := timer.Every(ctx, 300*ms, timer.Interval{})
		time.Sleep(time.Second)
		aio.LoopOf(ctx).Exit(nil)
		for _, f := range []aio.Awaitable{d.Future(), a} {
			if err := aio.Wait(ctx, f); !errors.Is(err, aio.ErrExit) {
				t.Errorf("dropped at drain: %v, want ErrExit", err)
			}
		}
		<-every.Done()
		if err := every.Err(); !errors.Is(err, aio.ErrExit) {
			t.Errorf("the ticker: %v, want ErrExit", err)
		}
		daemons.Range(func(d, _ any) bool {
			if _, err := d.(*timer.Timer).Future().Await(ctx); !errors.Is(err, aio.ErrExit) {
				t.Errorf("a daemon's delay: %v, want ErrExit", err)
			}
			return true
		})
		// From now on there is no starting any, at this level.
		if _, err := timer.Delay(ctx, 0, mustNot(t)).Future().Result(); !errors.Is(err, aio.ErrExit) {
			t.Errorf("started while draining: %v, want ErrExit", err)
		}
		if _, err := timer.After(ctx, time.Second).Result(); !errors.Is(err, aio.ErrExit) {
			t.Errorf("started while draining: %v, want ErrExit", err)
		}
		if err := timer.Every(ctx, time.Second, timer.Interval{}).Err(); !errors.Is(err, aio.ErrExit) {
			t.Errorf("started while draining: %v, want ErrExit", err)
		}
	})
}

// A delay that work in progress has started, or starts while the loop drains,
// goes on.
func TestDrainKeepsWork(t *testing.T) {
	var ran atomic.Int64
	count := func(context.Context) error { ran.Add(1); return nil }
	clean(t, 10*time.Second, func(ctx context.Context, t *testing.T) {
		aio.Go(ctx, "work", func(ctx context.Context) (int, error) {
			d := timer.Delay(ctx, 5*time.Second, count)
			_, err := d.Future().Await(ctx)
			if err == nil {
				_, err = timer.Delay(ctx, 5*time.Second, count).Future().Await(ctx)
			}
			return 0, err
		})
		time.Sleep(time.Second)
		aio.LoopOf(ctx).Exit(nil)
	})
	if ran.Load() != 2 {
		t.Errorf("%d of 2 delays ran", ran.Load())
	}
}

// The seed's stats loop: a delay that starts itself again ends at drain, also
// if that comes while its callback runs.
func TestDrainEndsChain(t *testing.T) {
	for _, exit := range []time.Duration{0, 500 * ms, 1000 * ms, 1100 * ms, 2100 * ms, 2300 * ms} {
		end := exit
		switch exit { // while a callback runs, its end is waited for
		case 1000 * ms, 1100 * ms:
			end = 1200 * ms
		case 2100 * ms:
			end = 2200 * ms
		}
		clean(t, end, func(ctx context.Context, t *testing.T) {
			var again func(ctx context.Context) error
			again = func(ctx context.Context) error {
				timer.Delay(ctx, time.Second, again)
				time.Sleep(200 * ms)
				return nil
			}
			timer.Delay(ctx, time.Second, again)
			time.Sleep(exit)
			synctest.Wait()
			aio.LoopOf(ctx).Exit(nil)
		})
	}
}

// The same where the callback's ctx has a Done channel, which keeps its
// operation in the tree.
func TestDrainEndsGhosts(t *testing.T) {
	clean(t, 1200*ms, func(ctx context.Context, t *testing.T) {
		timer.Delay(ctx, time.Second, func(ctx context.Context) error {
			_ = ctx.Done()
			timer.Delay(ctx, time.Hour, mustNot(t))
			time.Sleep(200 * ms)
			return nil
		})
		time.Sleep(1100 * ms)
		aio.LoopOf(ctx).Exit(nil)
	})
}

// Cancelling ends what is pending at once, with the cause.
func TestCancelPending(t *testing.T) {
	for name, cancel := range cancels {
		t.Run(name, func(t *testing.T) {
			clean(t, time.Second, func(ctx context.Context, t *testing.T) {
				opCtx, stop := cancel(ctx)
				d := timer.Delay(opCtx, time.Hour, mustNot(t))
				a := timer.After(opCtx, time.Hour)
				every := timer.Every(opCtx, time.Hour, timer.Interval{})
				time.Sleep(time.Second)
				stop()
				for _, f := range []aio.Awaitable{d.Future(), a} {
					if err := aio.Wait(ctx, f); !errors.Is(err, errTest) {
						t.Errorf("%v, want the cause", err)
					}
				}
				<-every.Done()
				if !errors.Is(every.Err(), errTest) {
					t.Errorf("%v, want the cause", every.Err())
				}
				if d.Stop() || d.Reset(1) || every.Stop() || every.Reset(1) {
					t.Error("Stop or Reset of what was cancelled: true")
				}
			})
		})
	}
}

// cancels are ways to make a ctx of the loop that ends with errTest.
var cancels = map[string]func(ctx context.Context) (context.Context, func()){
	"ctx": func(ctx context.Context) (context.Context, func()) {
		ctx, cancel := context.WithCancelCause(ctx)
		return ctx, func() { cancel(errTest) }
	},
	"parent": func(ctx context.Context) (context.Context, func()) {
		p := aio.NewPromise[int](ctx, 0, "parent")
		return p.Context(), func() { p.Future().Cancel(errTest) }
	},
}

// Cancelling a running callback ends its ctx, and waits for it.
func TestCancelRunning(t *testing.T) {
	clean(t, 2*time.Second, func(ctx context.Context, t *testing.T) {
		d := timer.Delay(ctx, 0, func(ctx context.Context) error {
			<-ctx.Done()
			if !errors.Is(context.Cause(ctx), errTest) {
				t.Errorf("cause: %v", context.Cause(ctx))
			}
			time.Sleep(time.Second)
			return nil // it made it
		})
		time.Sleep(time.Second)
		d.Future().Cancel(errTest)
		start := time.Now()
		if _, err := d.Future().Await(ctx); err != nil || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// Whenever a timer is cancelled or stopped, there is one outcome, and all agree
// on it.
func TestCancelAtEveryMoment(t *testing.T) {
	const d, work = 3 * ms, 2 * ms
	ways := map[string]func(l *aio.Loop, cancel func(error), t *timer.Timer) bool{
		"stop":   func(_ *aio.Loop, _ func(error), t *timer.Timer) bool { return t.Stop() },
		"future": func(_ *aio.Loop, _ func(error), t *timer.Timer) bool { t.Future().Cancel(errTest); return false },
		"ctx":    func(_ *aio.Loop, cancel func(error), _ *timer.Timer) bool { cancel(errTest); return false },
		"exit":   func(l *aio.Loop, _ func(error), _ *timer.Timer) bool { l.Exit(nil); return false },
		"cancel": func(l *aio.Loop, _ func(error), _ *timer.Timer) bool { l.Cancel(nil); return false },
	}
	for name, way := range ways {
		for at := time.Duration(0); at <= d+work+ms; at += ms / 2 {
			var ran, ended atomic.Int64
			var err error
			bubble(t, func(loop context.Context, t *testing.T) error {
				ctx, cancel := context.WithCancelCause(loop)
				x := timer.Delay(ctx, d, func(ctx context.Context) error {
					ran.Add(1)
					select {
					case <-time.After(work):
						ended.Add(1)
						return nil
					case <-ctx.Done():
						return context.Cause(ctx)
					}
				})
				time.Sleep(at)
				stopped := way(aio.LoopOf(loop), cancel, x)
				_, err = x.Future().Await(context.Background())
				if stopped && !errors.Is(err, aio.ErrStopped) {
					t.Errorf("%s at %v: stopped, but the future says %v", name, at, err)
				}
				cancel(nil)
				return nil
			})
			switch r := ran.Load(); {
			case r > 1, r == 0 && err == nil, err == nil && ended.Load() != 1:
				t.Errorf("%s at %v: ran %d times, to its end %d times, and the future says %v", name, at, r, ended.Load(), err)
			case at < d && r != 0, at > d && r != 1:
				t.Errorf("%s at %v: ran %d times", name, at, r)
			}
		}
	}
}

// lookCtx is cancelled by the k-th call of one of its methods.
type lookCtx struct {
	context.Context
	left   *atomic.Int64
	cancel context.CancelCauseFunc
}

func (c lookCtx) look() {
	if c.left.Add(-1) == 0 {
		c.cancel(errTest)
	}
}

func (c lookCtx) Done() <-chan struct{} { c.look(); return c.Context.Done() }
func (c lookCtx) Err() error            { c.look(); return c.Context.Err() }
func (c lookCtx) Value(k any) any       { c.look(); return c.Context.Value(k) }

// Every operation resolves, with its value or the cause, at whichever look at
// its ctx that is cancelled.
func TestCancelAtEveryLook(t *testing.T) {
	ops := map[string]func(ctx context.Context) error{
		"delay now":   func(ctx context.Context) error { return result(timer.Delay(ctx, 0, noop).Future()) },
		"delay later": func(ctx context.Context) error { return result(timer.Delay(ctx, ms, noop).Future()) },
		"after now":   func(ctx context.Context) error { return result(timer.After(ctx, 0)) },
		"after later": func(ctx context.Context) error { return result(timer.After(ctx, ms)) },
		"every": func(ctx context.Context) error {
			e := timer.Every(ctx, ms, timer.Interval{})
			for range e.Ticks(context.Background()) {
				e.Stop()
			}
			<-e.Done()
			if errors.Is(e.Err(), aio.ErrStopped) {
				return nil
			}
			return e.Err()
		},
		"retry": func(ctx context.Context) error {
			n := 0
			return result(timer.Retry(ctx, timer.Backoff{}, func(ctx context.Context) (int, error) {
				if n++; n < 3 {
					return 0, errors.New("not yet")
				}
				return n, nil
			}))
		},
		"throttle": func(ctx context.Context) error {
			th := timer.Throttle(ctx, ms, noop)
			th.Fire()
			th.Fire()
			return nil
		},
	}
	for name, op := range ops {
		for k, over := int64(1), false; !over && k < 500; k++ {
			bubble(t, func(loop context.Context, t *testing.T) error {
				ctx, cancel := context.WithCancelCause(loop)
				c := lookCtx{ctx, new(atomic.Int64), cancel}
				c.left.Store(k)
				if err := op(c); err != nil && !errors.Is(err, errTest) {
					t.Errorf("%s, cancelled at look %d: %v", name, k, err)
				}
				synctest.Wait()
				over = c.left.Load() > 0
				cancel(nil)
				return nil
			})
		}
	}
}

func result[T any](f *aio.Future[T]) error {
	_, err := f.Await(context.Background())
	return err
}

// Stop, Reset, cancel and the alarm race on the real clock: if Stop says that
// it stopped, the callback does not run.
func TestRaces(t *testing.T) {
	var rec recorder
	l := quiet(&rec)
	err := l.Run(context.Background(), func(ctx context.Context) error {
		for range 3000 {
			var ran atomic.Int64
			x := timer.Delay(ctx, rand.N(60*time.Microsecond)-5*time.Microsecond, func(context.Context) error {
				ran.Add(1)
				return nil
			})
			var stops atomic.Int64
			var wg sync.WaitGroup
			for range 2 {
				wg.Go(func() {
					if rand.IntN(2) == 0 {
						x.Reset(rand.N(60 * time.Microsecond))
					}
					for range rand.IntN(3) {
						runtime.Gosched()
					}
					switch rand.IntN(3) {
					case 0, 1:
						if x.Stop() {
							stops.Add(1)
						}
					case 2:
						x.Future().Cancel(errTest)
					}
				})
			}
			wg.Wait()
			_, err := x.Future().Await(ctx)
			ok := stops.Load() == 0 && ran.Load() == 1 && err == nil ||
				stops.Load() == 1 && ran.Load() == 0 && errors.Is(err, aio.ErrStopped) ||
				stops.Load() == 0 && ran.Load() == 0 && errors.Is(err, errTest)
			if !ok {
				t.Errorf("stopped %d times, ran %d times, future: %v", stops.Load(), ran.Load(), err)
			}
		}
		return nil
	})
	if err != nil || len(rec.events) > 0 {
		t.Errorf("Run: %v; events: %v", err, rec.events)
	}
}
