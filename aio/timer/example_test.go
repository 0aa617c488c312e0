package timer_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/timer"
)

func ExampleDelay() {
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		now := timer.Delay(ctx, 0, func(context.Context) error {
			fmt.Println("I run as soon as possible.")
			return nil
		})
		timer.Delay(ctx, 20*time.Millisecond, func(context.Context) error {
			fmt.Println("I run 20 ms later.")
			return nil
		})
		stopped := timer.Delay(ctx, time.Hour, func(context.Context) error {
			fmt.Println("I do not run.")
			return nil
		})
		fmt.Println("stopped:", stopped.Stop())
		_, err := now.Future().Await(ctx)
		return err
	})
	fmt.Println("the loop is empty:", err)
	// Unordered output:
	// stopped: true
	// I run as soon as possible.
	// I run 20 ms later.
	// the loop is empty: <nil>
}

func ExampleNewTimer() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		timer.NewTimer(ctx, time.Millisecond, func(context.Context) error {
			fmt.Println("Use Delay.")
			return nil
		})
		return nil
	})
	// Output: Use Delay.
}

func ExampleAfter() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		answer := aio.NewPromise[string](ctx, 0, "answer")
		select {
		case r := <-answer.Future().C():
			fmt.Println(r.Value)
		case <-timer.After(ctx, time.Millisecond).C():
			fmt.Println("no answer in time")
		}
		answer.Resolve("too late")
		return nil
	})
	// Output: no answer in time
}

func ExampleEvery() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		every := timer.Every(ctx, 2*time.Millisecond, timer.Interval{Immediate: true, Missed: timer.MissedDelay})
		n := 0
		for range every.Ticks(ctx) {
			fmt.Println("tick", n)
			if n++; n == 3 {
				every.Stop()
			}
		}
		fmt.Println(every.Err())
		return nil
	})
	// Output:
	// tick 0
	// tick 1
	// tick 2
	// aio: stopped
}

func ExampleRetry() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		calls := 0
		f := timer.Retry(ctx, timer.Backoff{Initial: time.Millisecond}, func(context.Context) (string, error) {
			if calls++; calls < 3 {
				return "", errors.New("not yet")
			}
			return "done", nil
		})
		v, err := f.Await(ctx)
		fmt.Println(v, err, calls)

		_, err = timer.Retry(ctx, timer.Backoff{}, func(context.Context) (string, error) {
			return "", timer.Permanent(errors.New("no such thing"))
		}).Await(ctx)
		fmt.Println(err)
		return nil
	})
	// Output:
	// done <nil> 3
	// timer: gave up after 1 attempts: no such thing
}

func ExampleBackoff_Delays() {
	b := timer.Backoff{Initial: 10 * time.Millisecond, Max: 50 * time.Millisecond, Jitter: -1}
	for attempt, wait := range b.Delays() {
		fmt.Println(attempt, wait)
	}
	// Output:
	// 1 0s
	// 2 10ms
	// 3 20ms
	// 4 40ms
	// 5 50ms
}

func ExampleDebounce() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		save := timer.Debounce(ctx, 5*time.Millisecond, func(context.Context) error {
			fmt.Println("saved")
			return nil
		})
		for range 10 {
			save.Fire()
		}
		return nil
	})
	// Output: saved
}

func ExampleThrottle() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		var draw *timer.Trigger
		n := 0
		draw = timer.Throttle(ctx, 5*time.Millisecond, func(context.Context) error {
			fmt.Println("drawn")
			if n++; n == 1 {
				for range 10 {
					draw.Fire() // the window changes ten times
				}
			}
			return nil
		})
		draw.Fire()
		return nil
	})
	// Output:
	// drawn
	// drawn
}
