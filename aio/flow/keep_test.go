package flow_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/flow"
	"goaio.example/aio/internal/alarm"
	"goaio.example/aio/timer"
)

// exact waits 1, 2, 4 ... s between restarts.
var exact = timer.Backoff{Initial: time.Second, Jitter: -1}

// starts keeps when a function was begun, since the first time, in seconds.
type starts struct {
	first time.Time
	at    []int
}

func (s *starts) add() int {
	if s.first.IsZero() {
		s.first = time.Now()
	}
	s.at = append(s.at, int(time.Since(s.first).Seconds()))
	return len(s.at)
}

// A function that fails is restarted, after longer and longer waits, until it
// succeeds.
func TestKeep(t *testing.T) {
	var restarts []string
	took := clean(t, func(ctx context.Context, t *testing.T) {
		var s starts
		k := flow.Keep(ctx, "worker", flow.Restart{Backoff: exact, OnRestart: func(err error, wait time.Duration) {
			restarts = append(restarts, fmt.Sprint(err, wait))
		}}, func(ctx context.Context) error {
			if got := inFlight(ctx, "flow.keep"); len(got) != 1 || got[0] != "worker" {
				t.Errorf("in flight: %q", got)
			}
			if s.add() < 4 {
				return errTest
			}
			return nil
		})
		_, err := k.Future().Await(ctx)
		if err != nil || !slices.Equal(s.at, []int{0, 1, 3, 7}) || k.Restarts() != 3 {
			t.Errorf("%v, starts %v, %d restarts", err, s.at, k.Restarts())
		}
	})
	if took != 7*time.Second || fmt.Sprint(restarts) != fmt.Sprintf("[%[1]v 1s %[1]v 2s %[1]v 4s]", errTest) {
		t.Errorf("took %v, %q", took, restarts)
	}
}

// Without a name it has the function's, and restarts are logged.
func TestKeepLogs(t *testing.T) {
	var log strings.Builder
	synctest.Test(t, func(t *testing.T) {
		loop := &aio.Loop{Logger: slog.New(slog.NewTextHandler(&log, nil))}
		n := 0
		err := loop.Run(context.Background(), func(ctx context.Context) error {
			flow.Keep(ctx, "", flow.Restart{}, func(context.Context) error {
				if n++; n == 1 {
					return errTest
				}
				return nil
			})
			return nil
		})
		if err != nil || n != 2 {
			t.Errorf("%v, %d runs", err, n)
		}
	})
	for _, want := range []string{"level=WARN", "restarting", "TestKeepLogs", errTest.Error(), "wait="} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q lacks %q", log.String(), want)
		}
	}
}

// With Always, nil is a reason to restart as well.
func TestKeepAlways(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		var s starts
		k := flow.Keep(ctx, "", flow.Restart{Backoff: exact, Always: true, Max: 2}, func(context.Context) error {
			s.add()
			return nil
		})
		var e *flow.RestartError
		_, err := k.Future().Await(ctx)
		if !errors.As(err, &e) || e.Last != nil || e.Restarts != 2 || k.Restarts() != 2 || !slices.Equal(s.at, []int{0, 1, 3}) {
			t.Errorf("%v, starts %v", err, s.at)
		}
	})
}

