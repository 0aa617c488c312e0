package aio

import "context"

// Then returns a future of what fn returns for f's value. Once f has a value,
// fn runs as an operation, in a new goroutine. When f fails, the returned
// future fails with the same error. f counts as looked at.
func Then[T, U any](ctx context.Context, f *Future[T], fn func(ctx context.Context, v T) (U, error)) *Future[U] {
	return derive(ctx, "Then", f, func(p *Promise[U]) {
		if f.op.err != nil {
			p.Reject(f.op.err)
			return
		}
		p.runWith(func(ctx context.Context) (U, error) { return fn(ctx, f.value) })
	})
}

// Map is Then for a function that needs no ctx.
func Map[T, U any](ctx context.Context, f *Future[T], fn func(v T) (U, error)) *Future[U] {
	return Then(ctx, f, func(_ context.Context, v T) (U, error) { return fn(v) })
}

// Catch returns a future of f's value or, if f fails, of what fn returns for
// its error. fn runs as an operation, in a new goroutine. f counts as looked
// at.
func Catch[T any](ctx context.Context, f *Future[T], fn func(ctx context.Context, err error) (T, error)) *Future[T] {
	return derive(ctx, "Catch", f, func(p *Promise[T]) {
		if f.op.err == nil {
			p.Resolve(f.value)
			return
		}
		p.runWith(func(ctx context.Context) (T, error) { return fn(ctx, f.op.err) })
	})
}

// derive returns the future of a promise, and calls next once f has resolved,
// to resolve it. A promise that is cancelled before that is rejected with the
// cause.
func derive[T, U any](ctx context.Context, name string, f *Future[T], next func(p *Promise[U])) *Future[U] {
	mustBe([]*Future[T]{f})
	p := NewPromise[U](ctx, kindThen, name)
	if p.f.op.run == nil {
		return p.Future()
	}
	f.op.look()
	p.f.op.limitedBy(&f.op)
	f.op.then(func() { next(p) })
	return p.Future()
}

// runWith runs fn and resolves the promise with what it returns. From then on
// cancelling the promise ends fn's ctx. If the promise is resolved already, fn
// does not run.
func (p *Promise[T]) runWith(fn func(ctx context.Context) (T, error)) {
	if !p.f.op.setOnce(opRunning) {
		return
	}
	p.f.op.run.start(func() {
		var v T
		var err error
		ok := false
		defer func() {
			if !ok {
				err = p.f.op.caught(recover())
			}
			if err != nil {
				p.Reject(err)
			} else {
				p.Resolve(v)
			}
		}()
		if p.f.op.annotated() {
			defer p.f.op.annotate()()
		}
		v, err = call(p.f.op.mark(), p.f.op.Context(), fn)
		ok = true
	})
}
