package flow

import (
	"context"
	"iter"
	"sync"

	"goaio.example/aio"
	"goaio.example/aio/internal/bell"
)

// Frontier is a set of values for an Each that finds more of them while it
// runs, as a crawler finds pages. The zero Frontier is empty and ready for use.
// Its methods may be called from any goroutine. Its fields must not be changed
// once it is used.
//
// Add never blocks, because the functions that would make room are those that
// add. So the frontier takes memory: Max bounds it, and DepthFirst keeps it
// small where each value leads to several others. A Frontier does not recognise
// values that it had before: the caller of Add decides whether a value is new.
type Frontier[T any] struct {
	// Max is how many values may wait. 0 or less means any number.
	Max int
	// DepthFirst takes the value added last first. Where each of b values leads
	// to b others, d levels deep, some b*d values wait, and not b to the power
	// of d. Without it values are taken in the order in which they were added.
	DepthFirst bool

	mu      sync.Mutex
	waiting []T
	changed bell.Bell // rung for a value, and for a function that has returned
}

// Add adds a value. It reports false, and does nothing, if Max values wait
// already.
func (f *Frontier[T]) Add(v T) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.Max > 0 && len(f.waiting) >= f.Max {
		return false
	}
	f.waiting = append(f.waiting, v)
	f.changed.Ring()
	return true
}

// Len returns how many values wait.
func (f *Frontier[T]) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.waiting)
}

// Each is the function Each for the frontier's values and those that are added
// while it runs, by fn or by others. It ends when no value waits and no
// function runs that might add one. When it ends early, the values that it did
// not begin stay in the frontier.
//
// An operation that outlives the call of fn that started it may add a value too
// late: fn should wait for it. Several Eachs of a frontier share its values,
// and each of them waits for its own functions only.
func (f *Frontier[T]) Each(ctx context.Context, o Options, fn func(ctx context.Context, v T) error) *aio.Future[int] {
	busy := 0 // functions that run; guarded by f.mu
	seq := func(ctx context.Context) iter.Seq[T] {
		return func(yield func(T) bool) {
			for v, ok := f.next(ctx, &busy); ok && yield(v); v, ok = f.next(ctx, &busy) {
			}
		}
	}
	return each(ctx, seq, o, fn, func() { f.returned(&busy) })
}

// next takes a value for a function, which counts as busy. It waits for one,
// and reports false when there will be none, or ctx has ended.
func (f *Frontier[T]) next(ctx context.Context, busy *int) (v T, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.waiting) == 0 {
		if *busy == 0 || ctx.Err() != nil {
			return v, false
		}
		f.changed.WaitOr(&f.mu, ctx.Done())
	}
	*busy++
	return f.pop(), true
}

// pop takes the value whose turn it is. The lock is held.
func (f *Frontier[T]) pop() (v T) {
	i := 0
	if f.DepthFirst {
		i = len(f.waiting) - 1
	}
	v, f.waiting[i] = f.waiting[i], v
	switch {
	case len(f.waiting) == 1:
		f.waiting = nil
	case f.DepthFirst:
		f.waiting = f.waiting[:i]
	default:
		f.waiting = f.waiting[1:]
	}
	return v
}

// returned records that a function has returned.
func (f *Frontier[T]) returned(busy *int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	*busy--
	f.changed.Ring()
}
