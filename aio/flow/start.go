package flow

import (
	"context"

	"goaio.example/aio"
)

// start runs fn as an operation and returns its future, and whether fn runs: it
// does not without a loop, or with a dead ctx. fn needs no slot of an aio.Limit
// or of Loop.MaxInFlight, because it waits for functions that need some.
func start[T any](ctx context.Context, kind aio.Kind, name string, fn func(ctx context.Context) (T, error)) (*aio.Future[T], bool) {
	p := aio.NewPromise[T](ctx, kind, name)
	op := p.Op()
	if !op.SetRunning() {
		return p.Future(), false
	}
	op.Go(func() {
		v, err := fn(p.Context())
		if err != nil {
			p.RejectWith(v, err)
		} else {
			p.Resolve(v)
		}
	}, func(err error) { p.Reject(err) })
	return p.Future(), true
}
