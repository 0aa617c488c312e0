package tcp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// streams starts a server with DrainReads, whose connections' Stream is serve,
// and dials it. What serve returns is sent to ended.
func streams(w *world, serve func(c *tcp.Conn) error) (client *tcp.Conn, ended chan error) {
	w.Helper()
	ended = make(chan error, 10)
	s := &tcp.Server{DrainReads: true, Stream: func(_ context.Context, c *tcp.Conn) error {
		err := serve(c)
		ended <- err
		return err
	}}
	return w.dial(w.start(s)), ended
}

// wantExit checks that err is the error of a Read that must not wait.
func wantExit(w *world, err error) {
	w.Helper()
	wantErr(w, err, aio.ErrExit, "read")
	wantErr(w, err, aio.ErrConn, "read")
	if errors.Is(err, aio.ErrTimeout) || aio.IsInfo(err) {
		w.Errorf("%v is a timeout, or information", err)
	}
}

// echoLines is a Stream that sends lines back.
func echoLines(c *tcp.Conn) error {
	for line, err := range tcp.Lines(c, 100) {
		if err != nil {
			return err
		}
		fmt.Fprintf(c, "%s.", line)
	}
	return nil
}

// A Read that waits ends when the loop drains. It makes no event.
func TestDrainReads(t *testing.T) {
	overStreams(t, func(w *world) {
		client, ended := streams(w, echoLines)
		client.SendString("one\ntwo\n")
		wantRead(w, client, "one.two.")
		w.loop.Exit(nil)
		wantExit(w, soon(w, ended))
		wantEOF(w, client)
		client.Close()
		aiotest.Eventually(w, func() bool { return w.loop.Stats().IncomingConns == 0 })
		if n := w.loop.Stats().Cancelled; n > 0 {
			w.Errorf("%d operations count as cancelled", n)
		}
	})
}

// What has arrived is still read, and sent back; then Read waits no more, again
// and again.
func TestDrainReadsWhatIsThere(t *testing.T) {
	const size = 20_000
	overStreams(t, func(w *world) {
		begun, goOn := make(chan struct{}), make(chan struct{})
		client, ended := streams(w, func(c *tcp.Conn) error {
			wantRead(w, c, "x")
			close(begun)
			<-goOn
			got, err := io.ReadAll(c)
			wantNumbers(w, got, 0)
			if len(got) != size {
				w.Errorf("%d bytes of %d", len(got), size)
			}
			wantExit(w, err)
			if n, err := c.Read(nil); n != 0 || err != nil {
				w.Errorf("a Read of nothing: %d, %v", n, err)
			}
			_, err = c.Read(make([]byte, 1))
			wantExit(w, err)
			if _, err := c.Write([]byte("bye")); err != nil {
				w.Errorf("c.Write: %v", err)
			}
			return err
		})
		client.SendString("x")
		soon(w, begun)
		if _, err := client.Send(numbers(size)).Await(w.ctx); err != nil {
			w.Errorf("client.Send: %v", err)
		}
		w.loop.Exit(nil)
		<-aio.Draining(w.ctx)
		close(goOn)
		soon(w, ended)
		wantRead(w, client, "bye")
		client.Close()
	})
}

// The peer's end is an EOF, and a reset a reset, also while the loop drains.
func TestDrainReadsEnd(t *testing.T) {
	for how, want := range map[string]error{"EOF": nil, "reset": aio.ErrReset} {
		t.Run(how, func(t *testing.T) {
			overStreams(t, func(w *world) {
				if how == "reset" && w.transport == "unix" {
					return // which knows none
				}
				c, server := w.pair()
				ask(w, loopback{c, server}, "x")
				server.DrainReads(true)
				seen := make(chan error, 10)
				server.AfterHangUp(func(err error) { seen <- err })
				if how == "EOF" {
					c.CloseWrite()
				} else {
					c.Abort()
				}
				soon(w, seen)
				w.loop.Exit(nil)
				<-aio.Draining(w.ctx)
				if _, err := io.ReadAll(server); !errors.Is(err, want) {
					w.Errorf("%v, want %v", err, want)
				}
				server.Close()
				c.Close()
			})
		})
	}
}

