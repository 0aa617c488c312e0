package memnet_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"goaio.example/aio/internal/memnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pipe returns the ends of a Pipe with small buffers, closed with the test.
func pipe(t *testing.T, size int) (a, b *memnet.Conn) {
	t.Helper()
	n := memnet.Network{BufferSize: size}
	x, y := n.Pipe()
	a, b = x.(*memnet.Conn), y.(*memnet.Conn)
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// dialed returns the two ends of a connection through n.
func dialed(t *testing.T, n *memnet.Network) (client, server *memnet.Conn) {
	t.Helper()
	l := listen(t, n, "")
	c := dial(t, n, l.Addr().String())
	s, err := l.Accept()
	if err != nil {
		t.Fatalf("l.Accept: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return c, s.(*memnet.Conn)
}

func listen(t *testing.T, n *memnet.Network, addr string) *memnet.Listener {
	t.Helper()
	l, err := n.Listen(addr)
	if err != nil {
		t.Fatalf("n.Listen: %v", err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func dial(t *testing.T, n *memnet.Network, addr string) *memnet.Conn {
	t.Helper()
	c, err := n.DialContext(context.Background(), "tcp", addr)
	if err != nil {
		t.Fatalf("n.DialContext: %v", err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*memnet.Conn)
}

// write writes s, all of it.
func write(t *testing.T, c io.Writer, s string) {
	t.Helper()
	if n, err := c.Write([]byte(s)); n != len(s) || err != nil {
		t.Errorf("Write(%q) = %d, %v", s, n, err)
	}
}

// wantRead expects one Read, of up to 100 bytes, to return data and err.
func wantRead(t *testing.T, c io.Reader, data string, want error) {
	t.Helper()
	p := make([]byte, 100)
	n, err := c.Read(p)
	if string(p[:n]) != data || !errors.Is(err, want) {
		t.Errorf("Read = %q, %v, want %q, %v", p[:n], err, data, want)
	}
	wantNetError(t, err)
}

// wantWrite expects a Write of s to return n and err.
func wantWrite(t *testing.T, c io.Writer, s string, n int, want error) {
	t.Helper()
	got, err := c.Write([]byte(s))
	if got != n || !errors.Is(err, want) {
		t.Errorf("Write(%q) = %d, %v, want %d, %v", s, got, err, n, want)
	}
	wantNetError(t, err)
}

func wantErr(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
	wantNetError(t, err)
}

// wantNetError expects err to have the form of package net's.
func wantNetError(t *testing.T, err error) {
	t.Helper()
	if err == nil || err == io.EOF { //nolint:errorlint // it comes bare
		return
	}
	op, ok := err.(*net.OpError) //nolint:errorlint // it is the outermost
	if !ok {
		t.Errorf("%v is a %T, not a *net.OpError", err, err)
		return
	}
	timeout := errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded)
	if op.Timeout() != timeout {
		t.Errorf("%v: Timeout() = %v", err, op.Timeout())
	}
}

// took expects that since start exactly want has passed on the bubble's clock.
func took(t *testing.T, start time.Time, want time.Duration) {
	t.Helper()
	if d := time.Since(start); d != want {
		t.Errorf("took %v, want %v", d, want)
	}
}
