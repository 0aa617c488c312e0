package timer

import (
	"context"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
)

// endDead ends an operation that has just begun if its ctx has ended, or if the
// loop drains and no work in progress started the operation. It reports whether
// the operation has ended.
func endDead(ctx context.Context, op *aio.Op) bool {
	if ctx.Err() != nil {
		op.Cancel(context.Cause(ctx))
	} else if op.Draining() && op.TopLevel() {
		op.Cancel(aio.ErrExit)
	}
	return op.Ended()
}

// setAlarm sets the alarm of an operation, which may be ending meanwhile.
func setAlarm(op *aio.Op, a *alarm.Alarm, d time.Duration) {
	alarm.Of(op).Set(a, d)
	if op.Ended() {
		alarm.Of(op).Stop(a)
	}
}
