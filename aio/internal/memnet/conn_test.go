package memnet_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio/internal/memnet"
)

func TestWriteBlocksWhileFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe(t, 4)
		done := false
		go func() {
			write(t, a, "123456")
			done = true
		}()
		synctest.Wait()
		if done {
			t.Fatal("Write returned with a full buffer")
		}
		wantRead(t, b, "1234", nil)
		synctest.Wait()
		if !done {
			t.Fatal("Write still blocks with room in the buffer")
		}
		wantRead(t, b, "56", nil)
	})
}

func TestDeadlines(t *testing.T) {
	const wait = time.Minute
	calls := map[string]func(c *memnet.Conn) error{
		"Read":       func(c *memnet.Conn) error { _, err := c.Read(make([]byte, 1)); return err },
		"ReadReady":  func(c *memnet.Conn) error { return c.ReadReady() },
		"Write":      func(c *memnet.Conn) error { _, err := c.Write(make([]byte, 9)); return err },
		"WriteReady": func(c *memnet.Conn) error { return c.WriteReady() },
	}
	sets := map[string]func(c *memnet.Conn, t time.Time) error{
		"both": (*memnet.Conn).SetDeadline,
		"one": func(c *memnet.Conn, t time.Time) error {
			return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
		},
	}
	for name, call := range calls {
		for how, set := range sets {
			t.Run(name+"/"+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					a, _ := pipe(t, 4)
					write(t, a, "full")
					start := time.Now()
					set(a, start.Add(wait))
					wantErr(t, "future deadline", call(a), os.ErrDeadlineExceeded)
					took(t, start, wait)
					wantErr(t, "past deadline", call(a), os.ErrDeadlineExceeded)
					set(a, time.Now().Add(wait))
					time.AfterFunc(wait/2, func() { set(a, time.Unix(1, 0)) })
					start = time.Now()
					wantErr(t, "moved deadline", call(a), os.ErrDeadlineExceeded)
					took(t, start, wait/2)
					set(a, time.Now().Add(wait))
					set(a, time.Time{})
					time.AfterFunc(2*wait, func() { a.Close() })
					wantErr(t, "no deadline, Close", call(a), net.ErrClosed)
					took(t, start, wait/2+2*wait)
				})
			})
		}
	}
}

func TestDeadlineIsNotTheEnd(t *testing.T) {
	a, b := pipe(t, 0)
	write(t, b, "later")
	a.SetReadDeadline(time.Unix(1, 0))
	wantRead(t, a, "", os.ErrDeadlineExceeded)
	write(t, a, "still writes")
	a.SetReadDeadline(time.Time{})
	wantRead(t, a, "later", nil)
	a.SetWriteDeadline(time.Unix(1, 0))
	wantWrite(t, a, "x", 0, os.ErrDeadlineExceeded)
	_, err := a.TryWrite([]byte("x"))
	wantErr(t, "TryWrite", err, os.ErrDeadlineExceeded)
	a.SetWriteDeadline(time.Time{})
	wantWrite(t, a, "x", 1, nil)
}

// The deadline and the data come at the same moment: data wins.
func TestReadyBeatsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe(t, 0)
		a.SetReadDeadline(time.Now().Add(time.Second))
		got := make(chan error)
		go func() {
			_, err := a.Read(make([]byte, 1))
			got <- err
		}()
		synctest.Wait()
		write(t, b, "x")
		a.SetReadDeadline(time.Unix(1, 0))
		if err := <-got; err != nil {
			t.Fatalf("result of got: %v", err)
		}
	})
}

func TestPartialWriteIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe(t, 4)
		a.SetWriteDeadline(time.Now().Add(time.Second))
		wantWrite(t, a, "123456", 4, os.ErrDeadlineExceeded)
		wantRead(t, b, "1234", nil)
	})
}

func TestTryWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe(t, 4)
		if n, err := a.TryWrite([]byte("123456")); n != 4 || err != nil {
			t.Fatalf("into an empty buffer: %d, %v", n, err)
		}
		if n, err := a.TryWrite([]byte("5")); n != 0 || err != syscall.EAGAIN { //nolint:errorlint // it comes bare
			t.Fatalf("into a full buffer: %d, %v", n, err)
		}
		if n, err := a.TryWrite(nil); n != 0 || err != nil {
			t.Fatalf("nothing: %d, %v", n, err)
		}
		go wantWrite(t, a, "567890", 6, nil)
		synctest.Wait()
		if n, err := a.TryWrite([]byte("x")); n != 0 || err != syscall.EAGAIN { //nolint:errorlint // it comes bare
			t.Fatalf("beside a Write: %d, %v", n, err)
		}
		start := time.Now()
		time.AfterFunc(time.Second, func() { io.ReadFull(b, make([]byte, 10)) })
		wantErr(t, "WriteReady", a.WriteReady(), nil)
		took(t, start, time.Second)
		if n, err := a.TryWrite([]byte("x")); n != 1 || err != nil {
			t.Fatalf("after WriteReady: %d, %v", n, err)
		}
	})
}

