package tcp_test

import (
	"context"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// serveOnce starts a server with a handler, which the loop's first poller serves, and has it serve one client.
func serveOnce(t *testing.T, ctx context.Context) error {
	s := &tcp.Server{Handler: echo}
	if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
		return err
	}
	c := connect(t, s.Addr())
	ask(t, c, "hello")
	c.Close()
	s.Close()
	return nil
}

// A nested loop has pollers of its own, whose end does not touch those of the loop around it.
func TestNestedLoopServes(t *testing.T) {
	overEngines(t, func(t *testing.T) {
		aiotest.Run(t, func(ctx context.Context) error {
			s := &tcp.Server{Handler: echo}
			if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
				return err
			}
			c := connect(t, s.Addr())
			ask(t, c, "before")
			for range 3 {
				nested := aio.Go(ctx, "nested", func(ctx context.Context) (struct{}, error) {
					return struct{}{}, aio.Run(ctx, func(ctx context.Context) error {
						ask(t, c, "meanwhile")
						return serveOnce(t, ctx)
					})
				})
				if _, err := nested.Await(ctx); err != nil {
					t.Error(err)
				}
				ask(t, c, "afterwards")
			}
			c.Close()
			aio.LoopOf(ctx).Exit(nil)
			return nil
		})
	})
}

// A server that work in progress starts while the loop drains serves, also when it is the loop's first, and in a nested loop.
func TestDrainingLoopServes(t *testing.T) {
	for name, serve := range map[string]func(t *testing.T, ctx context.Context) error{
		"server": serveOnce,
		"nested": func(t *testing.T, ctx context.Context) error {
			return aio.Run(ctx, func(ctx context.Context) error { return serveOnce(t, ctx) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			overEngines(t, func(t *testing.T) {
				served := false
				aiotest.Run(t, func(ctx context.Context) error {
					aio.Spawn(ctx, "work", func(ctx context.Context) error {
						<-aio.Draining(ctx)
						defer func() { served = true }()
						return serve(t, ctx)
					})
					aio.LoopOf(ctx).Exit(nil)
					return nil
				})
				if !served {
					t.Error("the work did not end")
				}
			})
		})
	}
}
