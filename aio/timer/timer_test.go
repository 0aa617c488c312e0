package timer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/timer"
)

// A delay without a time still runs, asynchronously.
func TestDelayNextTurn(t *testing.T) {
	for _, d := range []time.Duration{0, -1, -time.Hour} {
		clean(t, 0, func(ctx context.Context, t *testing.T) {
			var j journal
			timer.Delay(ctx, d, func(context.Context) error { j.add("callback"); return nil })
			j.add("turn")
			synctest.Wait()
			// "turn" may come second: the callback runs beside the caller, but
			// never inside the call of Delay.
			if got := j.all(); len(got) != 2 {
				t.Errorf("d = %v: %v", d, got)
			}
		})
	}
}

// The callback does not run on the caller's stack: a lock that the caller holds
// is no deadlock.
func TestDelayNotWithinTheCall(t *testing.T) {
	clean(t, time.Second, func(ctx context.Context, t *testing.T) {
		turn := make(chan struct{})
		timer.Delay(ctx, 0, func(context.Context) error { <-turn; return nil })
		time.Sleep(time.Second)
		close(turn)
	})
}

func TestDelayFiresOnTime(t *testing.T) {
	clean(t, 2*time.Second, func(ctx context.Context, t *testing.T) {
		start := time.Now()
		timer.Delay(ctx, 2*time.Second, func(context.Context) error {
			if d := time.Since(start); d != 2*time.Second {
				t.Errorf("fired after %v, want 2 s", d)
			}
			return nil
		})
	})
}

func TestDelaysInOrder(t *testing.T) {
	clean(t, 3*time.Second, func(ctx context.Context, t *testing.T) {
		var j journal
		for _, s := range []int{2, 3, 1} {
			timer.Delay(ctx, time.Duration(s)*time.Second, func(context.Context) error {
				j.add(fmt.Sprint(s))
				return nil
			})
		}
		timer.After(ctx, 3*time.Second).Await(ctx)
		synctest.Wait()
		if got := j.all(); !slices.Equal(got, []string{"1", "2", "3"}) {
			t.Errorf("order: %v", got)
		}
	})
}

func TestDelaysOfOneTime(t *testing.T) {
	var n atomic.Int64
	clean(t, time.Second, func(ctx context.Context, t *testing.T) {
		for range 3 {
			timer.Delay(ctx, time.Second, func(context.Context) error { n.Add(1); return nil })
		}
	})
	if n.Load() != 3 {
		t.Errorf("%d of 3 fired", n.Load())
	}
}

// What a callback starts is the timer's child, and may outlive it.
func TestDelayIsParent(t *testing.T) {
	clean(t, 3*time.Second, func(ctx context.Context, t *testing.T) {
		timer.Delay(ctx, time.Second, func(ctx context.Context) error {
			timer.After(ctx, 2*time.Second)
			var got []aio.OpInfo
			for i := range aio.LoopOf(ctx).Ops() {
				if i.Kind.String() == "timer.after" {
					got = append(got, i)
				}
			}
			if len(got) != 1 || len(got[0].Parents) != 2 || !strings.Contains(got[0].Parents[0], "TestDelayIsParent") {
				t.Errorf("operations: %v", got)
			}
			return nil
		})
	})
}

func TestDelayFuture(t *testing.T) {
	clean(t, 2*time.Second, func(ctx context.Context, t *testing.T) {
		d := timer.Delay(ctx, time.Second, func(context.Context) error { time.Sleep(time.Second); return nil })
		if _, err := d.Future().Result(); !errors.Is(err, aio.ErrPending) {
			t.Errorf("Result of a pending timer: %v", err)
		}
		start := time.Now()
		if _, err := d.Future().Await(ctx); err != nil || time.Since(start) != 2*time.Second {
			t.Errorf("%v after %v: the future resolves when the callback has returned", err, time.Since(start))
		}
		if d.Stop() || d.Reset(1) {
			t.Error("Stop or Reset of a timer that is done: true")
		}
	})
}

