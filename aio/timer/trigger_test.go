package timer_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/timer"
)

// timed returns a callback that notes when it begins, in ms since now, and then
// works for a while.
func timed(t *testing.T, j *journal, work time.Duration) func(context.Context) error {
	start := time.Now()
	var running atomic.Int64
	return func(context.Context) error {
		if running.Add(1) != 1 {
			t.Error("runs overlap")
		}
		j.add(fmt.Sprint(int(time.Since(start) / ms)))
		time.Sleep(work)
		running.Add(-1)
		return nil
	}
}

// fireAt fires at the given times, in ms.
func fireAt(fire func(), times ...int) {
	start := time.Now()
	for _, at := range times {
		time.Sleep(time.Duration(at)*ms - time.Since(start))
		fire()
	}
}

func TestDebounce(t *testing.T) {
	var j journal
	clean(t, 450*ms, func(ctx context.Context, t *testing.T) {
		d := timer.Debounce(ctx, 100*ms, timed(t, &j, 0))
		fireAt(d.Fire, 0, 50, 120, 350)
	})
	if got := j.all(); !slices.Equal(got, []string{"220", "450"}) {
		t.Errorf("ran at %v", got)
	}
}

// Firing while the function runs has it run once more, d after it has returned.
func TestDebounceWhileRunning(t *testing.T) {
	var j journal
	clean(t, 800*ms, func(ctx context.Context, t *testing.T) {
		d := timer.Debounce(ctx, 100*ms, timed(t, &j, 300*ms))
		fireAt(d.Fire, 0, 150, 200)
	})
	if got := j.all(); !slices.Equal(got, []string{"100", "500"}) {
		t.Errorf("ran at %v", got)
	}
}

func TestThrottle(t *testing.T) {
	var j journal
	clean(t, 660*ms, func(ctx context.Context, t *testing.T) {
		th := timer.Throttle(ctx, 100*ms, timed(t, &j, 0))
		fireAt(th.Fire, 0, 10, 20, 90, 150, 450, 560, 570, 650)
	})
	if got := j.all(); !slices.Equal(got, []string{"0", "100", "200", "450", "560", "660"}) {
		t.Errorf("ran at %v", got)
	}
}

func TestThrottleWhileRunning(t *testing.T) {
	var j journal
	clean(t, 500*ms, func(ctx context.Context, t *testing.T) {
		th := timer.Throttle(ctx, 100*ms, timed(t, &j, 250*ms))
		fireAt(th.Fire, 0, 10, 20)
	})
	if got := j.all(); !slices.Equal(got, []string{"0", "250"}) {
		t.Errorf("ran at %v", got)
	}
}

func TestTriggerFlushAndStop(t *testing.T) {
	var j journal
	clean(t, 50*ms, func(ctx context.Context, t *testing.T) {
		d := timer.Debounce(ctx, time.Hour, timed(t, &j, 0))
		if d.Flush() || d.Stop() {
			t.Error("Flush or Stop without a run to come: true")
		}
		d.Fire()
		if !d.Stop() || d.Stop() || d.Flush() {
			t.Error("Stop: false, or twice true")
		}
		time.Sleep(50 * ms)
		d.Fire()
		if !d.Flush() {
			t.Error("Flush of a run to come: false")
		}
	})
	if got := j.all(); !slices.Equal(got, []string{"50"}) {
		t.Errorf("ran at %v", got)
	}
}

// With d <= 0 a trigger only prevents overlapping.
func TestTriggerWithoutTime(t *testing.T) {
	for _, start := range []func(context.Context, time.Duration, func(context.Context) error) *timer.Trigger{timer.Debounce, timer.Throttle} {
		var j journal
		clean(t, 200*ms, func(ctx context.Context, t *testing.T) {
			x := start(ctx, -1, timed(t, &j, 100*ms))
			fireAt(x.Fire, 0, 10, 20)
		})
		if got := j.all(); !slices.Equal(got, []string{"0", "100"}) {
			t.Errorf("ran at %v", got)
		}
	}
}

// A run can be stopped or fired from within, and a function that fails or
// panics does not break the trigger.
func TestTriggerFromInside(t *testing.T) {
	_, events, _ := bubble(t, func(ctx context.Context, t *testing.T) error {
		n := 0
		var x *timer.Trigger
		x = timer.Throttle(ctx, 100*ms, func(context.Context) error {
			x.Fire()
			if n++; n == 3 {
				x.Stop()
			}
			return errTest
		})
		x.Fire()
		time.Sleep(time.Second)
		synctest.Wait()
		if n != 3 {
			t.Errorf("ran %d times", n)
		}
		return nil
	})
	if len(events) != 3 {
		t.Errorf("events: %v", events)
	}
}

// When its ctx has ended a trigger does nothing.
func TestTriggerCancelled(t *testing.T) {
	for _, d := range []time.Duration{0, time.Hour} {
		clean(t, time.Second, func(ctx context.Context, t *testing.T) {
			ctx, cancel := context.WithCancel(ctx)
			x := timer.Debounce(ctx, time.Hour, mustNot(t))
			x.Fire()
			cancel()
			time.Sleep(time.Second)
			if x.Flush() || x.Stop() {
				t.Error("there is a run to come, of a timer that was cancelled")
			}
			y := timer.Throttle(ctx, d, mustNot(t))
			y.Fire()
			if y.Flush() || y.Stop() {
				t.Error("there is a run to come, with a dead ctx")
			}
		})
	}
}

// On the real clock: no runs overlap, and the last Fire is followed by a run.
func TestTriggerRaces(t *testing.T) {
	var rec recorder
	quiet(&rec).Run(context.Background(), func(ctx context.Context) error {
		for _, start := range []func(context.Context, time.Duration, func(context.Context) error) *timer.Trigger{timer.Debounce, timer.Throttle} {
			var running, fired, seen atomic.Int64
			x := start(ctx, 20*time.Microsecond, func(context.Context) error {
				if running.Add(1) != 1 {
					t.Error("runs overlap")
				}
				seen.Store(fired.Load())
				running.Add(-1)
				return nil
			})
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					for range 500 {
						fired.Add(1)
						x.Fire()
						timer.After(ctx, 15*time.Microsecond).Await(ctx)
					}
				})
			}
			wg.Wait()
			for aio.LoopOf(ctx).Stats().Callbacks > 0 {
				timer.After(ctx, ms).Await(ctx)
			}
			if fired.Load() != seen.Load() {
				t.Errorf("fired %d times, the last run saw %d", fired.Load(), seen.Load())
			}
		}
		return nil
	})
}
