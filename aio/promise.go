package aio

import "context"

// Promise resolves a future by hand, from any goroutine, inside or outside the
// loop: cl-async's notifier. Until it is resolved it is an operation in flight
// that holds its loop open. When that operation is cancelled, the promise is
// rejected with the cause. All methods may be called from any goroutine.
type Promise[T any] struct {
	f Future[T]
}

// NewPromise begins a promise. kind and name describe it in figures and
// listings. The zero Kind stands for a plain promise. If ctx has no running
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

// Start begins a promise that is a field of a driver's record, which saves an
// allocation. The zero Promise is ready for it, once. d is as for Op.Start, and
// must resolve the promise when it is cancelled. If Start returns an error, the
// future has failed with it.
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

// AsCallback makes the promise's error that of a callback, which is reported at
// once, unless Future was called before the promise failed. Call it before
// Start.
func (p *Promise[T]) AsCallback() { p.f.op.set(opCallback) }

// Future returns the promise's future.
func (p *Promise[T]) Future() *Future[T] {
	if p.f.op.at().has(opCallback) {
		p.f.op.clear(opCallback)
	}
	return &p.f
}

// Op returns the promise's operation. It is for drivers.
func (p *Promise[T]) Op() *Op { return &p.f.op }

// Context returns the promise's context. Operations that are started with it
// are the promise's children. It ends when the promise is cancelled. If the
// promise did not begin, it is context.Background().
func (p *Promise[T]) Context() context.Context {
	if p.f.op.run == nil {
		return context.Background()
	}
	return p.f.op.Context()
}

// Resolve resolves the promise with the value v. The first Resolve or Reject
// counts and reports true; later ones report false.
func (p *Promise[T]) Resolve(v T) bool {
	if !p.f.op.claim(nil, 0) {
		return false
	}
	p.f.value = v
	p.f.op.publish()
	return true
}

// Reject fails the promise with err, which should not be nil: an error that
// says so replaces nil. The first Resolve or Reject counts and reports true;
// later ones report false.
func (p *Promise[T]) Reject(err error) bool {
	return p.reject(err, 0)
}

// RejectWith is Reject with a value in addition to the error, as a function of
// Go may return one: how many items it has processed, for example. Await,
// Result and C return both.
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

// RejectIdle is Reject for a promise whose function does not run. If the
// function runs (see Op.SetRunning), RejectIdle does nothing and reports false.
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