func TestTryRead(t *testing.T) {
	a, b := pipe(t, 0)
	a.SetReadDeadline(time.Unix(1, 0)) // which it does not heed
	buf := make([]byte, 3)
	try := func(what, want string, cond error) {
		t.Helper()
		n, err := a.TryRead(buf)
		wantErr(t, what, err, cond)
		if got := string(buf[:n]); got != want {
			t.Errorf("%s: read %q, want %q", what, got, want)
		}
	}
	if n, err := a.TryRead(buf); n != 0 || err != syscall.EAGAIN { //nolint:errorlint // it comes bare
		t.Fatalf("from an empty buffer: %d, %v", n, err)
	}
	write(t, b, "data")
	if n, err := a.TryRead(nil); n != 0 || err != nil {
		t.Fatalf("nothing: %d, %v", n, err)
	}
	try("data", "dat", nil)
	try("rest", "a", nil)
	b.CloseWrite()
	try("end", "", io.EOF)
	a.Close()
	try("closed", "", net.ErrClosed)
	a, b = pipe(t, 0)
	b.Abort()
	try("reset", "", syscall.ECONNRESET)
}

func TestReadReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe(t, 0)
		start := time.Now()
		time.AfterFunc(time.Second, func() { write(t, b, "data"); b.Close() })
		for range 3 {
			wantErr(t, "data", a.ReadReady(), nil)
		}
		took(t, start, time.Second)
		wantRead(t, a, "data", nil)
		wantErr(t, "EOF", a.ReadReady(), nil)
		wantRead(t, a, "", io.EOF)

		c, d := pipe(t, 0)
		time.AfterFunc(time.Second, func() { d.Abort() })
		wantErr(t, "reset", c.ReadReady(), syscall.ECONNRESET)
		c.Close()
		wantErr(t, "closed", c.ReadReady(), net.ErrClosed)
	})
}

func TestEmptyCalls(t *testing.T) {
	a, b := pipe(t, 1)
	write(t, a, "x")
	wantWrite(t, a, "", 0, nil)
	if n, err := a.Read(nil); n != 0 || err != nil {
		t.Fatalf("Read(nil) = %d, %v", n, err)
	}
	b.Abort()
	wantWrite(t, a, "", 0, syscall.ECONNRESET)
	a.Close()
	_, err := a.Read(nil)
	wantErr(t, "Read(nil)", err, net.ErrClosed)
}

func TestClosedConn(t *testing.T) {
	a, _ := pipe(t, 0)
	a.Close()
	_, err := a.TryWrite(nil)
	wantErr(t, "TryWrite", err, net.ErrClosed)
	wantRead(t, a, "", net.ErrClosed)
	wantWrite(t, a, "x", 0, net.ErrClosed)
	for what, err := range map[string]error{
		"Close": a.Close(), "Abort": a.Abort(), "CloseWrite": a.CloseWrite(), "CloseRead": a.CloseRead(),
		"SetLinger": a.SetLinger(0), "SetDeadline": a.SetDeadline(time.Now()), "WriteReady": a.WriteReady(),
	} {
		wantErr(t, what, err, net.ErrClosed)
	}
}

// The text of an error is what a user of package net knows.
func TestErrorText(t *testing.T) {
	var n memnet.Network
	a, b := n.Pipe()
	b.(*memnet.Conn).Abort()
	_, err := a.Read(make([]byte, 1))
	want := "read tcp 127.0.0.1:32768->127.0.0.1:32769: read: connection reset by peer"
	if err == nil || err.Error() != want {
		t.Fatalf("%v, want %v", err, want)
	}
	if err := a.Close(); err != nil {
		t.Fatalf("a.Close: %v", err)
	}
	if err := a.Close(); !strings.Contains(err.Error(), "use of closed network connection") {
		t.Fatalf("a.Close: %v", err)
	}
}

func TestStreamIsInOrder(t *testing.T) {
	for _, size := range []int{1, 7, 513, 5000, 0} {
		a, b := pipe(t, size)
		want := make([]byte, 20_000)
		for i := range want {
			want[i] = byte(i * i >> 3)
		}
		go func() {
			for p := want; len(p) > 0; {
				k := min(len(p), 1+len(p)%1500)
				a.Write(p[:k])
				p = p[k:]
			}
			a.CloseWrite()
		}()
		got, err := io.ReadAll(b)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("size %d: %d bytes, %v, equal %v", size, len(got), err, bytes.Equal(got, want))
		}
	}
}

func TestConcurrentWritesDoNotMix(t *testing.T) {
	a, b := pipe(t, 3)
	var wg sync.WaitGroup
	for _, s := range []string{"aaaaaaaa", "bbbbbbbb", "cccccccc"} {
		wg.Go(func() { a.Write([]byte(s)) })
	}
	got := make([]byte, 24)
	if _, err := io.ReadFull(b, got); err != nil {
		t.Fatalf("io.ReadFull: %v", err)
	}
	wg.Wait()
	for i := range 3 {
		if part := got[8*i : 8*i+8]; !bytes.Equal(part, bytes.Repeat(part[:1], 8)) {
			t.Fatalf("mixed: %s", got)
		}
	}
}

// The package has no goroutine, so waiting in a bubble is durably blocking: if
// it were not, the clock would not move and this test would not end.
func TestManyIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wg sync.WaitGroup
		for range 1000 {
			a, _ := pipe(t, 0)
			wg.Go(func() {
				a.SetReadDeadline(time.Now().Add(time.Hour))
				wantErr(t, "idle", a.ReadReady(), os.ErrDeadlineExceeded)
			})
		}
		wg.Wait()
	})
}
