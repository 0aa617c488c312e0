package tcp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// echo sends back what comes.
var echo = tcp.Handler{Data: func(c *tcp.Conn, data []byte) { c.Send(data) }}

// echoStream is echo in stream style.
func echoStream(_ context.Context, c *tcp.Conn) error {
	_, err := io.Copy(c, c)
	return err
}

// bubble is a loop in a synctest bubble, with its own in-memory network.
type bubble struct {
	*testing.T
	ctx  context.Context
	loop *aio.Loop
	net  *aiotest.Network
}

// inBubble runs main in a loop in a bubble.
func inBubble(t *testing.T, loop *aio.Loop, main func(b *bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		b := &bubble{T: t, loop: loop, net: new(aiotest.Network)}
		aiotest.RunLoop(t, loop, func(ctx context.Context) error {
			b.ctx = ctx
			main(b)
			return nil
		})
	})
}

// listen opens an in-memory listener.
func (b *bubble) listen() net.Listener {
	b.Helper()
	ln, err := b.net.Listen("")
	if err != nil {
		b.Fatalf("b.net.Listen: %v", err)
	}
	return ln
}

// start starts a server on the network, and returns its address.
func (b *bubble) start(s *tcp.Server) string {
	b.Helper()
	if err := s.StartOn(b.ctx, b.listen()); err != nil {
		b.Fatalf("s.StartOn: %v", err)
	}
	return s.Addr().String()
}

// dial opens a client's connection, which belongs to no loop.
func (b *bubble) dial(addr string) aiotest.Conn {
	b.Helper()
	c, err := b.net.Dial("tcp", addr)
	if err != nil {
		b.Fatalf("b.net.Dial: %v", err)
	}
	return c.(aiotest.Conn)
}

// loopback writes to one end and reads at the other.
type loopback struct {
	net.Conn
	other net.Conn
}

func (l loopback) Read(p []byte) (int, error) { return l.other.Read(p) }

// ask sends a message and wants it back.
func ask(t testing.TB, c net.Conn, msg string) {
	t.Helper()
	if _, err := io.WriteString(c, msg); err != nil {
		t.Fatalf("write: %v", err)
	}
	wantRead(t, c, msg)
}

// wantRead reads what must come.
func wantRead(t testing.TB, c io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v; want %q", got[:n], err, want)
	}
}

// wantEOF wants the peer's end to be next.
func wantEOF(t testing.TB, c net.Conn) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Fatalf("read %d bytes, %v; want EOF", n, err)
	}
}

// soon waits for a channel, not forever.
func soon[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(20 * time.Second):
		t.Fatalf("received nothing in 20 s, want a %T", *new(T))
		panic("unreachable")
	}
}

// connect opens a client's connection that belongs to no loop and is closed at
// the end of the test.
func connect(t testing.TB, a net.Addr) net.Conn {
	t.Helper()
	c, err := net.Dial(a.Network(), a.String())
	if err != nil {
		t.Fatalf("net.Dial: %v", err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

// ops counts the operations of a kind.
func ops(l *aio.Loop, kind string) int64 { return l.Stats().Kinds[kind] }

// errorsOf returns the errors of the events, without information such as EOF.
func errorsOf(rec *aiotest.Recorder) []error {
	var errs []error
	for _, e := range rec.Events() {
		if !aio.IsInfo(e.Err) {
			errs = append(errs, e.Err)
		}
	}
	return errs
}