// More than Max restarts within Window fail the Keep: an event, and with
// ExitLoop the loop's end.
func TestKeepGivesUp(t *testing.T) {
	steady := timer.Backoff{Initial: 3 * time.Second, Factor: 1, Jitter: -1}
	for name, c := range map[string]struct {
		r    flow.Restart
		at   []int
		exit bool
	}{
		"default": {flow.Restart{Backoff: timer.Backoff{Initial: -1}}, []int{0, 0, 0, 0, 0, 0}, false},
		"window":  {flow.Restart{Backoff: steady, Max: 3, Window: 9 * time.Second}, []int{0, 3, 6, 9, 12, 15, 18, 21, 24, 27}, false},
		"longer":  {flow.Restart{Backoff: steady, Max: 3, Window: 9*time.Second + 1, ExitLoop: true}, []int{0, 3, 6, 9}, true},
		"none":    {flow.Restart{Backoff: steady, Max: -1, Window: time.Hour}, []int{0, 3, 6, 9, 12, 15, 18, 21, 24, 27}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var s starts
			o := bubble(t, nil, func(ctx context.Context, t *testing.T) {
				flow.Keep(ctx, "worker", c.r, func(context.Context) error {
					if s.add() == 10 {
						return nil
					}
					return errTest
				})
			})
			var e *flow.RestartError
			switch {
			case len(c.at) == 10 && len(o.events) == 0:
			case len(o.events) != 1 || !errors.As(o.events[0].Err, &e) || e.Name != "worker" || !errors.Is(e, errTest) || e.Restarts != len(c.at)-1 || o.events[0].Lost:
				t.Errorf("events: %v", o.events)
			}
			if (o.err != nil) != c.exit || c.exit && !errors.As(o.err, &e) || !slices.Equal(s.at, c.at) {
				t.Errorf("%v, starts %v", o.err, s.at)
			}
		})
	}
}

// A permanent error is not restarted, and the Scope around the Keep gets it.
func TestKeepPermanent(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		n := 0
		err := aio.Scope(ctx, "", func(ctx context.Context) error {
			flow.Keep(ctx, "", flow.Restart{}, func(context.Context) error {
				n++
				return timer.Permanent(errTest)
			})
			return nil
		})
		if !errors.Is(err, errTest) || n != 1 {
			t.Errorf("%v, %d runs", err, n)
		}
	})
}

// A function that ran well for long enough is restarted as after its first
// failure.
func TestKeepHealthy(t *testing.T) {
	for name, c := range map[string]struct {
		healthy, ran time.Duration
	}{
		"default": {0, time.Minute},
		"ill":     {0, time.Minute - 1},
		"set":     {time.Second, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			clean(t, func(ctx context.Context, t *testing.T) {
				var s starts
				k := flow.Keep(ctx, "", flow.Restart{Backoff: exact, Max: -1, Healthy: c.healthy}, func(context.Context) error {
					switch n := s.add(); n {
					case 1, 2:
					case 3, 4:
						time.Sleep(c.ran)
					default:
						return nil
					}
					return errTest
				})
				if _, err := k.Future().Await(ctx); err != nil {
					t.Errorf("k.Future: %v", err)
				}
				waits := []time.Duration{time.Second, 2 * time.Second, time.Second, time.Second}
				if name == "ill" {
					waits[2], waits[3] = 4*time.Second, 8*time.Second
				}
				want, at := []int{0}, time.Duration(0)
				for i, w := range waits {
					if i >= 2 {
						at += c.ran
					}
					at += w
					want = append(want, int(at.Seconds()))
				}
				if !slices.Equal(s.at, want) {
					t.Errorf("starts %v, want %v", s.at, want)
				}
			})
		})
	}
}

// The next run begins when all that the one before has started has ended, and
// its daemons with it.
func TestKeepChildren(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		var g gauge
		var s starts
		k := flow.Keep(ctx, "", flow.Restart{Backoff: timer.Backoff{Initial: -1}, Max: -1}, func(ctx context.Context) error {
			if g.now != 0 {
				t.Errorf("run %d begins beside %d of the one before", s.add(), g.now)
			}
			n := s.add()
			for _, start := range []func(context.Context, string, func(context.Context) error){aio.Spawn, aio.Daemon} {
				out := g.in()
				start(ctx, "child", func(ctx context.Context) error {
					defer out()
					<-ctx.Done()
					time.Sleep(time.Second) // and is slow to end
					return ctx.Err()
				})
			}
			if n == 2 { // the error of a child is the run's
				out := g.in()
				aio.Spawn(ctx, "", func(ctx context.Context) error {
					defer out()
					return errTest
				})
				return nil
			}
			if n == 4 {
				return timer.Permanent(errOther)
			}
			return errTest
		})
		_, err := k.Future().Await(ctx)
		if !errors.Is(err, errOther) || !slices.Equal(s.at, []int{0, 1, 2, 3}) || g.now != 0 {
			t.Errorf("%v, starts %v, %d left", err, s.at, g.now)
		}
	})
}

