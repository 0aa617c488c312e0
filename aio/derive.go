package aio

import "context"

// Then returns a future of fn of f's value. fn runs as an operation, in a new
// goroutine, once f has a value; when f fails, so does the returned
// future, with the same error. f counts as looked at.
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

// Catch returns a future of f's value or, if f fails, of what fn makes of its
// error. fn runs as an operation, in a new goroutine. f counts as looked
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

// derive returns the future of a promise that goes on with next once f has
// resolved. When it is cancelled before that, it is rejected with the cause,
// and next does not run.
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

// runWith resolves the promise with what fn returns. From here on cancelling it
// asks fn to end.
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
