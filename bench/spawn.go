package main

import (
	"context"

	"github.com/alitto/pond/v2"
	"github.com/samber/mo"

	"goaio.example/aio"
)

// Spawn + await: a function is started, and its result waited for.

var spawnPeers = []string{"goroutine + chan", "goaio", "mo", "pond"}

func init() {
	roles["spawn goroutine + chan"] = func(c *control) error {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		return c.work(func(n int) error { return rawSpawn(ctx, n) })
	}
	roles["spawn goaio"] = func(c *control) error {
		return aio.Run(context.Background(), func(ctx context.Context) error {
			return c.work(func(n int) error {
				for range n {
					if _, err := aio.Go(ctx, "one", one).Await(ctx); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
	roles["spawn mo"] = func(c *control) error {
		return c.work(func(n int) error {
			for range n {
				f := mo.NewFuture(func(resolve func(int), _ func(error)) { resolve(1) })
				if _, err := f.Collect(); err != nil {
					return err
				}
			}
			return nil
		})
	}
	roles["spawn pond"] = func(c *control) error {
		pool := pond.NewResultPool[int](1000)
		defer pool.StopAndWait()
		return c.work(func(n int) error {
			for range n {
				if _, err := pool.SubmitErr(func() (int, error) { return one(context.Background()) }).Wait(); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// one is the work: nothing, so that what is measured is all around it.
func one(context.Context) (int, error) { return 1, nil }

// rawSpawn is what one writes without a library: a goroutine, a channel, and a
// select that minds the ctx.
func rawSpawn(ctx context.Context, n int) error {
	type result struct {
		value int
		err   error
	}
	for range n {
		c := make(chan result, 1)
		go func() {
			v, err := one(ctx)
			c <- result{v, err}
		}()
		select {
		case r := <-c:
			if r.err != nil {
				return r.err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func measureSpawn(r *report) error {
	if err := compareWork(r, "spawn + await, one at a time", "spawn", spawnPeers, times(pick(r.settings, 50_000, 1000))); err != nil {
		return err
	}
	return compareBeside(r, "spawn + await, beside 64 pairs of goroutines that are always runnable", "spawn", spawnPeers, 100)
}