// Whatever reads comes to its end.
func TestDrainReadsReaders(t *testing.T) {
	for name, read := range map[string]func(w *world, c *tcp.Conn) error{
		"Read":      func(_ *world, c *tcp.Conn) error { _, err := io.ReadAll(c); return err },
		"WriteTo":   func(_ *world, c *tcp.Conn) error { _, err := c.WriteTo(io.Discard); return err },
		"io.Copy":   func(_ *world, c *tcp.Conn) error { _, err := io.Copy(c, c); return err },
		"Delimited": func(_ *world, c *tcp.Conn) error { return lastErr(tcp.Delimited(c, []byte(";"), 10)) },
		"Chunks": func(w *world, c *tcp.Conn) error {
			for range c.Chunks(c.Context()) {
			}
			return c.Err()
		},
	} {
		t.Run(name, func(t *testing.T) {
			overStreams(t, func(w *world) {
				client, ended := streams(w, func(c *tcp.Conn) error {
					wantRead(w, c, "x")
					c.SendString("y")
					return read(w, c)
				})
				client.SendString("x")
				wantRead(w, client, "y")
				w.loop.Exit(nil)
				wantExit(w, soon(w, ended))
				client.Close()
			})
		})
	}
}

// lastErr returns the error that a sequence ends with.
func lastErr(seq func(func([]byte, error) bool)) (last error) {
	for _, err := range seq {
		last = err
	}
	return last
}

// A dialed connection does the same when it is asked to, and
// waits again when it is asked not to.
func TestDrainReadsDialed(t *testing.T) {
	overStreams(t, func(w *world) {
		client, server := w.pair()
		w.loop.Exit(nil)
		<-aio.Draining(w.ctx)
		reads := make(chan error, 1)
		read := func() {
			aio.Spawn(w.ctx, "read", func(context.Context) error {
				_, err := client.Read(make([]byte, 1))
				reads <- err
				return nil
			})
		}
		read() // before or after it is asked to
		client.DrainReads(true)
		wantExit(w, soon(w, reads))
		client.DrainReads(false)
		read()
		server.SendString("x")
		if err := soon(w, reads); err != nil {
			w.Errorf("waiting for reads: %v", err)
		}
		client.DrainReads(true)
		read()
		wantExit(w, soon(w, reads))
		client.Close()
		server.Close()
	})
}

// All Reads that wait end.
func TestDrainReadsMany(t *testing.T) {
	const many = 10
	overStreams(t, func(w *world) {
		client, server := w.pair()
		ask(w, loopback{client, server}, "x")
		server.DrainReads(true)
		reads := make(chan error, many)
		for range many {
			aio.Spawn(w.ctx, "read", func(context.Context) error {
				_, err := server.Read(make([]byte, 1))
				reads <- err
				return nil
			})
		}
		aiotest.Eventually(w, func() bool { return tcp.Readers(server) == many })
		w.loop.Exit(nil)
		for range many {
			wantExit(w, soon(w, reads))
		}
		server.Close()
		client.Close()
	})
}

// onlyConn is a net.Conn that can do no more.
type onlyConn struct{ net.Conn }

// Moving the deadline does not cut a look at what is there short, where that
// takes a moment.
func TestDrainReadsForeign(t *testing.T) {
	inBubble(t, slowLoop(), func(b *bubble) {
		near, far := aiotest.Pipe()
		d := tcp.Dialer{DialContext: func(context.Context, string, string) (net.Conn, error) { return onlyConn{near}, nil }}
		c, err := d.Dial(b.ctx, "peer:1").Await(b.ctx)
		if err != nil {
			b.Fatalf("d.Dial: %v", err)
		}
		c.DrainReads(true)
		b.loop.Exit(nil)
		<-aio.Draining(b.ctx)
		time.AfterFunc(300*time.Microsecond, func() { c.SetReadDeadline(time.Now().Add(time.Hour)) })
		time.AfterFunc(600*time.Microsecond, func() { io.WriteString(far, "x") })
		wantRead(b, c, "x")
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, aio.ErrExit) {
			b.Errorf("c.Read: %v", err)
		}
		c.Close()
		far.Close()
	})
}

// Server.Shutdown drains the server's connections, and no others.
func TestDrainReadsShutdown(t *testing.T) {
	overAll(t, func(w *world) {
		stream := func(_ context.Context, c *tcp.Conn) error { return echoLines(c) }
		s := &tcp.Server{DrainReads: true, Stream: stream}
		client := w.dial(w.start(s))
		other := w.dial(w.start(&tcp.Server{DrainReads: true, Stream: stream}))
		for _, c := range []*tcp.Conn{client, other} {
			c.SendString("one\n")
			wantRead(w, c, "one.")
		}
		down := aio.Go(w.ctx, "shut down", func(ctx context.Context) (struct{}, error) { return struct{}{}, s.Shutdown(ctx) })
		wantEOF(w, client)
		client.Close()
		if _, err := down.Await(w.ctx); err != nil {
			w.Errorf("down.Await: %v", err)
		}
		other.SendString("two\n")
		wantRead(w, other, "two.")
		other.Close()
	})
}

