package timer

import (
	"context"
	"sync"
	"time"
)

// Trigger runs a function less often than it is fired. Debounce and Throttle
// make Triggers. Runs never overlap: if the Trigger is fired while the function
// runs, the function runs once more afterwards, when it is due. Each run is a
// Delay with the ctx that the Trigger was made with; see Delay about errors,
// cancellation and draining. All methods may be called from any goroutine, also
// from within the function. They do not block.
type Trigger struct {
	ctx      context.Context
	d        time.Duration
	throttle bool
	fn       func(ctx context.Context) error

	mu      sync.Mutex
	timer   *Timer    // of the latest run
	armed   bool      // a run is pending, unless its timer has ended
	running bool      // the function runs
	again   bool      // it was fired while the function ran
	began   time.Time // when the latest run began
}

// Debounce returns a Trigger that runs fn once it was not fired for d. Each
// Fire before that postpones the run, without a limit; Throttle does not
// postpone. With d <= 0 fn runs as soon as possible.
func Debounce(ctx context.Context, d time.Duration, fn func(ctx context.Context) error) *Trigger {
	return &Trigger{ctx: ctx, d: d, fn: fn}
}

// Throttle returns a Trigger that runs fn as soon as it is fired, but begins no
// run earlier than d after the previous one began. If it is fired before that,
// however often, fn runs once when that time has come. With d <= 0 runs only do
// not overlap.
func Throttle(ctx context.Context, d time.Duration, fn func(ctx context.Context) error) *Trigger {
	return &Trigger{ctx: ctx, d: d, fn: fn, throttle: true}
}

// Fire asks for a run.
func (t *Trigger) Fire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running {
		t.again = true
		return
	}
	t.arm()
}

// Flush makes the pending run, if there is one, begin as soon as possible. It
// reports whether there is one. A run that was asked for while the function
// runs is not pending until the function has returned.
func (t *Trigger) Flush() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.pending() {
		return false
	}
	t.timer.Reset(0)
	return true
}

// Stop drops the pending run, or one that was asked for while the function
// runs, and reports whether there was one. A function that runs goes on. The
// Trigger can be fired again.
func (t *Trigger) Stop() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	stopped := t.again
	t.again = false
	if t.armed && t.timer.Stop() {
		t.armed, stopped = false, true
	}
	return stopped
}

// pending reports whether a run is pending. The lock is held.
func (t *Trigger) pending() bool { return t.armed && !t.timer.promise.Op().Ended() }

// arm makes a run pending, or postpones the one that is. The lock is held.
func (t *Trigger) arm() {
	switch {
	case !t.pending():
		t.armed = true
		t.timer = Delay(t.ctx, t.wait(), t.run)
	case !t.throttle && !t.timer.Reset(t.d):
		t.again = true // the time had just come
	}
}

// wait returns how long from now a run that is asked for now begins. The lock
// is held.
func (t *Trigger) wait() time.Duration {
	switch {
	case !t.throttle:
		return t.d
	case t.began.IsZero():
		return 0
	}
	return t.d - time.Since(t.began)
}

// run runs the function, in the goroutine of a Delay.
func (t *Trigger) run(ctx context.Context) error {
	t.begin()
	defer t.finish()
	return t.fn(ctx)
}

// begin records that a run begins. At most one run is pending, and none while
// one runs.
func (t *Trigger) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.armed, t.running, t.began = false, true, time.Now()
}

// finish records that a run has ended, and makes the next one pending if it was
// asked for.
func (t *Trigger) finish() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running = false
	if t.again {
		t.again = false
		t.arm()
	}
}