func TestStop(t *testing.T) {
	clean(t, 0, func(ctx context.Context, t *testing.T) {
		d := timer.Delay(ctx, time.Hour, mustNot(t))
		if !d.Stop() {
			t.Error("Stop: false")
		}
		if d.Stop() || d.Reset(time.Second) {
			t.Error("Stop or Reset after Stop: true")
		}
		if _, err := d.Future().Result(); !errors.Is(err, aio.ErrStopped) {
			t.Errorf("the stopped timer's future: %v", err)
		}
		if s := aio.LoopOf(ctx).Stats(); s.Timers != 0 || s.Callbacks != 0 {
			t.Errorf("after Stop: %d timers, %d callbacks", s.Timers, s.Callbacks)
		}
	})
}

// Within the callback there is nothing left to stop or reset.
func TestStopFromInside(t *testing.T) {
	clean(t, time.Second, func(ctx context.Context, t *testing.T) {
		got := make(chan *timer.Timer, 1)
		d := timer.Delay(ctx, time.Second, func(context.Context) error {
			if d := <-got; d.Stop() || d.Reset(time.Second) {
				t.Error("Stop or Reset in the callback: true")
			}
			return nil
		})
		got <- d
		if _, err := d.Future().Await(ctx); err != nil {
			t.Errorf("d.Future: %v", err)
		}
	})
}