// A connection of a handler's that is hijacked while the loop drains is one in
// stream style.
func TestDrainReadsHijacked(t *testing.T) {
	overAll(t, func(w *world) {
		ended := make(chan error, 1)
		client := w.dial(w.start(&tcp.Server{DrainReads: true, Handler: tcp.Handler{Data: func(c *tcp.Conn, _ []byte) {
			<-aio.Draining(c.Context())
			c.Hijack()
			_, err := io.ReadAll(c)
			ended <- err
			c.CloseAfterFlush()
		}}}))
		if _, err := client.SendString("x").Await(w.ctx); err != nil {
			w.Errorf("client.SendString: %v", err)
		}
		w.loop.Exit(nil)
		wantExit(w, soon(w, ended))
		wantEOF(w, client)
		client.Close()
	})
}

// Other errors of Stream are events, also beside that of the drain.
func TestDrainReadsOtherErrors(t *testing.T) {
	bad := errors.New("bad")
	for name, tt := range map[string]struct {
		err    func(error) error
		events int
	}{
		"wrapped": {func(err error) error { return fmt.Errorf("session: %w", err) }, 0},
		"joined":  {func(err error) error { return errors.Join(err, bad) }, 1},
		"other":   {func(error) error { return bad }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			overAllLoops(t, zeroLoop, func(w *world) {
				client, _ := streams(w, func(c *tcp.Conn) error { return tt.err(echoLines(c)) })
				client.SendString("one\n")
				wantRead(w, client, "one.")
				w.loop.Exit(nil)
				wantEOF(w, client)
				client.Close()
				aiotest.Eventually(w, func() bool { return w.loop.Stats().IncomingConns == 0 })
				w.rec.Wait(w, tt.events)
				if errs := errorsOf(&w.rec); len(errs) != tt.events {
					w.Errorf("events %v", errs)
				}
			})
		})
	}
}

// SetBusy holds the drain off until a message is whole, also for a Read that
// waits.
func TestDrainReadsBusy(t *testing.T) {
	inBubbles(t, slowLoop, func(w *world) {
		client, ended := streams(w, func(c *tcp.Conn) error {
			var line []byte
			buf := make([]byte, 100)
			for {
				n, err := c.Read(buf)
				if err != nil {
					return err
				}
				line = append(line, buf[:n]...)
				whole := bytes.HasSuffix(line, []byte("\n"))
				c.SetBusy(!whole)
				if whole {
					c.Write(line)
					line = nil
				}
			}
		})
		client.SendString("ha")
		synctest.Wait()
		w.loop.Exit(nil)
		for _, part := range []string{"lf", " a li", "ne\n"} {
			time.Sleep(10 * time.Second)
			client.SendString(part)
		}
		wantRead(w, client, "half a line\n")
		begin := time.Now()
		wantExit(w, soon(w, ended))
		if d := time.Since(begin); d > 10*time.Millisecond {
			w.Errorf("Read has waited for %v", d)
		}
		client.Close()
	})
}

// A Read that waits because of SetBusy ends when that does.
func TestDrainReadsBusyNoMore(t *testing.T) {
	inBubbles(t, slowLoop, func(w *world) {
		conns := make(chan *tcp.Conn, 1)
		client, ended := streams(w, func(c *tcp.Conn) error {
			wantRead(w, c, "x")
			c.SetBusy(true)
			conns <- c
			_, err := c.Read(make([]byte, 1))
			return err
		})
		client.SendString("x")
		server := <-conns
		w.loop.Exit(nil)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if len(ended) > 0 {
			w.Errorf("Read has ended: %v", <-ended)
		}
		server.SetBusy(false)
		wantExit(w, soon(w, ended))
		client.Close()
	})
}

