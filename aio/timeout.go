package aio

import (
	"context"
	"time"

	"goaio.example/aio/internal/alarm"
)

// Timeout returns a future that resolves as f does or, if f takes longer than
// d, fails with an *AwaitError that is context.DeadlineExceeded and ErrTimeout.
// It bounds the wait, not the work: f goes on. f counts as looked at.
func Timeout[T any](ctx context.Context, f *Future[T], d time.Duration) *Future[T] {
	mustBe([]*Future[T]{f})
	p := NewPromise[T](ctx, kindJoin, "Timeout")
	if p.f.op.run == nil {
		return p.Future()
	}
	f.op.look()
	p.f.op.limitedBy(&f.op)
	if f.op.resolved() {
		settle(p, f)
		return p.Future()
	}
	a := alarm.New(func() {
		p.Reject(&AwaitError{Err: context.DeadlineExceeded, Cause: ErrTimeout, Op: f.op.label(), Waited: max(d, 0)})
	})
	alarms := &p.f.op.run.alarms
	alarms.Set(a, d)
	p.f.op.then(func() { alarms.Stop(a) })
	f.op.then(func() { settle(p, f) })
	return p.Future()
}
