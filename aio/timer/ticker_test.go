package timer_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/timer"
)

// ticked describes when a tick was due, in units of 100 ms since start, and how
// many were dropped before it.
func ticked(start time.Time, tick timer.Tick) string {
	s := fmt.Sprint(int(tick.At.Sub(start) / (100 * ms)))
	if tick.Missed > 0 {
		s += fmt.Sprintf("(-%d)", tick.Missed)
	}
	return s
}

// The seed's interval: exactly 3 times by .32 s; its end lets the loop end.
func TestIntervalThreeTimes(t *testing.T) {
	n := 0
	clean(t, 320*ms, func(ctx context.Context, t *testing.T) {
		every := timer.Every(ctx, 100*ms, timer.Interval{})
		aio.Spawn(ctx, "reader", func(ctx context.Context) error {
			for range every.Ticks(ctx) {
				n++
			}
			return nil
		})
		timer.Delay(ctx, 320*ms, func(context.Context) error {
			if !every.Stop() {
				t.Error("Stop of a ticker that ticks: false")
			}
			return nil
		})
	})
	if n != 3 {
		t.Errorf("ticked %d times, want 3", n)
	}
}

func TestStopTickerFromInside(t *testing.T) {
	clean(t, 200*ms, func(ctx context.Context, t *testing.T) {
		n := 0
		every := timer.Every(ctx, 100*ms, timer.Interval{})
		for range every.Ticks(ctx) {
			if n++; n == 2 {
				every.Stop()
			}
		}
		if n != 2 || !errors.Is(every.Err(), aio.ErrStopped) || every.Stop() {
			t.Errorf("%d ticks, %v", n, every.Err())
		}
	})
}

// A ticker is a daemon: by itself it does not hold the loop open.
func TestTickerHoldsNothing(t *testing.T) {
	var every *timer.Ticker
	clean(t, 0, func(ctx context.Context, t *testing.T) {
		every = timer.Every(ctx, 100*ms, timer.Interval{})
	})
	if !errors.Is(every.Err(), aio.ErrExit) {
		t.Errorf("ended with %v, want ErrExit", every.Err())
	}
}

// goroutines counts the goroutines that the packages of this module have
// started, and not those of the runtime.
func goroutines() int {
	buf := make([]byte, 1<<20)
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), "created by goaio.example/aio.")
}

// A reader that is busy from 250 to 620 ms; with no ticker is there a goroutine
// while the reader is on time.
func TestMissed(t *testing.T) {
	for missed, want := range map[timer.Missed][]string{
		timer.MissedSkip:  {"1@100", "2@200", "3@620", "7(-3)@700", "8@800", "9@900"},
		timer.MissedBurst: {"1@100", "2@200", "3@620", "4@620", "5@620", "6@620", "7@700", "8@800", "9@900"},
		timer.MissedDelay: {"1@100", "2@200", "3@620", "7@720", "8@820", "9@920"},
	} {
		clean(t, 950*ms, func(ctx context.Context, t *testing.T) {
			start := time.Now()
			before := goroutines()
			every := timer.Every(ctx, 100*ms, timer.Interval{Missed: missed})
			var got []string
			for {
				var busy time.Duration
				select {
				case tick := <-every.C():
					got = append(got, fmt.Sprintf("%s@%d", ticked(start, tick), time.Since(start)/ms))
					if len(got) == 2 {
						busy = 420 * ms
					}
				case <-time.After(950*ms - time.Since(start)):
					every.Stop()
				}
				if every.Err() != nil {
					break
				}
				synctest.Wait()
				if n := goroutines(); busy == 0 && time.Since(start) > 720*ms && n > before {
					t.Errorf("%v: %d goroutines, %d before", missed, n, before)
				}
				time.Sleep(busy)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v:\n got %v\nwant %v", missed, got, want)
			}
		})
	}
}

// On the real clock, with a period that no reader can keep: no tick is lost
// without being counted, and the phase is kept.
func TestTickerTooFast(t *testing.T) {
	for _, missed := range []timer.Missed{timer.MissedSkip, timer.MissedBurst} {
		var rec recorder
		quiet(&rec).Run(context.Background(), func(ctx context.Context) error {
			const period = 300 * time.Nanosecond
			var last time.Time
			every := timer.Every(ctx, period, timer.Interval{Missed: missed})
			n := 0
			for tick := range every.Ticks(ctx) {
				late := time.Since(tick.At)
				if d := tick.At.Sub(last); !last.IsZero() && d != time.Duration(tick.Missed+1)*period || late < 0 {
					t.Errorf("%v: a tick %v after the one before, with %d missed between, %v late", missed, d, tick.Missed, late)
				}
				if last = tick.At; missed == timer.MissedBurst && tick.Missed != 0 {
					t.Errorf("%v: %d missed", missed, tick.Missed)
				}
				if n++; n == 200 {
					break
				}
			}
			return nil
		})
	}
}