// Deadlines go on, and moving one does not have a Read wait.
func TestDrainReadsDeadline(t *testing.T) {
	inBubbles(t, slowLoop, func(w *world) {
		client, ended := streams(w, func(c *tcp.Conn) error {
			read := func(at time.Time, want error, lasts time.Duration) {
				c.SetReadDeadline(at)
				begin := time.Now()
				_, err := c.Read(make([]byte, 1))
				wantErr(w, err, want, "read")
				if d := time.Since(begin).Truncate(10 * time.Millisecond); d != lasts {
					w.Errorf("Read has waited for %v, want %v", d, lasts)
				}
			}
			wantRead(w, c, "x")
			past := time.Unix(1, 0)
			read(past, aio.ErrTimeout, 0)
			read(time.Now().Add(time.Second), aio.ErrTimeout, time.Second)
			// when the loop drains
			read(time.Now().Add(time.Hour), aio.ErrExit, 9*time.Second)
			read(past, aio.ErrTimeout, 0)
			read(time.Now().Add(time.Hour), aio.ErrExit, 0)
			read(time.Time{}, aio.ErrExit, 0)
			c.SetBusy(true)
			read(time.Now().Add(time.Second), aio.ErrTimeout, time.Second)
			return nil
		})
		client.SendString("x")
		time.Sleep(10 * time.Second)
		w.loop.Exit(nil)
		soon(w, ended)
		client.Close()
	})
}

// A connection from which nothing has come yet has a second, also one that was
// accepted when the loop drained already.
func TestDrainReadsYoung(t *testing.T) {
	inBubbles(t, slowLoop, func(w *world) {
		if w.secure() {
			return // whose handshakes are another matter
		}
		ended := make(chan error, 10)
		addr := w.start(&tcp.Server{DrainReads: true, MaxConns: 1, Stream: func(_ context.Context, c *tcp.Conn) error {
			err := echoLines(c)
			ended <- err
			return err
		}})
		first := w.dial(addr)
		first.SendString("one\n")
		wantRead(w, first, "one.")
		dial := func() net.Conn { // which the server does not accept yet
			c, err := w.net.DialContext(w.ctx, "tcp", addr)
			if err != nil {
				w.Fatalf("w.net.DialContext: %v", err)
			}
			return c
		}
		talks, silent := dial(), dial()
		w.loop.Exit(nil)
		begin := time.Now()
		wantExit(w, soon(w, ended))
		time.Sleep(500 * time.Millisecond)
		io.WriteString(talks, "two\n")
		wantRead(w, talks, "two.")
		wantExit(w, soon(w, ended))
		if d := time.Since(begin).Truncate(10 * time.Millisecond); d != 500*time.Millisecond {
			w.Errorf("the one that talks has ended after %v", d)
		}
		wantExit(w, soon(w, ended))
		if d := time.Since(begin).Truncate(10 * time.Millisecond); d != time.Second {
			w.Errorf("the silent one has ended after %v", d)
		}
		for _, c := range []io.Closer{first, talks, silent} {
			c.Close()
		}
	})
}

// No byte is lost and no Read keeps waiting, even if other goroutines read,
// move the deadline, mark the connection or set a handler while the loop
// drains.
func TestDrainReadsStorm(t *testing.T) {
	const size = 1 << 20
	overStreams(t, func(w *world) {
		client, server := w.pair()
		server.DrainReads(true)
		ask(w, loopback{client, server}, "x")
		var wg sync.WaitGroup
		var mu sync.Mutex
		total := 0
		over := make(chan struct{})
		for range 3 {
			wg.Go(func() {
				buf := make([]byte, 3000)
				for {
					n, err := server.Read(buf)
					mu.Lock()
					total += n
					mu.Unlock()
					switch {
					case err == io.EOF:
						return
					case err != nil && !errors.Is(err, aio.ErrExit):
						w.Errorf("%v", err)
						return
					}
				}
			})
		}
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-over:
					server.DrainReads(true)
					server.SetBusy(false)
					return
				default:
				}
				server.SetReadDeadline(time.Now().Add(time.Minute))
				server.SetBusy(i%3 == 0)
				server.DrainReads(i%7 != 0)
			}
		})
		if _, err := client.Write(numbers(size / 2)); err != nil {
			w.Errorf("client.Write: %v", err)
		}
		w.loop.Exit(nil)
		if _, err := client.Write(numbers(size / 2)); err != nil {
			w.Errorf("client.Write: %v", err)
		}
		client.CloseWrite()
		close(over)
		wg.Wait()
		if total != size {
			w.Errorf("%d bytes of %d", total, size)
		}
		client.Close()
		server.Close()
	})
}
