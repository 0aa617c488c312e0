package aio

import (
	"context"
	"os"
	"slices"
)

// RunSignals is Run with signals that come from a channel.
func (l *Loop) RunSignals(ctx context.Context, sigs <-chan os.Signal, main func(ctx context.Context) error) error {
	r, err := l.begin(ctx)
	if err != nil {
		return err
	}
	r.start(func() { r.runMain(main) })
	r.supervise(ctx, sigs)
	return r.conclude()
}

// DrainHooks returns how many functions wait for the loop to drain.
func DrainHooks(l *Loop) int {
	d := &l.run.Load().drained
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.fns)
}

// Hooks returns how many wait for the future.
func Hooks[T any](f *Future[T]) (n int) {
	f.op.mu.Lock()
	defer f.op.mu.Unlock()
	for h := f.op.hooks; h != nil; h = h.next {
		n++
	}
	return n
}

// TaskOf returns what runtime/trace finds in ctx.
func TaskOf(ctx context.Context) any { return ctx.Value(taskKey) }

// Piece is how many children of an operation are read with its lock held once.
const Piece = piece

// Pieces reads the children of ctx's operation in pieces, and calls between
// before each but the first, with those that were read. It returns them.
func Pieces(ctx context.Context, between func(read []Ref)) (all []Ref) {
	return PiecesAround(ctx, between, func(read func()) { read() })
}

// PiecesAround is Pieces with a function that reads each piece by calling read,
// which holds the lock.
func PiecesAround(ctx context.Context, between func(read []Ref), around func(read func())) (all []Ref) {
	o := opOf(ctx)
	refs := func(ops []*Op) (out []Ref) {
		for _, k := range ops {
			out = append(out, Ref{k})
		}
		return out
	}
	var to []*Op
	for last, more := -1, true; more; {
		if len(to) > 0 && between != nil {
			between(refs(to))
		}
		to = slices.Grow(to, piece)
		around(func() { to, more = o.family.appendPiece(o, to, 0, &last) })
	}
	return refs(to)
}

// LostGone reports whether there are lost errors whose futures are collected,
// and which the loop has not looked at yet.
func LostGone(l *Loop) bool { return l.run.Load().lost.anyGone.Load() }
