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

// exact is a Backoff of 1, 2, 4 ... s without jitter.
var exact = timer.Backoff{Initial: time.Second, Jitter: -1}

// failTimes returns a function that fails n times.
func failTimes(n int, with error) (fn func(context.Context) (int, error), calls *int) {
	calls = new(int)
	return func(context.Context) (int, error) {
		if *calls++; *calls <= n {
			return 0, with
		}
		return *calls, nil
	}, calls
}

func TestRetrySucceeds(t *testing.T) {
	clean(t, 3*time.Second, func(ctx context.Context, t *testing.T) {
		fn, _ := failTimes(2, errTest)
		if v, err := timer.Retry(ctx, exact, fn).Await(ctx); v != 3 || err != nil {
			t.Errorf("%v, %v", v, err)
		}
	})
}

func TestRetryGivesUp(t *testing.T) {
	for name, c := range map[string]struct {
		backoff  timer.Backoff
		err      error
		attempts int
		took     time.Duration
	}{
		"attempts":  {exact, errTest, 5, 15 * time.Second},
		"one":       {timer.Backoff{Attempts: 1}, errTest, 1, 0},
		"elapsed":   {timer.Backoff{Initial: time.Second, Jitter: -1, Attempts: -1, Elapsed: 10 * time.Second}, errTest, 4, 7 * time.Second},
		"no waits":  {timer.Backoff{Initial: -1, Attempts: 100}, errTest, 100, 0},
		"permanent": {exact, timer.Permanent(errTest), 1, 0},
		"wrapped":   {exact, fmt.Errorf("for good: %w", timer.Permanent(errTest)), 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			clean(t, c.took, func(ctx context.Context, t *testing.T) {
				fn, calls := failTimes(1000, c.err)
				_, err := timer.Retry(ctx, c.backoff, fn).Await(ctx)
				var e *timer.RetryError
				if !errors.As(err, &e) || !errors.Is(err, errTest) || e.Attempts != c.attempts || *calls != c.attempts || e.Cause != nil {
					t.Errorf("%d calls, %#v", *calls, err)
				}
			})
		})
	}
	if timer.Permanent(nil) != nil {
		t.Error("Permanent(nil) is not nil")
	}
}

func TestRetryCancelled(t *testing.T) {
	for name, cancel := range cancels {
		t.Run(name, func(t *testing.T) {
			clean(t, 2*time.Second, func(ctx context.Context, t *testing.T) {
				opCtx, stop := cancel(ctx)
				fn, calls := failTimes(1000, errors.New("not yet"))
				f := timer.Retry(opCtx, exact, fn)
				time.Sleep(2 * time.Second)
				stop()
				_, err := f.Await(ctx)
				var e *timer.RetryError
				if !errors.As(err, &e) || !errors.Is(err, errTest) || e.Attempts != 2 || e.Last == nil || *calls != 2 {
					t.Errorf("%d calls, %v", *calls, err)
				}
			})
		})
	}
}

// A Retry that nothing looks at reports what it failed with, but not that it
// was cancelled.
func TestRetryDropped(t *testing.T) {
	_, events, _ := bubble(t, func(ctx context.Context, t *testing.T) error {
		fn, _ := failTimes(1000, errTest)
		timer.Retry(ctx, exact, fn)
		again, _ := failTimes(1000, errors.New("not yet"))
		timer.Retry(ctx, exact, again).Cancel(errTest)
		return nil
	})
	if len(events) != 1 || !events[0].Lost || !errors.Is(events[0].Err, errTest) {
		t.Errorf("events: %v", events)
	}
}

// While the loop drains a Retry goes on, for as long as Grace.
func TestRetryWhileDraining(t *testing.T) {
	clean(t, 3*time.Second, func(ctx context.Context, t *testing.T) {
		fn, calls := failTimes(2, errTest)
		timer.Retry(ctx, exact, fn)
		time.Sleep(ms)
		aio.LoopOf(ctx).Exit(nil)
		time.Sleep(3*time.Second - ms)
		synctest.Wait()
		if *calls != 3 {
			t.Errorf("%d calls", *calls)
		}
	})
}

// limiterFunc is a function as a Limiter.
type limiterFunc func(ctx context.Context) error

func (f limiterFunc) Wait(ctx context.Context) error { return f(ctx) }

// Each try waits for the Limiter, after the Backoff's wait.
func TestRetryLimiter(t *testing.T) {
	clean(t, 3*time.Second+3*time.Minute, func(ctx context.Context, t *testing.T) {
		fn, calls := failTimes(2, errTest)
		waits := 0
		b := exact
		b.Elapsed = -1
		b.Limiter = limiterFunc(func(ctx context.Context) error {
			if waits++; waits != *calls+1 {
				t.Errorf("%d waits before call %d", waits, *calls+1)
			}
			return timer.Sleep(ctx, time.Minute)
		})
		if v, err := timer.Retry(ctx, b, fn).Await(ctx); v != 3 || err != nil {
			t.Errorf("%v, %v", v, err)
		}
	})
}

// A Limiter that fails ends the Retry, and so does a ctx that ends while the
// Limiter waits.
func TestRetryLimiterFails(t *testing.T) {
	errLimit := errors.New("the deadline would pass")
	clean(t, time.Second, func(ctx context.Context, t *testing.T) {
		fn, calls := failTimes(1000, errTest)
		b := exact
		b.Limiter = limiterFunc(func(context.Context) error {
			if *calls == 1 {
				return errLimit
			}
			return nil
		})
		_, err := timer.Retry(ctx, b, fn).Await(ctx)
		var e *timer.RetryError
		if !errors.As(err, &e) || e.Cause != errLimit || e.Attempts != 1 || *calls != 1 || e.Last != errTest {
			t.Errorf("%d calls, %#v", *calls, err)
		}
		f := timer.Retry(ctx, timer.Backoff{Limiter: limiterFunc(func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})}, fn)
		synctest.Wait()
		f.Cancel(errLimit)
		if _, err := f.Await(ctx); !errors.As(err, &e) || e.Cause != errLimit || *calls != 1 {
			t.Errorf("%d calls, %#v", *calls, err)
		}
	})
}
