package aio

import (
	"context"
	"os"
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
