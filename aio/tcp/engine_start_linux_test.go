package tcp_test

import (
	"context"
	"io"
	"testing"
	"time"

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

// A nested loop has separate pollers, whose end does not affect those of the
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
					t.Errorf("nested.Await: %v", err)
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

// What Dialer.Send sends is more than the socket takes before the handler's
// engine has begun: the engine writes the rest.
func TestSendMuchBeforeStart(t *testing.T) {
	const size = 8 << 20 // more than sockets hold
	overAll(t, func(w *world) {
		if w.secure() || w.memory() {
			return
		}
		server := make(chan *tcp.Conn, 1)
		addr := w.start(&tcp.Server{Stream: func(_ context.Context, c *tcp.Conn) error {
			server <- c
			<-c.Done()
			return nil
		}})
		p := newTape(w)
		client, err := w.dialer.Send(w.ctx, addr, numbers(size), p.handler(tcp.Handler{})).Await(w.ctx)
		if err != nil {
			w.Fatalf("w.dialer.Send: %v", err)
		}
		c := soon(w, server)
		got := make([]byte, size)
		c.SetReadDeadline(time.Now().Add(time.Minute))
		if n, err := io.ReadFull(c, got); err != nil {
			w.Fatalf("read %d bytes of %d that were sent with the dial, %v", n, size, err)
		}
		wantNumbers(w, got, 0)
		client.Close()
		p.want(nil, "open", "closed")
		c.Close()
	})
}
