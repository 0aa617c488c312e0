package tcp_test

import (
	"context"
	"testing"
	"testing/synctest"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// The loop's figures are those counted by hand: 100 connections in each
// direction.
func TestStatsByHand(t *testing.T) {
	eachStyle(t, func(t *testing.T, server func() *tcp.Server) {
		inBubble(t, new(aio.Loop), func(b *bubble) {
			const n = 100
			s := server()
			addr := b.start(s)
			base := b.loop.Stats()
			if base.InFlight != 2 || base.Kinds["tcp.server"] != 1 || base.IncomingConns+base.OutgoingConns+base.Callbacks != 0 {
				b.Errorf("at first: %+v", base)
			}
			d := &tcp.Dialer{DialContext: b.net.DialContext}
			handlers := int64(n) // of clients
			if s.Stream == nil {
				handlers += n
			}
			got := make(chan int, n)
			var conns []*tcp.Conn
			for range n {
				c, err := d.Send(b.ctx, addr, []byte("hello"), tcp.Handler{
					Data: func(_ *tcp.Conn, data []byte) { got <- len(data) },
				}).Await(b.ctx)
				if err != nil {
					b.Fatalf("d.Send: %v", err)
				}
				conns = append(conns, c)
			}
			for range n {
				if k := <-got; k != 5 {
					b.Errorf("got %d bytes", k)
				}
			}
			synctest.Wait()
			st := b.loop.Stats()
			if st.IncomingConns != n || st.OutgoingConns != n || st.Callbacks != handlers || st.InFlight != 2+2*n || st.Futures != 0 {
				b.Errorf("connected: %+v", st)
			}
			if st.BytesIn != 2*n*5 || st.BytesOut != 2*n*5 {
				b.Errorf("%d bytes in, %d out, want %d", st.BytesIn, st.BytesOut, 2*n*5)
			}
			for _, c := range conns {
				c.Close()
			}
			synctest.Wait()
			st = b.loop.Stats()
			if st.InFlight != base.InFlight || st.IncomingConns+st.OutgoingConns+st.Callbacks+st.Futures != 0 || st.Failed+st.Cancelled+st.Panicked != 0 {
				b.Errorf("in the end: %+v", st)
			}
			// dials too
			if st.Started-st.Ended != st.InFlight || st.Started != 2+3*n {
				b.Errorf("%d started, %d ended", st.Started, st.Ended)
			}
			s.Close()
		})
	})
}

// A thousand times served, dialed and exited: aiotest checks for leaked
// goroutines and file descriptors.
func TestServeDialExitCycles(t *testing.T) {
	cycles := 1000
	if testing.Short() {
		cycles = 50
	}
	aiotest.CheckLeaks(t)
	for i := range cycles {
		err := aio.Run(context.Background(), func(ctx context.Context) error {
			s := &tcp.Server{Handler: echo}
			if i%2 == 0 {
				s = &tcp.Server{Stream: echoStream}
			}
			if err := s.Start(ctx, "127.0.0.1:0"); err != nil {
				return err
			}
			c, err := tcp.Dial(ctx, s.Addr().String()).Await(ctx)
			if err != nil {
				return err
			}
			ask(t, c, "hello")
			if i%3 == 0 {
				c.Close()
			} else {
				c.CloseAfterFlush()
			}
			aio.LoopOf(ctx).Exit(nil)
			return nil
		})
		if err != nil {
			t.Fatalf("aio.Run: %v", err)
		}
	}
}
