package flow

import (
	"context"
	"iter"
)

// A source returns the sequence to be read. ctx ends when no more values are
// wanted.
type source[T any] func(ctx context.Context) iter.Seq[T]

// fromSeq returns the source of a sequence, which does not use the ctx.
func fromSeq[T any](seq iter.Seq[T]) source[T] {
	return func(context.Context) iter.Seq[T] { return seq }
}

// fromChan returns the source of what is received from a channel until that is
// closed.
func fromChan[T any](ch <-chan T) source[T] {
	return func(ctx context.Context) iter.Seq[T] {
		return func(yield func(T) bool) {
			for {
				select {
				case v, ok := <-ch:
					if !ok || !yield(v) {
						return
					}
				case <-ctx.Done():
					return
				}
			}
		}
	}
}

// slots bounds how many functions have begun and not ended.
type slots chan struct{}

// take takes a slot, and waits for one until ctx ends. It returns the cause if
// ctx has ended.
func (s slots) take(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s slots) give() { <-s }

// read calls begin with each value of a source until ctx ends. It takes a slot
// before it asks for a value, and begin passes the slot on. outer is the ctx
// around ctx, which ends first.
func read[T any](outer, ctx context.Context, from source[T], s slots, begin func(v T)) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	for v := range from(ctx) {
		begin(v)
		if err := s.take(ctx); err != nil {
			return err
		}
	}
	for _, c := range []context.Context{outer, ctx} {
		if c.Err() != nil { // which may be what has ended the sequence
			return context.Cause(c)
		}
	}
	return nil
}
