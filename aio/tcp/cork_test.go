package tcp_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/memnet"
	"goaio.example/aio/tcp"
)

// countedWrites is a connection in memory whose writes are counted.
func countedWrites(w *world, d *tcp.Dialer) (writes func() int) {
	var counted *memnet.FaultyConn
	d.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := w.net.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		counted = memnet.Faulty(nc, memnet.Plan{})
		return counted, nil
	}
	return func() int { return counted.Writes() }
}

// What is sent while a connection is corked goes out in one write: at Uncork,
// at the callback's end, with what a Write or an end sends, and after a
// millisecond.
func TestCork(t *testing.T) {
	ends := map[string]struct {
		end  func(w *world, c *tcp.Conn)
		more string
	}{
		"Uncork":          {func(_ *world, c *tcp.Conn) { c.Uncork() }, ""},
		"time":            {func(*world, *tcp.Conn) { time.Sleep(time.Millisecond) }, ""},
		"Flush":           {func(w *world, c *tcp.Conn) { c.Flush(w.ctx) }, ""},
		"Write":           {func(_ *world, c *tcp.Conn) { c.Write([]byte("written")) }, "written"},
		"CloseWrite":      {func(_ *world, c *tcp.Conn) { c.CloseWrite() }, ""},
		"CloseAfterFlush": {func(_ *world, c *tcp.Conn) { c.CloseAfterFlush() }, ""},
		"Close":           {func(_ *world, c *tcp.Conn) { c.Close() }, ""},
	}
	for how, tt := range ends {
		t.Run(how, func(t *testing.T) {
			inBubbles(t, zeroLoop, func(w *world) {
				writes := countedWrites(w, &w.dialer)
				client, server := w.pair()
				before := writes()
				client.Cork()
				var futures []*aio.Future[int]
				for range 50 {
					futures = append(futures, client.SendString("part "))
				}
				synctest.Wait()
				if n := writes() - before; n != 0 {
					w.Errorf("%d writes while corked", n)
				}
				if _, err := futures[0].Result(); err == nil {
					w.Error("a send has resolved that is gathered")
				}
				tt.end(w, client)
				wantRead(w, server, strings.Repeat("part ", 50)+tt.more)
				for _, f := range futures {
					if n, err := f.Await(w.ctx); n != 5 || err != nil {
						w.Errorf("sent %d, %v", n, err)
					}
				}
				most := 1
				if tt.more != "" || w.secure() {
					most = 2 // the Write, or the alert
				}
				if n := writes() - before; n > most {
					w.Errorf("%d writes, want %d", n, most)
				}
				if strings.HasPrefix(how, "Close") {
					wantEOF(w, server) // on TLS a clean one
				}
				if how != "CloseAfterFlush" { // which needs no Close
					client.Close()
				}
				server.Close()
				begin := time.Now()
				soon(w, client.Done())
				if d := time.Since(begin); d != 0 {
					w.Errorf("the connection has ended %v after its peer, want at once", d)
				}
			})
		})
	}
}

// A callback that has corked its connection sends what it has gathered when it
// returns, and no later than a millisecond after the first when it does not.
func TestCorkInCallback(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		client := w.serve(tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
			c.Cork()
			c.SendString("answer ")
			c.SendString("by ")
			if string(data) == "slow" {
				time.Sleep(time.Second)
			}
			c.SendString("part")
		}})
		begin := time.Now()
		client.SendString("fast")
		wantRead(w, client, "answer by part")
		if d := time.Since(begin); d != 0 {
			w.Errorf("answered after %v", d)
		}
		client.SendString("slow")
		wantRead(w, client, "answer by ")
		if d := time.Since(begin); d != time.Millisecond {
			w.Errorf("the first part came after %v", d)
		}
		wantRead(w, client, "part")
		if d := time.Since(begin); d != time.Second {
			w.Errorf("the last part came after %v", d)
		}
		client.Close()
	})
}

