package timer_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/timer"
)

func TestSleep(t *testing.T) {
	stop := errors.New("stop")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		for _, d := range []time.Duration{-1, 0, time.Nanosecond, time.Hour} {
			begin := time.Now()
			if err := timer.Sleep(ctx, d); err != nil || time.Since(begin) != max(d, 0) {
				t.Errorf("Sleep(%v): %v after %v", d, err, time.Since(begin))
			}
		}
		begin := time.Now()
		time.AfterFunc(time.Minute, func() { cancel(stop) })
		if err := timer.Sleep(ctx, time.Hour); err != stop || time.Since(begin) != time.Minute {
			t.Errorf("cancelled: %v after %v", err, time.Since(begin))
		}
		for _, d := range []time.Duration{-1, 0, time.Hour} {
			if err := timer.Sleep(ctx, d); err != stop {
				t.Errorf("Sleep(%v) with a dead ctx: %v", d, err)
			}
		}
		if time.Since(begin) != time.Minute {
			t.Error("a dead ctx was slept on")
		}
	})
}

// A nil ctx stands for context.Background().
func TestNilCtx(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var none context.Context
		begin := time.Now()
		if err := timer.Sleep(none, time.Minute); err != nil || time.Since(begin) != time.Minute {
			t.Errorf("Sleep: %v after %v", err, time.Since(begin))
		}
		aio.Run(t.Context(), func(ctx context.Context) error {
			every := timer.Every(ctx, time.Minute, timer.Interval{})
			for range every.Ticks(none) {
				every.Stop()
			}
			return nil
		})
		if took := time.Since(begin); took != 2*time.Minute {
			t.Errorf("took %v", took)
		}
	})
}

// A function sleeps until it is cancelled.
func ExampleSleep() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		f := aio.Go(ctx, "sleeper", func(ctx context.Context) (int, error) {
			fmt.Println(timer.Sleep(ctx, time.Millisecond))
			return 0, timer.Sleep(ctx, time.Hour)
		})
		f.Cancel(errors.New("enough"))
		_, err := f.Await(ctx)
		fmt.Println(err)
		return nil
	})
	// Unordered output:
	// enough
	// enough
}
