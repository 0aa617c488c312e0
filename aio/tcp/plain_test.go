package tcp_test

import (
	"context"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// timedOut is a net.Conn that has ended because it took too long, as a
// connection of ours that another one is laid over.
type timedOut struct {
	net.Conn
	closed chan struct{}
	once   sync.Once
}

func (c *timedOut) Read([]byte) (int, error)         { <-c.closed; return 0, os.ErrDeadlineExceeded }
func (c *timedOut) Write([]byte) (int, error)        { return 0, os.ErrDeadlineExceeded }
func (c *timedOut) Close() error                     { c.once.Do(func() { close(c.closed) }); return nil }
func (c *timedOut) SetDeadline(time.Time) error      { return os.ErrDeadlineExceeded }
func (c *timedOut) SetReadDeadline(time.Time) error  { return os.ErrDeadlineExceeded }
func (c *timedOut) SetWriteDeadline(time.Time) error { return os.ErrDeadlineExceeded }

// A connection over one that has timed out ends, rather than to look again and
// again what could be read.
func TestOverTimedOut(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		under, _ := net.Pipe()
		defer under.Close()
		d := &tcp.Dialer{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return &timedOut{Conn: under, closed: make(chan struct{})}, nil
		}}
		closed := make(chan error, 1)
		h := tcp.Handler{
			Data: func(*tcp.Conn, []byte) {}, Event: func(*tcp.Conn, error) {},
			Closed: func(_ *tcp.Conn, err error) { closed <- err },
		}
		c, err := d.Send(ctx, "somewhere:80", []byte("hello"), h).Await(ctx)
		if err != nil {
			return err
		}
		synctest.Wait()
		select {
		case err := <-closed:
			wantErr(t, err, aio.ErrTimeout, "write")
		default:
			t.Error("the connection has not ended")
			c.Abort()
		}
		return nil
	})
}
