package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/alitto/pond/v2"
	"github.com/sourcegraph/conc"
	"github.com/sourcegraph/conc/pool"
	"golang.org/x/sync/errgroup"

	"goaio.example/aio"
)

// Join: a number of functions, each with an error, are started and waited for.
// Those of sync.WaitGroup and conc.WaitGroup have no errors.

var joinPeers = []string{"errgroup", "goaio", "sync.WaitGroup", "conc.WaitGroup", "conc.ContextPool", "pond.Group"}

// nothing is the work.
func nothing(context.Context) error { return nil }

// joins are what joins width functions, by peer.
var joins = map[string]func(ctx context.Context, width int) error{
	"goaio": func(ctx context.Context, width int) error {
		return aio.Scope(ctx, "join", func(ctx context.Context) error {
			for range width {
				aio.Spawn(ctx, "task", nothing)
			}
			return nil
		})
	},
	"errgroup": func(ctx context.Context, width int) error {
		g, ctx := errgroup.WithContext(ctx)
		for range width {
			g.Go(func() error { return nothing(ctx) })
		}
		return g.Wait()
	},
	"sync.WaitGroup": func(ctx context.Context, width int) error {
		var g sync.WaitGroup
		for range width {
			g.Go(func() { _ = nothing(ctx) })
		}
		g.Wait()
		return nil
	},
	"conc.WaitGroup": func(ctx context.Context, width int) error {
		var g conc.WaitGroup
		for range width {
			g.Go(func() { _ = nothing(ctx) })
		}
		g.Wait()
		return nil
	},
	"conc.ContextPool": func(ctx context.Context, width int) error {
		p := pool.New().WithContext(ctx).WithCancelOnError()
		for range width {
			p.Go(nothing)
		}
		return p.Wait()
	},
}

func init() {
	for name, join := range joins {
		roles["join "+name] = func(c *control) error {
			return aio.Run(context.Background(), func(ctx context.Context) error {
				return c.joins(func(width int) error { return join(ctx, width) })
			})
		}
	}
	roles["join pond.Group"] = func(c *control) error {
		p := pond.NewPool(1000)
		defer p.StopAndWait()
		ctx := context.Background()
		return c.joins(func(width int) error {
			g := p.NewGroupContext(ctx)
			for range width {
				g.SubmitErr(func() error { return nothing(ctx) })
			}
			return g.Wait()
		})
	}
}

// joins has n functions joined, so many at a time as the environment says.
func (c *control) joins(join func(width int) error) error {
	width, err := strconv.Atoi(parameter())
	if err != nil {
		return err
	}
	return c.work(func(n int) error {
		for ; n > 0; n -= width {
			if err := join(width); err != nil {
				return err
			}
		}
		return nil
	})
}

func measureJoin(r *report) error {
	n := times(pick(r.settings, 100_000, 1000))
	for _, width := range []int{10, 1000} {
		name := fmt.Sprintf("join %d functions, each", width)
		if err := compareWork(r, name, "join", joinPeers, n, withParameter(width)); err != nil {
			return err
		}
	}
	err := compareBeside(r, "join 1000 functions, each, beside 64 pairs of goroutines that are always runnable", "join", joinPeers, 1000, withParameter(1000))
	if err != nil {
		return err
	}
	return compareWork(r, "join 100 functions with results, each", "results", resultPeers, n, withParameter(100))
}
