package dnsx

import (
	"context"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
)

// operation is the operation of a lookup.
type operation[T any] struct {
	aio.Promise[T]
	r     *Resolver
	what  string // "lookup", "query MX" ...
	host  string
	task  task[T]
	alarm alarm.Alarm // set to Resolver.Timeout
}

// task is what an operation does.
type task[T any] interface {
	do(ctx context.Context, op *aio.Op) (T, error)
}

// taskFunc is a function that is a task.
type taskFunc[T any] func(ctx context.Context) (T, error)

func (fn taskFunc[T]) do(ctx context.Context, _ *aio.Op) (T, error) { return fn(ctx) }

var kindLookup = aio.NewKind("dns.lookup")

// OpCancel does nothing: the task sees the end of its ctx.
func (o *operation[T]) OpCancel(error) {}

// OpName returns a name such as "lookup www.example.com".
func (o *operation[T]) OpName() string { return o.what + " " + o.host }

// start runs the task in a goroutine.
func start[T any](ctx context.Context, o *operation[T]) *aio.Future[T] {
	if o.Start(ctx, kindLookup, "", o) == nil {
		o.Op().Go(o.run, func(err error) { o.Reject(err) })
	}
	return o.Future()
}

// wait runs the task in the caller's goroutine.
func wait[T any](ctx context.Context, o *operation[T]) (T, error) {
	if o.Start(ctx, kindLookup, "", o) == nil {
		defer o.Reject(aio.ErrGoexit) // has no effect after run
		o.run()
	}
	return o.Future().Result()
}

// fail returns the future of a lookup that fails without a task. It is an
// operation nevertheless, so that its error counts as lost if it is not looked
// at.
func fail[T any](ctx context.Context, o *operation[T], err error) *aio.Future[T] {
	if o.Start(ctx, kindLookup, "", o) == nil {
		o.r.counts.failed.Add(1)
		o.Reject(err)
	}
	return o.Future()
}

// run runs the task.
func (o *operation[T]) run() {
	ctx := o.Context()
	var v T
	err := context.Cause(ctx)
	if err == nil {
		o.setAlarm()
		v, err = o.task.do(ctx, o.Op())
		alarm.Of(o.Op()).Stop(&o.alarm)
	}
	if err != nil {
		o.r.counts.failed.Add(1)
		o.Reject(failure(ctx, o.host, err))
		return
	}
	o.Resolve(v)
}

// setAlarm starts the timeout. At its end the operation is cancelled, which
// takes less than a context with a timeout.
func (o *operation[T]) setAlarm() {
	d := o.r.Timeout
	if d == 0 {
		d = 10 * time.Second
	}
	if d > 0 {
		o.alarm.Init(o)
		alarm.Of(o.Op()).Set(&o.alarm, d)
	}
}

// Fire ends the lookup after the timeout.
func (o *operation[T]) Fire() { o.Op().Cancel(errTooLong) }
