package flow

import (
	"context"
	"errors"
	"iter"
	"sync"
	"sync/atomic"

	"goaio.example/aio"
)

var kindEach = aio.NewKind("flow.each")

// Each calls fn for each value of seq, with at most o.Limit calls at once, and
// returns a future of the number of calls that returned no error. Each never
// blocks: a goroutine reads seq, one value at a time, and only when there is
// room for another call. seq may be endless.
//
// Each call is an operation. The first error cancels the calls in progress and
// ends the reading; with o.KeepGoing all go on. The future resolves when seq
// has returned and all functions, and what they started, have ended. It
// resolves with the number and, joined, the errors that say more than that a
// function was cancelled. If the Each is cancelled before seq has ended, its
// error is the cause.
//
// seq is stopped at its next value. A seq that blocks delays the end until it
// returns, so it should end with a ctx; for a channel use EachChan. A panic or
// runtime.Goexit in seq ends the Each, as an error of fn's does.
func Each[T any](ctx context.Context, seq iter.Seq[T], o Options, fn func(ctx context.Context, v T) error) *aio.Future[int] {
	return each(ctx, fromSeq(seq), o, fn, func() {})
}

// EachChan is Each for the values received from ch, until that is closed. It
// receives a value only when there is room for another function. When the
// EachChan ends early, it does not wait for ch.
func EachChan[T any](ctx context.Context, ch <-chan T, o Options, fn func(ctx context.Context, v T) error) *aio.Future[int] {
	return each(ctx, fromChan(ch), o, fn, func() {})
}

// batch is an Each in progress.
type batch[T any] struct {
	Options
	slots slots
	fn    func(ctx context.Context, v T) error
	// called when a function has ended and its slot is free, unless it ends all
	over func()
	done atomic.Int64

	mu   sync.Mutex
	errs []error // with KeepGoing
}

func each[T any](ctx context.Context, from source[T], o Options, fn func(ctx context.Context, v T) error, over func()) *aio.Future[int] {
	o.Name = o.name(fn)
	b := &batch[T]{Options: o, slots: make(slots, o.limit()), fn: fn, over: over}
	outer := ctx
	f, _ := start(ctx, kindEach, o.Name, func(ctx context.Context) (int, error) {
		err := aio.Scope(ctx, o.Name, func(ctx context.Context) error {
			return read(outer, ctx, from, b.slots, func(v T) { b.begin(ctx, v) })
		})
		return int(b.done.Load()), b.join(err)
	})
	return f
}

// begin starts the function for a value, with a slot, which it gives back when
// the function has ended. A failure that ends all keeps its slot, so that
// nothing begins after it.
func (b *batch[T]) begin(ctx context.Context, v T) {
	if !b.KeepGoing {
		aio.Spawn(ctx, b.Name, func(ctx context.Context) error {
			err := b.call(ctx, v)
			if err == nil {
				b.done.Add(1)
				b.slots.give()
				b.over()
			}
			return err
		})
		return
	}
	f := aio.Go(ctx, b.Name, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, aio.Scope(ctx, b.Name, func(ctx context.Context) error { return b.call(ctx, v) })
	})
	f.AfterFunc(func() {
		_, err := f.Result()
		b.note(err)
		b.slots.give()
		b.over()
	})
}

// call waits for the Limiter and calls the function for a value.
func (b *batch[T]) call(ctx context.Context, v T) error {
	if err := b.await(ctx); err != nil {
		return err
	}
	return b.fn(ctx, v)
}

// note records the result of a function, with KeepGoing.
func (b *batch[T]) note(err error) {
	if err == nil {
		b.done.Add(1)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.errs = append(b.errs, err)
}

// join returns the error of the whole: the Scope's and, with KeepGoing, those
// of the functions.
func (b *batch[T]) join(err error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.errs) == 0 {
		return err
	}
	return errors.Join(append([]error{err}, b.errs...)...)
}