// Much is not gathered for long, and what is queued already goes out as ever,
// in order.
func TestCorkMuch(t *testing.T) {
	const size = 3 << 20
	overStreams(t, func(w *world) {
		client, server := w.pair()
		client.Cork()
		for off := 0; off < size; off += 1000 {
			client.SendOwned(numbersFrom(off, min(1000, size-off)))
		}
		got := make([]byte, size)
		if _, err := io.ReadFull(server, got); err != nil {
			w.Errorf("io.ReadFull: %v", err)
		}
		wantNumbers(w, got, 0)
		client.Uncork()
		ask(w, loopback{client, server}, "at once")
		client.Close()
		server.Close()
	})
}

// A connection that is aborted or has failed sends nothing of what is gathered.
func TestCorkAbort(t *testing.T) {
	overStreams(t, func(w *world) {
		client, server := w.pair()
		client.Cork()
		f := client.SendString("never")
		client.Abort()
		if _, err := f.Await(w.ctx); err == nil {
			w.Error("sent")
		}
		if n, _ := server.Read(make([]byte, 5)); n > 0 {
			w.Error("received")
		}
		client.Cork()
		client.Uncork()
		server.Close()
	})
}

// Close after Cork sends what the kernel takes, as without Cork.
func TestCorkClose(t *testing.T) {
	many := func(n, size int, send func(c *tcp.Conn, p []byte)) func(c *tcp.Conn) int {
		return func(c *tcp.Conn) int {
			for i := range n {
				send(c, numbersFrom(i*size, size))
			}
			return n * size
		}
	}
	send := func(c *tcp.Conn, p []byte) { c.Send(p) }
	owned := func(c *tcp.Conn, p []byte) { c.SendOwned(p) }
	for how, send := range map[string]func(c *tcp.Conn) int{
		"more than is gathered":     many(20, 4096, send),
		"more buffers than a write": many(100, 10, owned),
		"just what is gathered":     many(16, 4096, owned),
		"little":                    many(3, 10, send),
	} {
		t.Run(how, func(t *testing.T) {
			overStreams(t, func(w *world) {
				client, server := w.pair()
				client.Cork()
				n := send(client)
				if w.memory() && n > 60<<10 { // which has less room
					client.Abort()
					server.Close()
					return
				}
				client.Close()
				got := readAll(w, server)
				if len(got) != n {
					w.Errorf("received %d bytes of %d", len(got), n)
				}
				wantNumbers(w, []byte(got), 0)
				server.Close()
			})
		})
	}
}

// The queue copies what is sent into memory of its own: never behind a buffer
// that SendOwned was given, whose spare capacity is the program's.
func TestQueueLeavesOwnedMemory(t *testing.T) {
	overStreams(t, func(w *world) {
		client, server := w.pair()
		memory := []byte("owned|spare capacity")
		client.Cork() // has all of it be queued
		client.SendString("a ")
		client.SendOwned(memory[:5])
		client.SendString(" b")
		client.Uncork()
		wantRead(w, server, "a owned b")
		if got := string(memory[5:]); got != "|spare capacity" {
			w.Errorf("a Send behind a SendOwned has left %q behind the owned buffer, want it unchanged", got)
		}
		client.Close()
		server.Close()
	})
}

// What is gathered after an Uncork has a millisecond anew.
func TestCorkAgain(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		client, server := w.pair()
		client.Cork()
		client.SendString("first ")
		client.Uncork()
		time.Sleep(time.Millisecond / 2)
		begin := time.Now()
		client.Cork()
		client.SendString("second")
		wantRead(w, server, "first second")
		if d := time.Since(begin); d != time.Millisecond {
			w.Errorf("the second part came %v after it was gathered, want 1 ms", d)
		}
		client.Close()
		server.Close()
	})
}

// An accepted connection with something gathered is not idle: a drain sends it.
func TestCorkDrain(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		opened := make(chan *tcp.Conn, 1)
		client := w.serve(tcp.Handler{Open: func(c *tcp.Conn) { opened <- c }, Data: func(*tcp.Conn, []byte) {}})
		client.SendString("question")
		server := soon(w, opened)
		synctest.Wait()
		server.Cork()
		server.SendString("answer")
		w.loop.Exit(nil)
		if got := readAll(w, client); got != "answer" {
			w.Errorf("read %q of a connection that drains, want what was gathered, %q", got, "answer")
		}
		client.Close()
	})
}
