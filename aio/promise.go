package aio

import "context"

// Promise is a future that is resolved by hand, from any goroutine, inside or
// outside the loop: cl-async's notifier. Until then it is an operation in
// flight that holds its loop open. When that operation is cancelled, the
// promise is rejected with the cause.
type Promise[T any] struct {
	f Future[T]
}

// NewPromise begins a promise. kind and name say what it is in stats and
// listings; the zero Kind stands for a plain promise. If ctx has no running
// loop, the promise's future has failed already, with ErrNoLoop or ErrLoopDone.
func NewPromise[T any](ctx context.Context, kind Kind, name string) *Promise[T] {
	p := new(Promise[T])
	if kind == 0 {
		kind = kindPromise
	}
	p.f.op.traits |= isCounted
	p.Start(ctx, kind, name, (*promiseDriver[T])(p)) // an error is the future's
	return p
}

// Start begins a promise that is a field of a driver's own record, which saves
// an allocation; the zero Promise is ready for it, once. d is as for Op.Start,
// and must see to it that the promise is resolved when it is cancelled. With an
// error, which Start returns too, the future has failed already.
func (p *Promise[T]) Start(ctx context.Context, kind Kind, name string, d Driver) error {
	p.f.op.driver = d
	err := p.f.op.start(ctx, kind, name, isFuture)
	if err != nil {
		p.f.op.err = err
		p.f.op.state.Store(uint32(stageOver | opTold))
		return err
	}
	if d != nil && p.f.op.is(isForeign) {
		p.f.op.std() // watches the foreign ctx
	}
	return nil
}

// AsCallback makes the promise's error that of a callback, told of at once,
// unless Future was called before it failed. Call it before Start.
func (p *Promise[T]) AsCallback() { p.f.op.set(opCallback) }

// Future returns the promise's future.
func (p *Promise[T]) Future() *Future[T] {
	if p.f.op.at().has(opCallback) {
		p.f.op.clear(opCallback)
	}
	return &p.f
}

// Op returns the promise's operation, for drivers.
func (p *Promise[T]) Op() *Op { return &p.f.op }

// Context returns the promise's context: what is started with it is the
// promise's child, and it ends when the promise is cancelled.
func (p *Promise[T]) Context() context.Context {
	if p.f.op.run == nil {
		return context.Background()
	}
	return p.f.op.Context()
}

// Resolve gives the promise its value. The first Resolve or Reject counts: it
// reports true, later ones false.
func (p *Promise[T]) Resolve(v T) bool {
	if !p.f.op.claim(nil, 0) {
		return false
	}
	p.f.value = v
	p.f.op.publish()
	return true
}

// Reject fails the promise with err, which must not be nil. The first Resolve
// or Reject counts: it reports true, later ones false.
func (p *Promise[T]) Reject(err error) bool {
	return p.reject(err, 0)
}

// RejectWith is Reject with a value beside the error, as a function of Go may
// return one: how far it has come, say. Await, Result and C give both.
func (p *Promise[T]) RejectWith(v T, err error) bool {
	if err == nil {
		err = errNilReject
	}
	if !p.f.op.claim(err, 0) {
		return false
	}
	p.f.value = v
	p.f.op.publish()
	return true
}

// RejectIdle is Reject for a promise whose function does not run, see
// Op.SetRunning; it does nothing, and reports false, when it does.
func (p *Promise[T]) RejectIdle(err error) bool {
	return p.reject(err, opRunning)
}

// reject fails the promise unless it has the given flag.
func (p *Promise[T]) reject(err error, unless opState) bool {
	if err == nil {
		err = errNilReject
	}
	if !p.f.op.claim(err, unless) {
		return false
	}
	p.f.op.publish()
	return true
}

// promiseDriver is the Driver of a promise from NewPromise.
type promiseDriver[T any] Promise[T]

func (d *promiseDriver[T]) OpCancel(cause error) {
	(*Promise[T])(d).RejectIdle(cause)
}
