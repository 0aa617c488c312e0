package timer

import (
	"context"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
)

var kindAfter = aio.NewKind("timer.after")

// After returns a future that resolves d from now, at once if d <= 0, with the
// time at which it resolves. Until then it is an operation that holds the loop
// open, a child of the one that ctx belongs to.
//
// The future fails when ctx has ended or ends first (with ctx's cause), when
// the future is cancelled, when the loop drains and no work in progress started
// the timer (aio.ErrExit), and when ctx has no running loop (aio.ErrNoLoop or
// aio.ErrLoopDone).
func After(ctx context.Context, d time.Duration) *aio.Future[time.Time] {
	t := new(after)
	t.alarm.Init(t)
	op := t.promise.Op()
	if t.promise.Start(ctx, kindAfter, "", t) != nil || endDead(ctx, op) {
		return t.promise.Future()
	}
	if d <= 0 {
		t.Fire()
	} else {
		setAlarm(op, &t.alarm, d)
	}
	return t.promise.Future()
}

// after is the record of an After.
type after struct {
	promise aio.Promise[time.Time]
	alarm   alarm.Alarm
}

var _ aio.Drainer = (*after)(nil)

// Fire is called when the time has come.
func (t *after) Fire() { t.promise.Resolve(time.Now()) }

func (t *after) OpCancel(cause error) {
	if t.promise.Reject(cause) {
		alarm.Of(t.promise.Op()).Stop(&t.alarm)
	}
}

func (t *after) OpDrain() {
	if t.promise.Op().TopLevel() {
		t.OpCancel(aio.ErrExit)
	}
}
