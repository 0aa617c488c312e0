package flow

import (
	"context"
	"errors"
	"iter"

	"goaio.example/aio"
)

var kindMap = aio.NewKind("flow.map")

// Map yields what fn returns for each value of seq, in the order of seq. When
// ranged over, it runs up to o.Limit functions ahead of the loop's body: no
// more are in progress or have results that wait for their turn, and no more
// values of seq are read. seq may be endless. A goroutine of the Map's reads
// it.
//
// An error of fn is yielded in its place, together with the value, and ends the
// sequence. It is joined with those errors of later calls that say more than
// that they were cancelled. With o.KeepGoing the sequence goes on. A Map that
// ends early, because seq panics or ctx ends, yields the reason last. Each call
// of fn is an operation that ends when everything that it started has ended. If
// the loop breaks off, the errors of later calls are those of futures that
// nothing looked at.
//
// Whenever the range ends, by itself or by break, return, panic or
// runtime.Goexit, the functions in progress are cancelled. They, and seq, have
// ended when the statement after the loop runs. A seq that blocks delays that;
// for a channel use MapChan.
func Map[T, R any](ctx context.Context, seq iter.Seq[T], o Options, fn func(ctx context.Context, v T) (R, error)) iter.Seq2[R, error] {
	return mapped(ctx, fromSeq(seq), o, fn)
}

// MapChan is Map for the values received from ch, until that is closed. It
// yields results while it waits for another value. When the range ends early,
// MapChan does not wait for ch.
func MapChan[T, R any](ctx context.Context, ch <-chan T, o Options, fn func(ctx context.Context, v T) (R, error)) iter.Seq2[R, error] {
	return mapped(ctx, fromChan(ch), o, fn)
}

func mapped[T, R any](ctx context.Context, from source[T], o Options, fn func(ctx context.Context, v T) (R, error)) iter.Seq2[R, error] {
	o.Name = o.name(fn)
	call := func(ctx context.Context, v T) (r R, err error) {
		if err := o.await(ctx); err != nil {
			return r, err
		}
		err = aio.Scope(ctx, o.Name, func(ctx context.Context) (err error) {
			r, err = fn(ctx, v)
			return err
		})
		return r, err
	}
	return func(yield func(R, error) bool) {
		p := &pipeline[R]{ctx: ctx, slots: make(slots, o.limit()), order: make(chan *aio.Future[R], o.limit())}
		var began bool
		p.all, began = start(ctx, kindMap, o.Name, func(ctx context.Context) (struct{}, error) {
			defer close(p.order)
			return struct{}{}, read(p.ctx, ctx, from, p.slots, func(v T) {
				p.order <- aio.Go(ctx, o.Name, func(ctx context.Context) (R, error) { return call(ctx, v) })
			})
		})
		if !began {
			close(p.order)
		}
		defer p.stop()
		p.deliver(o.KeepGoing, yield)
	}
}

// pipeline is a Map in progress.
type pipeline[R any] struct {
	ctx   context.Context // of the receiver of the results
	all   *aio.Future[struct{}]
	slots slots // of functions in progress, and results that were not taken
	order chan *aio.Future[R]
}

// deliver yields the results in their order.
func (p *pipeline[R]) deliver(keepGoing bool, yield func(R, error) bool) {
	for f := range p.order {
		f.Await(p.ctx)
		if !isDone(f) {
			p.stop(f)
			var zero R
			yield(zero, context.Cause(p.ctx))
			return
		}
		v, err := f.Result()
		if err != nil && !keepGoing {
			yield(v, p.because(err, p.stop()))
			return
		}
		p.slots.give()
		if !yield(v, err) {
			return
		}
	}
	<-p.all.Done()
	if _, err := p.all.Result(); err != nil {
		var zero R
		yield(zero, err)
	}
}

// isDone reports whether a future is done.
func isDone[T any](f *aio.Future[T]) bool {
	select {
	case <-f.Done():
		return true
	default:
		return false
	}
}

// because joins the error of a function with what may have caused it, the end
// of ctx or a panic of the sequence's, and with the errors of later functions.
func (p *pipeline[R]) because(err error, rest []*aio.Future[R]) error {
	errs := []error{err}
	_, all := p.all.Result()
	for _, cause := range []error{all, context.Cause(p.ctx)} {
		if cause != nil && cause != aio.ErrStopped && !errors.Is(err, cause) {
			errs = append([]error{cause}, errs...)
			break
		}
	}
	for _, f := range rest {
		if _, err := f.Result(); err != nil && !onlyCancelled(err) {
			errs = append(errs, err)
		}
	}
	if len(errs) == 1 {
		return err
	}
	return errors.Join(errs...)
}

// onlyCancelled reports whether err says only that a function was cancelled.
func onlyCancelled(err error) bool {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if e == context.Canceled || e == aio.ErrStopped {
			return true
		}
	}
	return false
}

// stop cancels the functions of left and of order, waits for them, and returns
// their futures.
func (p *pipeline[R]) stop(left ...*aio.Future[R]) []*aio.Future[R] {
	p.all.Cancel(aio.ErrStopped)
	for f := range p.order { // until the sequence has returned
		left = append(left, f)
	}
	for _, f := range left {
		f.Cancel(aio.ErrStopped)
	}
	for _, f := range left {
		<-f.Done()
	}
	<-p.all.Done()
	return left
}
