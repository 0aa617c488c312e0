package tcp_test

import (
	"context"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// serveOnce starts a server with a handler, which the loop's first poller
// serves, and has it serve one client.
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

// A nested loop has pollers of its own, whose end does not touch those of the
// loop around it.
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

// A server that work in progress starts while the loop drains serves, also when
// it is the loop's first.
func TestDrainingLoopServes(t *testing.T) {
	overEngines(t, func(t *testing.T) {
		served := false
		aiotest.Run(t, func(ctx context.Context) error {
			aio.Spawn(ctx, "work", func(ctx context.Context) error {
				<-aio.Draining(ctx)
				defer func() { served = true }()
				return serveOnce(t, ctx)
			})
			aio.LoopOf(ctx).Exit(nil)
			return nil
		})
		if !served {
			t.Error("the work did not end")
		}
	})
}

// A server whose loop is told to exit while it starts ends, and leaves nothing
// behind.
func TestExitWhileStarting(t *testing.T) {
	overEngines(t, func(t *testing.T) {
		for range 20 {
			aiotest.Run(t, func(ctx context.Context) error {
				go aio.LoopOf(ctx).Exit(nil)
				return (&tcp.Server{Handler: echo}).Start(ctx, "127.0.0.1:0")
			})
		}
	})
}
