package aio

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
)

// All returns a future of the values of fs, in their order. The future fails as
// soon as one of fs does, with that error; the others go on. Without inputs its
// value is an empty slice. The inputs count as looked at.
func All[T any](ctx context.Context, fs ...*Future[T]) *Future[[]T] {
	mustBe(fs)
	p := NewPromise[[]T](ctx, kindJoin, "All")
	out := make([]T, len(fs))
	countdown(p, fs, func() { p.Resolve(out) }, func(i int, f *Future[T]) {
		if f.op.err != nil {
			p.Reject(f.op.err)
			return
		}
		out[i] = f.value
	})
	return p.Future()
}

// Settle returns a future of the results of fs, in their order, whether they
// are values or errors. The future does not fail unless it is cancelled itself.
// The inputs count as looked at.
func Settle[T any](ctx context.Context, fs ...*Future[T]) *Future[[]Result[T]] {
	mustBe(fs)
	p := NewPromise[[]Result[T]](ctx, kindJoin, "Settle")
	out := make([]Result[T], len(fs))
	countdown(p, fs, func() { p.Resolve(out) }, func(i int, f *Future[T]) { out[i] = Result[T]{f.value, f.op.err} })
	return p.Future()
}

// Race returns a future of the first result among fs, whether it is a value or
// an error. The other inputs are cancelled with ErrStopped. When the returned
// future is cancelled, so are all inputs. Without inputs it fails. The inputs
// count as looked at.
func Race[T any](ctx context.Context, fs ...*Future[T]) *Future[T] {
	mustBe(fs)
	p := NewPromise[T](ctx, kindJoin, "Race")
	if len(fs) == 0 {
		p.Reject(errNoFutures)
	}
	countdown(p, fs, func() {}, func(_ int, f *Future[T]) { settle(p, f) })
	cancelRest(p, fs)
	return p.Future()
}

// Any returns a future of the first value among fs. The future fails when all
// of fs have failed, with their errors joined in the order of fs, and without
// inputs. Once there is a value, the other inputs are cancelled with
// ErrStopped. When the returned future is cancelled, so are all inputs. The
// inputs count as looked at.
func Any[T any](ctx context.Context, fs ...*Future[T]) *Future[T] {
	mustBe(fs)
	p := NewPromise[T](ctx, kindJoin, "Any")
	if len(fs) == 0 {
		p.Reject(errNoFutures)
	}
	errs := make([]error, len(fs))
	countdown(p, fs, func() { p.Reject(errors.Join(errs...)) }, func(i int, f *Future[T]) {
		if errs[i] = f.op.err; f.op.err == nil {
			p.Resolve(f.value)
		}
	})
	cancelRest(p, fs)
	return p.Future()
}

var (
	errNoFutures = errors.New("aio: no futures to choose from")
	errNilReject = errors.New("aio: a promise was rejected with a nil error")
)

// mustBe panics if a future is nil. Callers call it before they begin an
// operation, which would be left behind.
func mustBe[T any](fs []*Future[T]) {
	for _, f := range fs {
		if f == nil {
			panic("aio: nil Future")
		}
	}
}

// countdown calls each for every future when it resolves, unless p is resolved
// by then, and calls all after the last one. It looks at the futures.
func countdown[T, U any](p *Promise[U], fs []*Future[T], all func(), each func(i int, f *Future[T])) {
	if p.f.op.run == nil { // it never began
		return
	}
	if len(fs) == 0 {
		all()
		return
	}
	c := &counter[T]{fs: slices.Clone(fs), op: &p.f.op, each: each, all: all, hooks: make([]hook, len(fs))}
	c.left.Store(int64(len(fs)))
	for i, f := range c.fs {
		f.op.look()
		p.f.op.limitedBy(&f.op)
		h := &c.hooks[i]
		h.to, h.i = c, i
		if !f.op.hook(h) {
			c.resolved(i)
		}
	}
}

// counter is a countdown.
type counter[T any] struct {
	fs    []*Future[T]
	op    *Op // the promise's
	each  func(i int, f *Future[T])
	all   func()
	left  atomic.Int64
	hooks []hook
}

func (c *counter[T]) resolved(i int) {
	if !c.op.Ended() {
		c.each(i, c.fs[i])
	}
	if c.left.Add(-1) == 0 {
		c.all()
	}
}

// settle resolves p with the result of f, which is done.
func settle[T any](p *Promise[T], f *Future[T]) {
	if f.op.err != nil {
		p.Reject(f.op.err)
	} else {
		p.Resolve(f.value)
	}
}

// cancelRest arranges that all of fs are cancelled once p is resolved.
func cancelRest[T any](p *Promise[T], fs []*Future[T]) {
	if p.f.op.run == nil {
		return
	}
	p.f.op.then(func() {
		for _, f := range fs {
			f.Cancel(ErrStopped)
		}
	})
}
