package tcp_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// sendObserved sends n bytes over a connection, in a loop whose observer calls
// began as the operation of the send begins. peer is the other end.
func sendObserved(t *testing.T, n int, began func(c *tcp.Conn), peer func(c *tcp.Conn)) (sent int, sendErr error) {
	t.Helper()
	var conn *tcp.Conn
	l := &aio.Loop{OnEvent: func(aio.Event) {}, Observe: aio.Observer{Began: func(op aio.OpInfo) {
		if op.Kind.String() == "tcp.send" {
			began(conn)
		}
	}}}
	aiotest.RunLoop(t, l, func(ctx context.Context) error {
		ln, err := tcp.Listen(ctx, "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer ln.Close()
		dial := tcp.Dial(ctx, ln.Addr().String())
		other, err := ln.AcceptConn()
		if err != nil {
			return err
		}
		defer other.Close()
		if conn, err = dial.Await(ctx); err != nil {
			return err
		}
		defer conn.Close()
		aio.Spawn(ctx, "peer", func(context.Context) error { peer(other); return nil })
		sent, sendErr = conn.Send(make([]byte, n)).Await(ctx)
		return nil
	})
	return sent, sendErr
}

// An observer may use the connection that has begun an operation, and a send
// may be over before its operation has begun.
func TestSendOverBeforeBegun(t *testing.T) {
	const n = 8 << 20
	began := 0
	sent, err := sendObserved(t, n, func(c *tcp.Conn) {
		began++
		aiotest.Eventually(t, func() bool { return c.Buffered() == 0 })
	}, func(c *tcp.Conn) { io.CopyN(io.Discard, c, n) })
	if began != 1 || err != nil || sent != n {
		t.Errorf("began %d times, %d bytes sent, error %v", began, sent, err)
	}
}

// So may one that fails.
func TestSendFailedBeforeBegun(t *testing.T) {
	began := 0
	_, err := sendObserved(t, 8<<20, func(c *tcp.Conn) {
		if began++; began == 1 {
			c.Abort()
			<-c.Done()
		}
	}, func(*tcp.Conn) {})
	if began != 1 || !errors.Is(err, aio.ErrClosed) {
		t.Errorf("began %d times, error %v", began, err)
	}
}
