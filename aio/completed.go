package aio

import (
	"context"
	"iter"
)

// AsCompleted yields the index and the result of each future as it resolves.
// When ctx ends before the next future has resolved, AsCompleted yields -1 with
// an *AwaitError, and ends. Futures whose results were not yielded go on. The
// futures count as looked at.
func AsCompleted[T any](ctx context.Context, fs ...*Future[T]) iter.Seq2[int, Result[T]] {
	return func(yield func(int, Result[T]) bool) {
		mustBe(fs)
		done := make(indexChan, len(fs))
		hooks := make([]hook, len(fs))
		for i, f := range fs {
			f.op.look()
			if hooks[i].to, hooks[i].i = done, i; !f.op.hook(&hooks[i]) {
				done <- i
			}
		}
		w := waitForAll(ctx, fs)
		defer w.end()
		for range fs {
			i, err := nextDone(ctx, done, w)
			if err != nil {
				yield(-1, Result[T]{Err: err})
				return
			}
			if !yield(i, Result[T]{fs[i].value, fs[i].op.err}) {
				return
			}
		}
	}
}

// indexChan receives the index of each operation that is resolved. It has room
// for all of them.
type indexChan chan int

func (c indexChan) resolved(i int) { c <- i }

// nextDone receives an index, or returns an *AwaitError when ctx ends first. An
// index that is ready is returned even if ctx has ended.
func nextDone(ctx context.Context, done <-chan int, w *wait) (int, error) {
	select {
	case i := <-done:
		return i, nil
	default:
	}
	ctx = orBackground(ctx)
	begin := uptime()
	w.begin()
	defer w.goOn(ctx)
	select {
	case i := <-done:
		return i, nil
	case <-ctx.Done():
		return -1, awaitError(ctx, "", uptime()-begin)
	}
}

// waitForAll is waitFor for the operations of futures.
func waitForAll[F Awaitable](ctx context.Context, fs []F) *wait {
	if !limiting.Load() {
		return nil
	}
	ops := make([]*Op, len(fs))
	for i, f := range fs {
		ops[i] = f.operation()
	}
	return waitFor(ctx, ops...)
}
