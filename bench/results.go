package main

import (
	"context"

	"github.com/alitto/pond/v2"
	"github.com/sourcegraph/conc/pool"
	"golang.org/x/sync/errgroup"

	"goaio.example/aio"
)

// Join with results: a number of functions, each with a value and an error, are
// started and waited for. That of errgroup writes the values into a slice.

var resultPeers = []string{"errgroup", "goaio", "conc.ResultContextPool", "pond.ResultPool"}

// resultJoins are what joins width functions, by peer.
var resultJoins = map[string]func(ctx context.Context, width int) error{
	"goaio": func(ctx context.Context, width int) error {
		futures := make([]*aio.Future[int], width)
		for i := range futures {
			futures[i] = aio.Go(ctx, "task", one)
		}
		values := make([]int, width)
		for i, f := range futures {
			v, err := f.Await(ctx)
			if err != nil {
				return err
			}
			values[i] = v
		}
		return nil
	},
	"errgroup": func(ctx context.Context, width int) error {
		g, ctx := errgroup.WithContext(ctx)
		values := make([]int, width)
		for i := range values {
			g.Go(func() (err error) {
				values[i], err = one(ctx)
				return err
			})
		}
		return g.Wait()
	},
	"conc.ResultContextPool": func(ctx context.Context, width int) error {
		p := pool.NewWithResults[int]().WithContext(ctx).WithCancelOnError()
		for range width {
			p.Go(one)
		}
		_, err := p.Wait()
		return err
	},
}

func init() {
	for name, join := range resultJoins {
		roles["results "+name] = func(c *control) error {
			return aio.Run(context.Background(), func(ctx context.Context) error {
				return c.joins(func(width int) error { return join(ctx, width) })
			})
		}
	}
	roles["results pond.ResultPool"] = func(c *control) error {
		p := pond.NewResultPool[int](1000)
		defer p.StopAndWait()
		ctx := context.Background()
		return c.joins(func(width int) error {
			g := p.NewGroupContext(ctx)
			for range width {
				g.SubmitErr(func() (int, error) { return one(ctx) })
			}
			_, err := g.Wait()
			return err
		})
	}
}