// A panic, with CatchPanics, and a Goexit are failures; without CatchPanics a
// panic ends the loop.
func TestKeepPanics(t *testing.T) {
	runs := 0
	main := func(ctx context.Context, _ *testing.T) {
		runs = 0
		flow.Keep(ctx, "", flow.Restart{Backoff: timer.Backoff{Initial: -1}}, func(context.Context) error {
			switch runs++; runs {
			case 1, 3:
				runtime.Goexit()
			case 2:
				panic("fn")
			}
			return nil
		})
	}
	o := bubble(t, nil, main)
	if o.err != nil || runs != 4 || len(o.events) != 1 || !isPanic(o.events[0].Err, "fn") {
		t.Errorf("fn called Goexit, panicked, called Goexit and returned nil: Run returned %v after %d runs with events %v, want nil, 4, and one event of the panic", o.err, runs, o.events)
	}
	o = bubble(t, &aio.Loop{}, main)
	if p, _ := o.panic.(error); !isPanic(p, "fn") || runs != 2 || len(o.events) > 0 {
		t.Errorf("fn panicked in its second run, without CatchPanics: Run panicked with %v after %d runs with events %v, want fn's panic, 2, and no events", o.panic, runs, o.events)
	}
}

// A panic and a Goexit of OnRestart end the Keep.
func TestKeepOnRestartPanics(t *testing.T) {
	for name, do := range map[string]func(){"panic": func() { panic("hook") }, "goexit": runtime.Goexit} {
		for _, fail := range []func() error{func() error { return errTest }, func() error { runtime.Goexit(); return nil }} {
			calls := 0
			o := bubble(t, nil, func(ctx context.Context, t *testing.T) {
				flow.Keep(ctx, "", flow.Restart{OnRestart: func(error, time.Duration) {
					calls++
					do()
				}}, func(context.Context) error { return fail() })
			})
			if len(o.events) != 1 || name == "panic" && !isPanic(o.events[0].Err, "hook") || name == "goexit" && !errors.Is(o.events[0].Err, aio.ErrGoexit) || calls != 1 {
				t.Errorf("%s: %d calls, events %v", name, calls, o.events)
			}
		}
	}
}

// The end of ctx ends a wait at once, and asks a function that runs to end;
// neither is restarted.
func TestKeepCancelled(t *testing.T) {
	for name, c := range map[string]struct {
		after, took    time.Duration
		runs, restarts int
		runsFor        time.Duration
	}{
		"before":  {0, 0, 0, 0, 0},
		"waiting": {1500 * time.Millisecond, 1500 * time.Millisecond, 2, 2, 0},
		"running": {1500 * time.Millisecond, 1500 * time.Millisecond, 1, 0, time.Hour},
	} {
		for _, own := range []bool{false, true} {
			t.Run(fmt.Sprint(name, own), func(t *testing.T) {
				runs := 0
				took := clean(t, func(ctx context.Context, t *testing.T) {
					kctx, cancel := context.WithCancelCause(ctx)
					if c.after == 0 {
						cancel(errTest)
					}
					k := flow.Keep(kctx, "", flow.Restart{Backoff: exact}, func(ctx context.Context) error {
						if runs++; c.runsFor > 0 {
							return timer.Sleep(ctx, c.runsFor)
						}
						return errOther
					})
					f := k.Future()
					time.Sleep(c.after)
					if own {
						f.Cancel(errTest)
					}
					cancel(errTest)
					if _, err := f.Await(ctx); err != errTest || k.Restarts() != c.restarts {
						t.Errorf("got %v, %d restarts", err, k.Restarts())
					}
				})
				if took != c.took || runs != c.runs {
					t.Errorf("took %v, %d runs", took, runs)
				}
			})
		}
	}
}