func TestReset(t *testing.T) {
	clean(t, 1500*ms, func(ctx context.Context, t *testing.T) {
		start := time.Now()
		d := timer.Delay(ctx, time.Hour, noop)
		for _, in := range []time.Duration{2 * time.Hour, time.Second} {
			if !d.Reset(in) {
				t.Error("Reset of a pending timer: false")
			}
		}
		time.Sleep(500 * ms)
		if !d.Reset(time.Second) {
			t.Error("Reset of a pending timer: false")
		}
		if _, err := d.Future().Await(ctx); err != nil || time.Since(start) != 1500*ms {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestResetToNow(t *testing.T) {
	clean(t, 0, func(ctx context.Context, t *testing.T) {
		d := timer.Delay(ctx, time.Hour, noop)
		if !d.Reset(-1) {
			t.Error("Reset of a pending timer: false")
		}
		d.Future().Await(ctx)
	})
}

func TestNewTimer(t *testing.T) {
	clean(t, time.Second, func(ctx context.Context, t *testing.T) {
		if _, err := timer.NewTimer(ctx, time.Second, noop).Future().Await(ctx); err != nil {
			t.Errorf("Future: %v", err)
		}
	})
}

func TestAfter(t *testing.T) {
	clean(t, time.Second, func(ctx context.Context, t *testing.T) {
		start := time.Now()
		for _, d := range []time.Duration{0, -1, time.Second} {
			at, err := timer.After(ctx, d).Await(ctx)
			if err != nil || !at.Equal(time.Now()) || time.Since(start) != max(d, 0) {
				t.Errorf("After(%v): %v, %v", d, at, err)
			}
		}
		select {
		case r := <-timer.After(ctx, 0).C():
			if r.Err != nil {
				t.Error(r.Err)
			}
		default:
			t.Error("After(0) is not there at once")
		}
	})
}

// A Delay or After needs a running loop, and a ctx that is not dead.
func TestNotStarted(t *testing.T) {
	ctx := context.Background()
	check := func(t *testing.T, ctx context.Context, want error) {
		t.Helper()
		d := timer.Delay(ctx, 0, mustNot(t))
		if _, err := d.Future().Result(); !errors.Is(err, want) {
			t.Errorf("Delay: %v, want %v", err, want)
		}
		if d.Stop() || d.Reset(1) {
			t.Error("Stop or Reset of a timer that did not start: true")
		}
		if _, err := timer.Delay(ctx, time.Hour, mustNot(t)).Future().Result(); !errors.Is(err, want) {
			t.Errorf("Delay: %v, want %v", err, want)
		}
		for _, in := range []time.Duration{0, time.Hour} {
			if _, err := timer.After(ctx, in).Result(); !errors.Is(err, want) {
				t.Errorf("After(%v): %v, want %v", in, err, want)
			}
		}
		every := timer.Every(ctx, time.Second, timer.Interval{Immediate: true})
		if err := every.Err(); !errors.Is(err, want) {
			t.Errorf("Every: %v, want %v", err, want)
		}
		<-every.Done()
		if every.Stop() || every.Reset(time.Second) || len(every.C()) != 0 {
			t.Error("a ticker that did not start ticks")
		}
		if _, err := timer.Retry(ctx, timer.Backoff{}, func(context.Context) (int, error) {
			t.Error("Retry called the function")
			return 0, nil
		}).Await(context.Background()); !errors.Is(err, want) {
			t.Errorf("Retry: %v, want %v", err, want)
		}
	}
	check(t, ctx, aio.ErrNoLoop)
	clean(t, 0, func(loop context.Context, t *testing.T) {
		ctx = loop
		dead, cancel := context.WithCancelCause(loop)
		cancel(errTest)
		check(t, dead, errTest)
	})
	check(t, ctx, aio.ErrLoopDone)
}

// The figures that stats gave in cl-async: three pending delays and the one
// that asks.
func TestStats(t *testing.T) {
	clean(t, time.Hour+time.Second, func(ctx context.Context, t *testing.T) {
		l := aio.LoopOf(ctx)
		timer.Delay(ctx, time.Second, func(ctx context.Context) error {
			for range 3 {
				timer.Delay(ctx, time.Hour, noop)
			}
			// main has returned
			if s := l.Stats(); s.Timers != 4 || s.Callbacks != 4 || s.InFlight != 4 {
				t.Errorf("4 delays: %d timers, %d callbacks, %d in flight", s.Timers, s.Callbacks, s.InFlight)
			}
			return nil
		})
	})
}

func TestStatsOf1000(t *testing.T) {
	clean(t, 1000*time.Second, func(ctx context.Context, t *testing.T) {
		l := aio.LoopOf(ctx)
		delays := make([]*timer.Timer, 400)
		for i := range delays {
			delays[i] = timer.Delay(ctx, time.Duration(i+1)*time.Second, noop)
		}
		for i := range 500 {
			timer.After(ctx, time.Duration(i+501)*time.Second)
		}
		for range 100 {
			timer.Every(ctx, time.Hour, timer.Interval{})
		}
		want := func(delay, after, ticker, ended, cancelled int64) {
			t.Helper()
			synctest.Wait()
			s := l.Stats()
			k := s.Kinds
			if k["timer.delay"] != delay || k["timer.after"] != after || k["timer.ticker"] != ticker {
				t.Errorf("kinds: %v, want %d delays, %d afters, %d tickers", k, delay, after, ticker)
			}
			if s.Timers != delay+after+ticker || s.Callbacks != delay || s.InFlight != s.Timers+1 {
				t.Errorf("%d timers, %d callbacks, %d in flight", s.Timers, s.Callbacks, s.InFlight)
			}
			if s.Ended != ended || s.Cancelled != cancelled || s.Failed != 0 {
				t.Errorf("%d ended, %d cancelled, %d failed; want %d, %d, 0", s.Ended, s.Cancelled, s.Failed, ended, cancelled)
			}
		}
		want(400, 500, 100, 0, 0)
		time.Sleep(100 * time.Second)
		want(300, 500, 100, 100, 0)
		for i, d := range delays {
			if d.Stop() != (i >= 100) {
				t.Errorf("Stop of delay %d: %v", i, i < 100)
			}
		}
		want(0, 500, 100, 400, 300)
		time.Sleep(500 * time.Second)
		want(0, 400, 100, 500, 300)
	})
}
