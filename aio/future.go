package aio

import (
	"context"
	"sync/atomic"
)

// Future is the result of an operation, available now or later. It resolves
// exactly once. All methods may be called from any goroutine, any number of
// times. A future may be dropped, which leaks nothing. If it fails and nothing
// ever looks at it (Await, Result, a value received from C, or a combinator),
// its error becomes an event.
type Future[T any] struct {
	op    Op
	value T
}

// Result is what a future resolved with: a value, or an error.
type Result[T any] struct {
	Value T
	Err   error
}

// Go runs fn in a goroutine as an operation, a child of the one that ctx
// belongs to, and returns its future. It never blocks. name names the operation
// in listings; "" stands for fn's own name. fn's ctx has ctx's values and ends
// when the operation is cancelled. fn runs even if ctx has ended, because it
// may own something to release. If ctx has no running loop, the future has
// failed already, with ErrNoLoop or ErrLoopDone, and fn does not run.
func Go[T any](ctx context.Context, name string, fn func(ctx context.Context) (T, error)) *Future[T] {
	f := new(Future[T])
	if err := f.op.start(ctx, kindGo, nameOf(name, fn), isFuture); err != nil {
		return Failed[T](err)
	}
	f.op.run.launch(&f.op, func() { f.run(fn) })
	return f
}

// run runs the function of Go.
func (f *Future[T]) run(fn func(ctx context.Context) (T, error)) {
	var err error
	ok := false
	defer func() {
		if !ok {
			err = f.op.caught(recover())
		}
		f.op.End(err)
	}()
	if f.op.annotated() {
		defer f.op.annotate()()
	}
	f.value, err = call(f.op.mark(), f.op.Context(), fn)
	ok = true
}

// call calls fn with a mark on the stack.
//
//go:noinline
func call[T any](_ mark, ctx context.Context, fn func(ctx context.Context) (T, error)) (T, error) {
	return fn(ctx)
}

// Resolved returns a future that has the value v already. It belongs to no
// loop.
func Resolved[T any](v T) *Future[T] {
	f := &Future[T]{value: v}
	f.op.state.Store(uint32(stageOver))
	return f
}

// Failed returns a future that has failed already, with err. It belongs to no
// loop: err is not reported if nothing looks at it.
func Failed[T any](err error) *Future[T] {
	f := new(Future[T])
	f.op.err = err
	f.op.state.Store(uint32(stageOver | opTold))
	return f
}

// Await returns the future's result, and waits for it until ctx ends. A result
// that is ready is returned even if ctx has ended. When ctx ends first, Await
// returns an *AwaitError, and the future is unaffected.
//
// Below a Limit, a function that awaits the result of another one with its own
// ctx lends its slot meanwhile; see Limit.
func (f *Future[T]) Await(ctx context.Context) (T, error) {
	if !f.op.resolved() {
		if err := f.op.await(orBackground(ctx)); err != nil {
			var zero T
			return zero, err
		}
	}
	return f.take()
}

// await waits until the operation is resolved or, with an *AwaitError, ctx
// ends.
func (o *Op) await(ctx context.Context) error {
	begin := uptime()
	if limiting.Load() {
		defer stepAside(ctx, o)()
	}
	if o.park(ctx, begin) || o.parkAside(ctx) || o.waitDone(ctx) {
		return nil
	}
	return awaitError(ctx, o.label(), uptime()-begin)
}

// waitDone waits until the operation is resolved or ctx ends. It reports
// whether the operation is resolved.
func (o *Op) waitDone(ctx context.Context) bool {
	select {
	case <-o.doneChan():
		return true
	case <-ctx.Done():
		return o.resolved()
	}
}

// Result returns the future's result without waiting. Its error is ErrPending
// if the future has not resolved yet.
func (f *Future[T]) Result() (T, error) {
	if !f.op.resolved() {
		var zero T
		return zero, ErrPending
	}
	return f.take()
}

// take returns the result, which counts as looked at.
func (f *Future[T]) take() (T, error) {
	if f.op.err != nil {
		f.op.look()
	}
	return f.value, f.op.err
}

// AfterFunc arranges to call fn once the future has resolved, in the goroutine
// that resolves it. If it has resolved already, AfterFunc calls fn. fn must not
// block or panic. AfterFunc is for drivers: unlike Then it starts no operation
// and does not count as looking at the result.
func (f *Future[T]) AfterFunc(fn func()) {
	if fn == nil {
		panic("aio: nil function")
	}
	f.op.then(fn)
}

// Done returns a channel that is closed once the future has resolved.
func (f *Future[T]) Done() <-chan struct{} {
	f.op.selected()
	return f.op.doneChan()
}

// C returns a channel that receives the result as its only value, for use in a
// select. The channel has room for that value, so it need not be received from.
// It is not closed. Each call makes a new channel.
func (f *Future[T]) C() <-chan Result[T] {
	f.op.selected()
	ch := make(chan Result[T], 1)
	var sent atomic.Bool
	f.op.tap(func() {
		ch <- Result[T]{f.value, f.op.err}
		sent.Store(true)
	}, func() bool { return sent.Load() && len(ch) == 0 })
	return ch
}

// Cancel asks the operation to end, with the cause that context.Cause then
// gives its function; a nil cause stands for context.Canceled. The future
// resolves when the function has returned. After that, Cancel does nothing.
func (f *Future[T]) Cancel(cause error) {
	f.op.Cancel(cause)
}
