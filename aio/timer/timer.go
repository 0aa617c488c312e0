package timer

import (
	"context"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
)

var kindDelay = aio.NewKind("timer.delay")

// Timer is a call of a function in the future, from Delay. All methods may be
// called from any goroutine, also from within the function.
type Timer struct {
	promise aio.Promise[struct{}]
	alarm   alarm.Alarm
	fn      func(ctx context.Context) error
}

// Delay runs fn in a goroutine of its own d from now. With d <= 0 that is the
// next turn: as soon as possible, never within the call of Delay. The timer is
// an operation, a child of the one that ctx belongs to, and holds the loop open
// until fn has returned; what fn starts with its ctx are the timer's children.
//
// fn does not run, and the timer's future fails, when ctx is dead or ends
// before the time has come (with ctx's cause), when the timer is stopped
// (aio.ErrStopped), when the loop drains and nobody's work in progress started
// the timer (aio.ErrExit), and when ctx has no running loop (aio.ErrNoLoop or
// aio.ErrLoopDone). When ctx ends later, so does fn's ctx.
//
// An error of fn's goes to the Scope around the timer, else to the event
// handler, unless somebody has asked for Future by then: it is that future's.
func Delay(ctx context.Context, d time.Duration, fn func(ctx context.Context) error) *Timer {
	t := &Timer{fn: fn}
	driver := (*timerDriver)(t)
	t.alarm.Init(driver)
	t.promise.AsCallback()
	op := t.promise.Op()
	if t.promise.Start(ctx, kindDelay, "", driver) != nil || endDead(ctx, op) {
		return t
	}
	if d <= 0 {
		op.Go(driver.run, driver.end)
		return t
	}
	setAlarm(op, &t.alarm, d)
	return t
}

// Stop keeps the timer's function from running. It reports true if it did: the
// function will not run, and the timer's future has failed with aio.ErrStopped.
// It reports false if the function runs or has run, or if the timer has ended
// in another way; Stop does not wait for the function, nor ask it to end:
// Future().Cancel does.
func (t *Timer) Stop() bool { return t.reject(aio.ErrStopped) }

// Reset has the timer's function run d from now, d <= 0 being as soon as
// possible, instead of when it would have. It reports false, and changes
// nothing, once the time has come or the timer has ended. For a timer whose d
// was not positive the time had come from the beginning.
func (t *Timer) Reset(d time.Duration) bool {
	op := t.promise.Op()
	return !op.Ended() && op.Alarms().Reset(&t.alarm, d)
}

// Future returns the timer's future, which resolves when the function has
// returned, with the function's error if there is one. Once it was asked for,
// that error is the future's: it becomes an event only if nobody looks at it.
// Cancelling the future is Stop with a cause or, while the function runs, ends
// the function's ctx.
func (t *Timer) Future() *aio.Future[struct{}] { return t.promise.Future() }

// reject ends the timer unless its function runs or has run.
func (t *Timer) reject(err error) bool {
	if !t.promise.RejectIdle(err) {
		return false
	}
	t.promise.Op().Alarms().Stop(&t.alarm)
	return true
}

// timerDriver is a Timer as seen by the loop and by the heap of alarms.
type timerDriver Timer

var _ aio.Drainer = (*timerDriver)(nil)

func (t *timerDriver) OpCancel(cause error) { (*Timer)(t).reject(cause) }

func (t *timerDriver) OpDrain() {
	if t.promise.Op().TopLevel() {
		(*Timer)(t).reject(aio.ErrExit)
	}
}

func (t *timerDriver) OpName() string { return aio.FuncName(t.fn) }

// Fire is called when the time has come.
func (t *timerDriver) Fire() {
	if op := t.promise.Op(); !op.Ended() {
		op.Go(t.run, t.end)
	}
}

// run runs the function, unless the timer was ended first.
func (t *timerDriver) run() {
	if t.promise.Op().SetRunning() {
		t.end(t.fn(t.promise.Context()))
	}
}

// end ends the timer with what its function returned, or what became of it
// instead.
func (t *timerDriver) end(err error) {
	if err != nil {
		t.promise.Reject(err)
	} else {
		t.promise.Resolve(struct{}{})
	}
}
