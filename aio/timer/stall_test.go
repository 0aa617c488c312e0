package timer_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
	"goaio.example/aio/timer"
)

// stall sets an alarm that comes after at and whose function returns after to:
// what is due in the meantime comes late, as in a process that is not
// scheduled.
func stall(ctx context.Context, t *testing.T, at, to time.Duration) {
	t.Helper()
	op, err := aio.Begin(ctx, 0, "stalls")
	if err != nil {
		t.Fatal("Begin in a running loop:", err)
	}
	end := time.Now().Add(to)
	alarm.Of(op).Set(alarm.New(func() {
		time.Sleep(time.Until(end))
		op.End(nil)
	}), at)
}

// A MissedSkip ticker that is late by whole periods counts those ticks as
// missed, and keeps its phase.
func TestTickerLateByPeriods(t *testing.T) {
	for late, want := range map[time.Duration][]string{
		0:        {"1@100", "2@200", "3@300"},
		99 * ms:  {"1@199", "2@200", "3@300"},
		100 * ms: {"2(-1)@200", "3@300", "4@400"},
		101 * ms: {"2(-1)@201", "3@300", "4@400"},
		250 * ms: {"3(-2)@350", "4@400", "5@500"},
	} {
		bubble(t, func(ctx context.Context, t *testing.T) error {
			start := time.Now()
			every := timer.Every(ctx, 100*ms, timer.Interval{})
			stall(ctx, t, 50*ms, 100*ms+late)
			var got []string
			for tick := range every.Ticks(ctx) {
				if got = append(got, fmt.Sprintf("%s@%d", ticked(start, tick), time.Since(start)/ms)); len(got) == len(want) {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("the first tick came %v late: ticks %v, want %v", late, got, want)
			}
			return nil
		})
	}
}

// resetWhileDue resets a ticker to the period at 35s, after its alarm was taken
// out to be fired, which happens at 40s. It returns the ticker at 45s.
func resetWhileDue(ctx context.Context, t *testing.T, missed timer.Missed, period time.Duration) *timer.Ticker {
	t.Helper()
	every := timer.Every(ctx, 20*time.Second, timer.Interval{Missed: missed})
	stall(ctx, t, time.Second, 30*time.Second)
	// is taken out with the ticker's alarm, and fires first
	stall(ctx, t, 2*time.Second, 40*time.Second)
	time.Sleep(35 * time.Second)
	if !every.Reset(period) {
		t.Error("Reset of a ticker that ticks reported false")
	}
	time.Sleep(10 * time.Second)
	synctest.Wait()
	return every
}

// An alarm that was taken out before a Reset makes no tick.
func TestTickerResetWhileDue(t *testing.T) {
	for _, missed := range []timer.Missed{timer.MissedSkip, timer.MissedBurst, timer.MissedDelay} {
		bubble(t, func(ctx context.Context, t *testing.T) error {
			start := time.Now()
			select {
			case tick := <-resetWhileDue(ctx, t, missed, time.Hour).C():
				t.Errorf("%v: a ticker was reset to 1h at 35s, and a tick of %v came by 45s", missed, tick.At.Sub(start))
			default:
			}
			return nil
		})
	}
}

// If the new period has passed by the time that such an alarm fires, the two
// alarms together make each tick once.
func TestTickerResetAndDueAgain(t *testing.T) {
	for missed, want := range map[timer.Missed][]string{
		timer.MissedSkip:  {"400", "460"},
		timer.MissedBurst: {"360", "370", "380", "390", "400", "410", "420", "430", "440", "450", "460"},
		timer.MissedDelay: {"360", "460"},
	} {
		bubble(t, func(ctx context.Context, t *testing.T) error {
			start := time.Now()
			every := resetWhileDue(ctx, t, missed, time.Second)
			var got []string
			for tick := range every.Ticks(ctx) {
				if got = append(got, fmt.Sprint(int(tick.At.Sub(start)/(100*ms)))); len(got) == len(want) {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v: a ticker was reset to 1s at 35s, and read at 45s: ticks of %v, want %v (in units of 100 ms)", missed, got, want)
			}
			return nil
		})
	}
}

// A Debounce that is fired when its time has come, and before its function
// runs, runs once more.
func TestDebounceFiredWhileDue(t *testing.T) {
	bubble(t, func(ctx context.Context, t *testing.T) error {
		start := time.Now()
		var runs []time.Duration
		trigger := timer.Debounce(ctx, 20*time.Second, func(context.Context) error {
			runs = append(runs, time.Since(start))
			return nil
		})
		trigger.Fire()
		stall(ctx, t, time.Second, 30*time.Second)
		stall(ctx, t, 2*time.Second, 40*time.Second)
		time.Sleep(35 * time.Second)
		trigger.Fire()
		time.Sleep(time.Minute)
		synctest.Wait()
		if want := []time.Duration{40 * time.Second, 60 * time.Second}; !slices.Equal(runs, want) {
			t.Errorf("fired at 0s, due at 20s and late until 40s, fired again at 35s: it ran at %v, want %v", runs, want)
		}
		return nil
	})
}
