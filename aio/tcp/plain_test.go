package tcp_test

import (
	"context"
	"crypto/tls"
	"errors"
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

// TestTLSOverTimedOut checks that a handshake over a connection that times out
// fails, and that a connection in handler style ends: neither looks again and
// again.
func TestTLSOverTimedOut(t *testing.T) {
	for name, secure := range map[string]bool{"TLS": true, "plain": false} {
		t.Run(name, func(t *testing.T) {
			aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
				under, _ := net.Pipe()
				defer under.Close()
				over := make(chan struct{})
				close(over)
				d := &tcp.Dialer{DialContext: func(context.Context, string, string) (net.Conn, error) {
					return &sendsTimedOut{timedOut{Conn: under, closed: over}}, nil
				}}
				if secure {
					d.TLS = &tls.Config{InsecureSkipVerify: true}
				}
				closed := make(chan error, 1)
				h := tcp.Handler{Event: func(*tcp.Conn, error) {}, Closed: func(_ *tcp.Conn, err error) { closed <- err }}
				_, err := d.Send(ctx, "somewhere:80", nil, h).Await(ctx)
				if !secure && err == nil {
					err = <-closed
				}
				if !errors.Is(err, aio.ErrTimeout) {
					t.Errorf("got %v, not %v", err, aio.ErrTimeout)
				}
				return nil
			})
		})
	}
}

// sendsTimedOut is a timedOut that has taken what was written.
type sendsTimedOut struct{ timedOut }

func (c *sendsTimedOut) Write(p []byte) (int, error) { return len(p), nil }
func (c *sendsTimedOut) Close() error                { return nil }

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