// Whatever is missed, a ticker without a reader ends, and its loop too.
func TestTickerWithoutReader(t *testing.T) {
	for _, missed := range []timer.Missed{timer.MissedSkip, timer.MissedBurst, timer.MissedDelay, -1} {
		for _, end := range []string{"stop", "reset", "exit"} {
			clean(t, time.Second, func(ctx context.Context, t *testing.T) {
				every := timer.Every(ctx, 100*ms, timer.Interval{Missed: missed})
				time.Sleep(time.Second)
				switch end {
				case "stop":
					every.Stop()
				case "reset":
					if !every.Reset(time.Minute) {
						t.Error("Reset: false")
					}
				}
				select {
				case tick := <-every.C():
					if end != "exit" {
						t.Errorf("%v, after %s: a stale tick %v", missed, end, tick)
					}
				default:
				}
			})
		}
	}
}

func TestImmediate(t *testing.T) {
	clean(t, 200*ms, func(ctx context.Context, t *testing.T) {
		start := time.Now()
		var got []string
		every := timer.Every(ctx, 100*ms, timer.Interval{Immediate: true, Missed: timer.MissedDelay})
		for tick := range every.Ticks(ctx) {
			if got = append(got, ticked(start, tick)); len(got) == 3 {
				break
			}
		}
		if !slices.Equal(got, []string{"0", "1", "2"}) {
			t.Errorf("ticks: %v", got)
		}
	})
}

// Jitter has ticks come late by less than its share of the period, and does not
// add up.
func TestJitter(t *testing.T) {
	for jitter, most := range map[float64]time.Duration{-1: 0, 0: 0, math.NaN(): 0, 0.5: 50 * ms, 7: 100 * ms} {
		clean(t, 20*time.Second, func(ctx context.Context, t *testing.T) {
			start := time.Now()
			every := timer.Every(ctx, 100*ms, timer.Interval{Jitter: jitter})
			n, different := 0, map[time.Duration]bool{}
			for tick := range every.Ticks(ctx) {
				n++
				late := tick.At.Sub(start) - time.Duration(n)*100*ms
				different[late] = true
				if late < 0 || late > most || !tick.At.Equal(time.Now()) {
					t.Errorf("jitter %v: tick %d came %v late", jitter, n, late)
				}
				if n == 199 {
					break
				}
			}
			if n := len(different); (n > 100) != (most > 0) {
				t.Errorf("jitter %v: %d different delays", jitter, n)
			}
			time.Sleep(20*time.Second - time.Since(start))
		})
	}
}

func TestTickerReset(t *testing.T) {
	clean(t, 2350*ms, func(ctx context.Context, t *testing.T) {
		start := time.Now()
		every := timer.Every(ctx, 100*ms, timer.Interval{})
		time.Sleep(350 * ms) // a tick waits, and two were dropped
		if !every.Reset(time.Second) {
			t.Error("Reset: false")
		}
		for range 2 {
			tick := <-every.C()
			if d := tick.At.Sub(start) - 350*ms; tick.Missed != 0 || d%time.Second != 0 || d == 0 {
				t.Errorf("a ticker was reset to 1s: a tick %v later with %d missed, want whole seconds later and none missed", d, tick.Missed)
			}
		}
	})
}

// A period that is not positive is a reported error, and not a panic.
func TestBadPeriod(t *testing.T) {
	for _, start := range []func(ctx context.Context) *timer.Ticker{
		func(ctx context.Context) *timer.Ticker { return timer.Every(ctx, 0, timer.Interval{}) },
		func(ctx context.Context) *timer.Ticker { return timer.Every(ctx, -1, timer.Interval{Immediate: true}) },
		func(ctx context.Context) *timer.Ticker {
			every := timer.Every(ctx, 1, timer.Interval{})
			if every.Reset(0) {
				t.Error("Reset(0): true")
			}
			return every
		},
	} {
		_, events, _ := bubble(t, func(ctx context.Context, t *testing.T) error {
			every := start(ctx)
			<-every.Done()
			if !errors.Is(every.Err(), timer.ErrPeriod) {
				t.Errorf("Err: %v", every.Err())
			}
			return nil
		})
		if len(events) != 1 || !errors.Is(events[0].Err, timer.ErrPeriod) {
			t.Errorf("events: %v", events)
		}
	}
}

func TestTicksEndsWithItsCtx(t *testing.T) {
	clean(t, 250*ms, func(ctx context.Context, t *testing.T) {
		wait, cancel := context.WithTimeout(ctx, 250*ms)
		defer cancel()
		n := 0
		every := timer.Every(ctx, 100*ms, timer.Interval{})
		for range every.Ticks(wait) {
			n++
		}
		if n != 2 || every.Err() != nil {
			t.Errorf("%d ticks, %v: the ticker goes on", n, every.Err())
		}
	})
}

func TestTickerNames(t *testing.T) {
	clean(t, 0, func(ctx context.Context, t *testing.T) {
		timer.Every(ctx, time.Minute, timer.Interval{})
		for i := range aio.LoopOf(ctx).Ops() {
			if i.Name != "every 1m0s" || !i.Daemon || i.Kind.String() != "timer.ticker" {
				t.Errorf("%+v", i)
			}
		}
		for m := timer.MissedSkip; m <= timer.MissedDelay; m++ {
			if !strings.HasPrefix(m.String(), "Missed") {
				t.Error(m.String())
			}
		}
	})
}