// A Keep that waits ends when the loop drains. One that runs goes on, and is
// not restarted.
func TestKeepDrains(t *testing.T) {
	for name, c := range map[string]struct {
		runsFor, took time.Duration
		err           error
		events        int
	}{
		"waiting": {0, 4 * time.Second, errTest, 0},
		"running": {5 * time.Second, 5 * time.Second, nil, 0},
		"failing": {5 * time.Second, 5 * time.Second, errTest, 1},
	} {
		t.Run(name, func(t *testing.T) {
			runs := 0
			o := bubble(t, nil, func(ctx context.Context, t *testing.T) {
				flow.Keep(ctx, "", flow.Restart{Backoff: exact, Always: true, Max: -1}, func(ctx context.Context) error {
					runs++
					timer.Sleep(ctx, c.runsFor)
					return c.err
				})
				time.Sleep(4 * time.Second)
				aio.LoopOf(ctx).Exit(nil)
				synctest.Wait()
				runs = -runs
				flow.Keep(ctx, "", flow.Restart{}, func(context.Context) error {
					t.Error("a Keep began while the loop drains")
					return nil
				})
			})
			if o.took != c.took || o.err != nil || len(o.events) != c.events || runs >= 0 {
				t.Errorf("took %v: %v, events %v, %d runs", o.took, o.err, o.events, runs)
			}
		})
	}
}

// What ends the Keep while OnRestart is called ends the wait that follows, and
// no alarm is left.
func TestKeepEndsInOnRestart(t *testing.T) {
	for name, c := range map[string]struct {
		end func(ctx context.Context, k *flow.Keeper)
		err error
	}{
		"cancel": {func(_ context.Context, k *flow.Keeper) { k.Future().Cancel(errTest) }, errTest},
		"drain":  {func(ctx context.Context, _ *flow.Keeper) { aio.LoopOf(ctx).Exit(nil) }, aio.ErrExit},
	} {
		for _, later := range []bool{false, true} {
			t.Run(fmt.Sprint(name, later), func(t *testing.T) {
				took := clean(t, func(ctx context.Context, t *testing.T) {
					op, err := aio.Begin(ctx, 0, "")
					if err != nil {
						t.Fatalf("aio.Begin: %v", err)
					}
					defer op.End(nil)
					var k *flow.Keeper
					begun := make(chan struct{})
					end := func() {
						c.end(ctx, k)
						synctest.Wait()
					}
					k = flow.Keep(ctx, "", flow.Restart{
						Backoff: timer.Backoff{Initial: time.Hour, Jitter: -1},
						OnRestart: func(error, time.Duration) {
							if !later {
								end()
							}
						},
					}, func(context.Context) error {
						<-begun
						return errOther
					})
					f := k.Future()
					close(begun)
					if later {
						synctest.Wait()
						if n := alarm.Of(op).Len(); n != 1 {
							t.Errorf("%d alarms", n)
						}
						end()
					}
					if _, err := f.Await(ctx); err != c.err {
						t.Errorf("got %v", err)
					}
					synctest.Wait()
					if n := alarm.Of(op).Len(); n != 0 {
						t.Errorf("%d alarms are left", n)
					}
				})
				if took != 0 {
					t.Errorf("took %v", took)
				}
			})
		}
	}
}

// While it waits there is one operation, and no goroutine.
func TestKeepWaitsWithoutGoroutine(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		before, ops := runtime.NumGoroutine(), aio.LoopOf(ctx).Stats().InFlight
		const n = 1000
		for range n {
			flow.Keep(ctx, "", flow.Restart{Backoff: timer.Backoff{Initial: time.Hour, Jitter: -1}}, func(context.Context) error { return errTest })
		}
		synctest.Wait()
		if got := runtime.NumGoroutine() - before; got > 20 {
			t.Errorf("%d goroutines", got)
		}
		if got := aio.LoopOf(ctx).Stats().InFlight - ops; got != n {
			t.Errorf("%d in flight", got)
		}
		aio.LoopOf(ctx).Exit(nil)
	})
}

// Without a loop the future says so.
func TestKeepNoLoop(t *testing.T) {
	k := flow.Keep(t.Context(), "", flow.Restart{}, func(context.Context) error {
		t.Error("the function ran")
		return nil
	})
	if _, err := k.Future().Await(t.Context()); !errors.Is(err, aio.ErrNoLoop) {
		t.Errorf("got %v", err)
	}
}
