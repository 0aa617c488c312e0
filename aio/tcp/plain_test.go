package tcp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
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

// mere is a net.Conn that cannot be tried: it has blocking calls only. Writes
// fail once broken is set.
type mere struct {
	net.Conn
	broken atomic.Bool
}

func (c *mere) Write(p []byte) (int, error) {
	if c.broken.Load() {
		return 0, syscall.ECONNRESET
	}
	return c.Conn.Write(p)
}

// overMere connects a TLS client over a mere net.Conn with a server, and
// returns both ends once the client has an answer.
func overMere(ctx context.Context, t *testing.T, h tcp.Handler) (client *tcp.Conn, server *tape, under *mere) {
	network := new(aiotest.Network)
	ln, err := network.Listen("")
	if err != nil {
		t.Fatalf("network.Listen: %v", err)
	}
	server = newTape(t)
	s := &tcp.Server{
		TLS:     &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}},
		Handler: server.handler(tcp.Handler{Data: func(c *tcp.Conn, data []byte) { c.Send(data) }}),
	}
	if err := s.StartOn(ctx, ln); err != nil {
		t.Fatalf("s.StartOn: %v", err)
	}
	d := &tcp.Dialer{TLS: &tls.Config{InsecureSkipVerify: true}}
	d.DialContext = func(ctx context.Context, netw, addr string) (net.Conn, error) {
		c, err := network.DialContext(ctx, netw, addr)
		under = &mere{Conn: c}
		return under, err
	}
	client, err = d.Send(ctx, s.Addr().String(), []byte("hello"), h).Await(ctx)
	if err != nil {
		t.Fatalf("d.Send: %v", err)
	}
	synctest.Wait()
	s.StopAccepting()
	return client, server, under
}

// TestCloseOverMere holds that a TLS peer sees a clean end where the transport
// cannot be tried, in both styles.
func TestCloseOverMere(t *testing.T) {
	for name, h := range map[string]tcp.Handler{"stream": {}, "handler": {Data: func(*tcp.Conn, []byte) {}}} {
		t.Run(name, func(t *testing.T) {
			aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
				client, server, _ := overMere(ctx, t, h)
				begin := time.Now()
				if err := client.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
				if d := time.Since(begin); d > 0 {
					t.Errorf("Close of a connection with an empty queue took %v", d)
				}
				server.want(nil, "open", "data", "EOF", "closed")
				return nil
			})
		})
	}
}

// TestCloseOverMereFull holds that Close waits no longer than 10 ms for a
// transport that takes nothing, and tells of nothing.
func TestCloseOverMereFull(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		client, _, under := overMere(ctx, t, tcp.Handler{})
		blocked := make(chan struct{})
		stuck := under.Conn
		under.Conn = &stuckWrite{stuck, blocked}
		begin := time.Now()
		if err := client.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if d := time.Since(begin); d != 10*time.Millisecond {
			t.Errorf("Close over a transport that takes nothing took %v, want 10ms", d)
		}
		close(blocked)
		return nil
	})
}

// stuckWrite is a net.Conn whose Write waits.
type stuckWrite struct {
	net.Conn
	blocked chan struct{}
}

func (c *stuckWrite) Write(p []byte) (int, error) { <-c.blocked; return c.Conn.Write(p) }

// TestCloseOverMereBroken holds that a close_notify that cannot be written is
// no event: the connection was to be closed.
func TestCloseOverMereBroken(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		p := newTape(t)
		client, _, under := overMere(ctx, t, p.handler(tcp.Handler{}))
		under.broken.Store(true)
		if err := client.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		p.want(nil, "open", "data", "closed")
		return nil
	})
}
