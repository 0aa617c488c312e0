package tcp_test

import (
	"context"
	"crypto/tls"
	"net"
	"path/filepath"
	"testing"

	"golang.org/x/net/nettest"

	"goaio.example/aio"
	"goaio.example/aio/internal/memnet"
	"goaio.example/aio/tcp"
)

// TestNetConn runs the test suite for net.Conns over each transport.
func TestNetConn(t *testing.T) {
	t.Parallel()
	cert := selfSigned(t)
	server := &tls.Config{Certificates: []tls.Certificate{cert}}
	client := &tls.Config{InsecureSkipVerify: true}
	for _, tt := range []struct {
		name string
		pair func(t *testing.T, ctx context.Context) (c1, c2 net.Conn, err error)
	}{
		{"tcp", func(t *testing.T, ctx context.Context) (net.Conn, net.Conn, error) {
			return dialed(ctx, "127.0.0.1:0", &tcp.Dialer{}, nil)
		}},
		{"unix", func(t *testing.T, ctx context.Context) (net.Conn, net.Conn, error) {
			return dialed(ctx, "unix:"+filepath.Join(t.TempDir(), "s"), &tcp.Dialer{}, nil)
		}},
		{"tls", func(t *testing.T, ctx context.Context) (net.Conn, net.Conn, error) {
			return dialed(ctx, "127.0.0.1:0", &tcp.Dialer{TLS: client}, server)
		}},
		{"memory", func(t *testing.T, ctx context.Context) (net.Conn, net.Conn, error) {
			return inMemory(ctx, nil, nil)
		}},
		{"memory tls", func(t *testing.T, ctx context.Context) (net.Conn, net.Conn, error) {
			return inMemory(ctx, client, server)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // most of it is deadlines
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				ctx, end := backgroundLoop(t)
				c1, c2, err = tt.pair(t, ctx)
				return c1, c2, end, err
			})
		})
	}
}

// backgroundLoop runs a loop in the background of the test.
func backgroundLoop(t *testing.T) (ctx context.Context, end func()) {
	t.Helper()
	loop := &aio.Loop{Grace: -1, OnEvent: func(aio.Event) {}}
	ready := make(chan context.Context)
	done := make(chan error, 1)
	go func() {
		done <- loop.Run(context.Background(), func(ctx context.Context) error {
			ready <- ctx
			<-ctx.Done()
			return nil
		})
	}()
	return <-ready, func() {
		loop.Exit(nil)
		if err := <-done; err != nil {
			t.Errorf("result of done: %v", err)
		}
	}
}

// dialed makes a pair of connections by a listener and a dialer; server, if not
// nil, makes it TLS.
func dialed(ctx context.Context, addr string, d *tcp.Dialer, server *tls.Config) (c1, c2 net.Conn, err error) {
	l, err := tcp.Listen(ctx, addr)
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	addr = l.Addr().String()
	if l.Addr().Network() == "unix" {
		addr = "unix:" + addr
	}
	return pair(ctx, d.Dial(ctx, addr), l, server)
}

// inMemory makes a pair of connections over an in-memory network.
func inMemory(ctx context.Context, client, server *tls.Config) (c1, c2 net.Conn, err error) {
	network := memnet.New()
	ln, err := network.Listen("")
	if err != nil {
		return nil, nil, err
	}
	l, err := tcp.NewListener(ctx, ln)
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	d := &tcp.Dialer{DialContext: network.DialContext, TLS: client}
	return pair(ctx, d.Dial(ctx, l.Addr().String()), l, server)
}

// pair makes the two ends of a connection that is being dialed.
func pair(ctx context.Context, dial *aio.Future[*tcp.Conn], l *tcp.Listener, server *tls.Config) (c1, c2 net.Conn, err error) {
	in, err := l.AcceptConn()
	if err != nil {
		return nil, nil, err
	}
	if server != nil {
		if _, err := in.StartTLSServer(server).Await(ctx); err != nil {
			return nil, nil, err
		}
	}
	out, err := dial.Await(ctx)
	return out, in, err
}
