package timer_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/timer"
)

func failing(context.Context) error { return errTest }

// The error of a callback is an event at once, and once.
func TestErrorIsEvent(t *testing.T) {
	_, events, err := bubble(t, func(ctx context.Context, t *testing.T) error {
		timer.Delay(ctx, time.Second, failing)
		return nil
	})
	if err != nil || len(events) != 1 || !errors.Is(events[0].Err, errTest) || events[0].Lost {
		t.Fatalf("%v, events: %v", err, events)
	}
	if name := events[0].Op.Name; !strings.HasSuffix(name, "timer_test.failing") {
		t.Errorf("the event is about %q, want the callback's name", name)
	}
}

// The event handler nearest to the timer gets it.
func TestErrorGoesToNearestHandler(t *testing.T) {
	var near recorder
	_, events, _ := bubble(t, func(ctx context.Context, t *testing.T) error {
		timer.Delay(aio.OnEvent(ctx, near.add), 0, failing)
		return nil
	})
	if len(events) != 0 || len(near.events) != 1 {
		t.Errorf("events: %v, near: %v", events, near.events)
	}
}

// Once the future was asked for, the error is the future's.
func TestErrorOfFuture(t *testing.T) {
	_, events, err := bubble(t, func(ctx context.Context, t *testing.T) error {
		_, err := timer.Delay(ctx, time.Second, failing).Future().Await(ctx)
		return err
	})
	if !errors.Is(err, errTest) || len(events) != 0 {
		t.Errorf("%v, events: %v", err, events)
	}
}

// Asked for too late, the future has the error, which is an event already.
func TestErrorOfLateFuture(t *testing.T) {
	_, events, _ := bubble(t, func(ctx context.Context, t *testing.T) error {
		d := timer.Delay(ctx, time.Second, failing)
		time.Sleep(2 * time.Second)
		if _, err := d.Future().Result(); !errors.Is(err, errTest) {
			t.Errorf("Result: %v", err)
		}
		return nil
	})
	if len(events) != 1 || events[0].Lost {
		t.Errorf("events: %v", events)
	}
}

// A future that was asked for and never looked at loses no error.
func TestLostError(t *testing.T) {
	_, events, _ := bubble(t, func(ctx context.Context, t *testing.T) error {
		timer.Delay(ctx, time.Second, failing).Future()
		return nil
	})
	if len(events) != 1 || !errors.Is(events[0].Err, errTest) || !events[0].Lost {
		t.Errorf("events: %v", events)
	}
}

// In a Scope the error of a callback is the Scope's, and cancels the rest.
func TestErrorInScope(t *testing.T) {
	took, events, err := bubble(t, func(ctx context.Context, t *testing.T) error {
		return aio.Scope(ctx, "scope", func(ctx context.Context) error {
			timer.Delay(ctx, time.Hour, mustNot(t))
			timer.Delay(ctx, time.Second, failing)
			timer.Every(ctx, time.Hour, timer.Interval{})
			return nil
		})
	})
	if !errors.Is(err, errTest) || took != time.Second || len(events) != 0 {
		t.Errorf("%v after %v, events: %v", err, took, events)
	}
}

// A Scope waits for its timers, and ends its tickers.
func TestScopeWaits(t *testing.T) {
	clean(t, time.Second, func(ctx context.Context, t *testing.T) {
		err := aio.Scope(ctx, "scope", func(ctx context.Context) error {
			timer.Every(ctx, 10*ms, timer.Interval{})
			timer.Delay(ctx, time.Second, noop)
			return nil
		})
		if err != nil {
			t.Errorf("aio.Scope: %v", err)
		}
	})
}

// panics are callbacks that do not return.
var panics = map[string]struct {
	fn   func(context.Context) error
	want func(error) bool
}{
	"error":  {func(context.Context) error { panic(errTest) }, func(err error) bool { return errors.Is(err, errTest) }},
	"string": {func(context.Context) error { panic("oh") }, func(err error) bool { return strings.Contains(err.Error(), "oh") }},
	"nil": {func(context.Context) error { panic(nil) }, func(err error) bool { //nolint:govet // that is the test
		p := new(runtime.PanicNilError)
		return errors.As(err, &p)
	}},
}

func TestPanicsCaught(t *testing.T) {
	for name, p := range panics {
		for _, d := range []time.Duration{0, time.Second} {
			for _, asked := range []bool{false, true} {
				var rec recorder
				l := quiet(&rec)
				l.CatchPanics = true
				err := l.Run(context.Background(), func(ctx context.Context) error {
					x := timer.Delay(ctx, min(d, ms), p.fn)
					if asked {
						_, err := x.Future().Await(ctx)
						if pe := new(aio.PanicError); !errors.As(err, &pe) || !p.want(err) || !strings.Contains(string(pe.Stack), "errors_test") {
							t.Errorf("%s: %v", name, err)
						}
					}
					return nil
				})
				if err != nil || len(rec.events) != 1 || !p.want(rec.events[0].Err) {
					t.Errorf("%s: %v, events: %v", name, err, rec.events)
				}
				if s := l.Stats(); s.Panicked != 1 || s.Timers != 0 {
					t.Errorf("%s: %+v", name, s)
				}
			}
		}
	}
}

func TestPanicsLoud(t *testing.T) {
	for name, p := range panics {
		var rec recorder
		func() {
			defer func() {
				if err, _ := recover().(*aio.PanicError); err == nil || !p.want(err) {
					t.Errorf("%s: Run panicked with %v", name, err)
				}
			}()
			quiet(&rec).Run(context.Background(), func(ctx context.Context) error {
				timer.Delay(ctx, time.Hour, mustNot(t))
				timer.Delay(ctx, ms, p.fn)
				return nil
			})
			t.Errorf("%s: Run returned", name)
		}()
	}
}

func TestGoexit(t *testing.T) {
	_, events, _ := bubble(t, func(ctx context.Context, t *testing.T) error {
		for _, d := range []time.Duration{ms, time.Second} {
			exit := func(context.Context) error { runtime.Goexit(); return nil }
			if _, err := timer.Delay(ctx, d, exit).Future().Await(ctx); !errors.Is(err, aio.ErrGoexit) {
				t.Errorf("future: %v", err)
			}
			timer.Delay(ctx, d, exit)
		}
		return nil
	})
	if len(events) != 2 || !errors.Is(events[0].Err, aio.ErrGoexit) {
		t.Errorf("events: %v", events)
	}
}
