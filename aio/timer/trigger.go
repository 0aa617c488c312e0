package timer

import (
	"context"
	"sync"
	"time"
)

// Trigger runs a function less often than it is fired, from Debounce and
// Throttle. Runs never overlap: firing while the function runs has it run once
// more afterwards, in due time. Each run is a Delay, an operation of the ctx
// that the Trigger was made with, and what is told there of errors,
// cancellation and draining holds for it. All methods may be called from any
// goroutine, also from within the function; none of them blocks.
type Trigger struct {
	ctx      context.Context
	d        time.Duration
	throttle bool
	fn       func(ctx context.Context) error

	mu      sync.Mutex
	timer   *Timer    // of the latest run
	armed   bool      // a run is to come, unless its timer was ended
	running bool      // the function runs
	again   bool      // it was fired while it ran
	began   time.Time // when the latest run began
}

// Debounce returns a Trigger that runs fn once nobody has fired it for d. Each
// Fire before that puts the run off, with no bound: see Throttle for one. With
// d <= 0 fn runs as soon as possible.
func Debounce(ctx context.Context, d time.Duration, fn func(ctx context.Context) error) *Trigger {
	return &Trigger{ctx: ctx, d: d, fn: fn}
}

// Throttle returns a Trigger that runs fn as soon as it is fired, but begins no
// run earlier than d after the one before began: firing it before that, however
// often, has it run once when the time has come. With d <= 0 only overlapping
// is prevented.
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

// Flush has the run that is to come, if there is one, begin as soon as
// possible. It reports whether there is one. While the function runs, the run
// that was asked for meanwhile is not there yet.
func (t *Trigger) Flush() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.pending() {
		return false
	}
	t.timer.Reset(0)
	return true
}

// Stop drops the run that is to come and reports whether there was one. A
// function that runs goes on. The trigger can be fired again.
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

// pending reports whether a run is to come. The lock is held.
func (t *Trigger) pending() bool { return t.armed && !t.timer.promise.Op().Ended() }

// arm sees to it that a run comes. The lock is held.
func (t *Trigger) arm() {
	switch {
	case !t.pending():
		t.armed = true
		t.timer = Delay(t.ctx, t.wait(), t.run)
	case !t.throttle && !t.timer.Reset(t.d):
		t.again = true // the time had just come
	}
}

// wait returns how long it takes until a run that is asked for now begins. The
// lock is held.
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

// begin notes that a run begins. There is never more than one to come, and none
// to come while one runs.
func (t *Trigger) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.armed, t.running, t.began = false, true, time.Now()
}

// finish ends a run, and sees to the next one if it is wanted.
func (t *Trigger) finish() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running = false
	if t.again {
		t.again = false
		t.arm()
	}
}
