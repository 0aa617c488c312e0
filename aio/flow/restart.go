package flow

import (
	"fmt"
	"time"

	"goaio.example/aio/timer"
)

// Restart says when, and how often, Keep restarts a function. The zero Restart
// does so when the function fails, up to 5 times within 10 seconds, after at
// most 100 ms, 200 ms and so on.
type Restart struct {
	// Backoff is how long to wait before each restart. Its Attempts, Elapsed
	// and Limiter are ignored.
	Backoff timer.Backoff
	// Always makes the Keep restart the function also when it returns nil.
	// Without it, the Keep ends then.
	Always bool
	// Max is how many restarts there may be within Window. Instead of one more,
	// the Keep fails. 0 means 5. Negative means no limit.
	Max int
	// Window is the time in which Max restarts may be made. 0 or less means 10
	// s.
	Window time.Duration
	// Healthy is how long the function must have run for the Backoff to start
	// over. 0 or less means 1 minute.
	Healthy time.Duration
	// ExitLoop makes the loop exit with the error when the Keep fails, whatever
	// the event handler does.
	ExitLoop bool
	// OnRestart is called before each wait, with what the function returned and
	// how long the wait is. It should not block: the wait begins when it has
	// returned. nil means to log a warning.
	OnRestart func(err error, wait time.Duration)
}

func (r *Restart) max() int {
	if r.Max == 0 {
		return 5
	}
	return r.Max
}

func (r *Restart) window() time.Duration { return orDefault(r.Window, 10*time.Second) }

func (r *Restart) healthy() time.Duration { return orDefault(r.Healthy, time.Minute) }

// orDefault returns d, or def if d is not positive.
func orDefault(d, def time.Duration) time.Duration {
	if d <= 0 {
		return def
	}
	return d
}

// RestartError is the error of a Keep whose function ended once more than
// Restart.Max allows.
type RestartError struct {
	Name     string        // of the Keep
	Restarts int           // within Window
	Window   time.Duration // Restart.Window
	// what the function returned last; nil with Restart.Always
	Last error
}

// Error says how often the function was restarted, and what it returned last.
func (e *RestartError) Error() string {
	return fmt.Sprintf("flow: gave up %q after %d restarts within %v: %v", e.Name, e.Restarts, e.Window, e.Last)
}

// Unwrap returns Last.
func (e *RestartError) Unwrap() error { return e.Last }
