package timer

import (
	"context"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
)

var kindDelay = aio.NewKind("timer.delay")

// Timer is a delayed call of a function, from Delay. All methods may be called
// from any goroutine, also from within the function.
type Timer struct {
	promise aio.Promise[struct{}]
	alarm   alarm.Alarm
	fn      func(ctx context.Context) error
}

// Delay runs fn in a new goroutine d from now. With d <= 0 it runs fn as soon
// as possible, never within the call of Delay. The timer is an operation, a
// child of the one that ctx belongs to, and holds the loop open until fn has
// returned. Operations that fn starts with its ctx are the timer's children.
//
// fn does not run, and the timer's future fails, when ctx has ended or ends
// before the time has come (with ctx's cause), when the timer is stopped
// (aio.ErrStopped), when the loop drains and no work in progress started the
// timer (aio.ErrExit), and when ctx has no running loop (aio.ErrNoLoop or
// aio.ErrLoopDone). When ctx ends later, so does fn's ctx.
//
// An error of fn's goes to the Scope around the timer, else to the event
// handler. If Future was called before, the error is that future's instead.
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

// Stop keeps the timer's function from running. It reports true if it did so:
// the function will not run, and the timer's future has failed with
// aio.ErrStopped. It reports false if the function runs or has run, or if the
// timer has ended in another way. Stop neither waits for the function nor
// cancels its ctx; Future().Cancel cancels it.
func (t *Timer) Stop() bool { return t.reject(aio.ErrStopped) }

// Reset makes the timer's function run d from now, as soon as possible if d <=
// 0, instead of at its previous time. It reports false, and changes nothing,
// once that time has come or the timer has ended. The time of a timer whose d
// was not positive has come from the beginning.
func (t *Timer) Reset(d time.Duration) bool {
	op := t.promise.Op()
	return !op.Ended() && alarm.Of(op).Reset(&t.alarm, d)
}

// Future returns the timer's future, which resolves when the function has
// returned, and fails with the function's error. After a call of Future, that
// error becomes an event only if nothing looks at it. Cancelling the future
// stops the timer with the given cause or, while the function runs, ends the
// function's ctx.
func (t *Timer) Future() *aio.Future[struct{}] { return t.promise.Future() }

// reject ends the timer unless its function runs or has run.
func (t *Timer) reject(err error) bool {
	if !t.promise.RejectIdle(err) {
		return false
	}
	alarm.Of(t.promise.Op()).Stop(&t.alarm)
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

// end ends the timer with the error of its function.
func (t *timerDriver) end(err error) {
	if err != nil {
		t.promise.Reject(err)
	} else {
		t.promise.Resolve(struct{}{})
	}
}
