package dnsx

import (
	"context"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
)

// operation is a lookup under way, or one that is known to fail.
type operation[T any] struct {
	aio.Promise[T]
	r     *Resolver
	what  string // "lookup", "query MX" ...
	host  string
	task  task[T]
	alarm alarm.Alarm // rings when the time in all is up
}

// A task is what an operation does, in its goroutine.
type task[T any] interface {
	do(ctx context.Context, op *aio.Op) (T, error)
}

// taskFunc is a function as a task.
type taskFunc[T any] func(ctx context.Context) (T, error)

func (fn taskFunc[T]) do(ctx context.Context, _ *aio.Op) (T, error) { return fn(ctx) }

var kindLookup = aio.NewKind("dns.lookup")

// OpCancel does nothing: who looks up sees the end of the ctx.
func (o *operation[T]) OpCancel(error) {}

// OpName names the operation as "lookup www.example.com".
func (o *operation[T]) OpName() string { return o.what + " " + o.host }

// start looks up in a goroutine.
func start[T any](ctx context.Context, o *operation[T]) *aio.Future[T] {
	if o.Start(ctx, kindLookup, "", o) == nil {
		o.Op().Go(o.run, func(err error) { o.Reject(err) })
	}
	return o.Future()
}

// wait looks up in the caller's goroutine.
func wait[T any](ctx context.Context, o *operation[T]) (T, error) {
	if o.Start(ctx, kindLookup, "", o) == nil {
		defer o.Reject(aio.ErrGoexit) // unless it has ended by then
		o.run()
	}
	return o.Future().Result()
}

// fail returns the future of a lookup that fails without asking. It is a whole
// operation, so that its error is not lost.
func fail[T any](ctx context.Context, o *operation[T], err error) *aio.Future[T] {
	if o.Start(ctx, kindLookup, "", o) == nil {
		o.r.counts.failed.Add(1)
		o.Reject(err)
	}
	return o.Future()
}

// run looks up.
func (o *operation[T]) run() {
	ctx := o.Context()
	var v T
	err := context.Cause(ctx)
	if err == nil {
		o.setAlarm()
		v, err = o.task.do(ctx, o.Op())
		o.Op().Alarms().Stop(&o.alarm)
	}
	if err != nil {
		o.r.counts.failed.Add(1)
		o.Reject(failure(ctx, o.host, err))
		return
	}
	o.Resolve(v)
}

// setAlarm bounds the lookup in all. It cancels the operation itself, which
// costs less than a context of its own.
func (o *operation[T]) setAlarm() {
	d := o.r.Timeout
	if d == 0 {
		d = 10 * time.Second
	}
	if d > 0 {
		o.alarm.Init(o)
		o.Op().Alarms().Set(&o.alarm, d)
	}
}

// Fire is called when the time is up.
func (o *operation[T]) Fire() { o.Op().Cancel(errTooLong) }
