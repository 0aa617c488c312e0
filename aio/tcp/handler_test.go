package tcp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// A request in two parts is read whole and answered; the peer's EOF flushes and
// closes.
func TestHandler(t *testing.T) {
	overAll(t, func(w *world) {
		p := newTape(w)
		c := w.serve(p.handler(tcp.Handler{
			Open: func(c *tcp.Conn) { c.SendString("hello ") },
			Data: func(c *tcp.Conn, data []byte) { c.Send(data) },
		}))
		c.SendString("h")
		p.wantData("h")
		c.SendString("ai ")
		wantRead(w, c, "hello hai ")
		if err := c.CloseWrite(); err != nil {
			w.Errorf("c.CloseWrite: %v", err)
		}
		p.want(nil, "open", "data", "EOF", "closed")
		if got := p.got(); got != "hai " {
			w.Errorf("received %q", got)
		}
		wantEOF(w, c)
		c.Close()
	})
}

// Without callbacks nothing happens, and conditions are the event handler's.
func TestHandlerNilCallbacks(t *testing.T) {
	overAllLoops(t, zeroLoop, func(w *world) {
		c := w.serve(tcp.Handler{HalfOpen: true})
		c.SendString("to nobody")
		c.CloseWrite()
		e := w.rec.Wait(w, 1)[0]
		if !errors.Is(e.Err, io.EOF) || !aio.IsInfo(e.Err) || e.Op.Kind.String() != "tcp.conn.in" {
			w.Errorf("event %v of %v, want EOF of the server's connection", e.Err, e.Op.Kind)
		}
		c.Close()
		w.loop.Cancel(nil)
	})
}

func TestHalfOpen(t *testing.T) {
	overAll(t, func(w *world) {
		p := newTape(w)
		c := w.serve(p.handler(tcp.Handler{HalfOpen: true}))
		c.SendString("request")
		c.CloseWrite()
		s := soon(w, p.conn)
		if err := soon(w, p.events); !aio.IsInfo(err) {
			w.Errorf("event %v, want EOF", err)
		}
		s.SendString("late ")
		wantRead(w, c, "late ")
		s.SendString("answer")
		s.CloseAfterFlush()
		if got := readAll(w, c); got != "answer" {
			w.Errorf("read %q", got)
		}
		p.want(nil, "open", "data", "EOF", "closed")
		c.Close()
	})
}

// When both ends have ended their sides, a half-open connection is closed,
// whether its own side ends before the peer's, in the callback that tells of
// the peer's, or later.
func TestHalfOpenCloseWrite(t *testing.T) {
	for _, when := range []string{"before the EOF", "in the EOF's callback", "after the EOF's callback"} {
		t.Run(when, func(t *testing.T) {
			overAll(t, func(w *world) {
				p := newTape(w)
				ended := make(chan struct{})
				end := func(c *tcp.Conn, at string) {
					if at == when {
						c.SendString("bye")
						c.CloseWrite()
						close(ended)
					}
				}
				c := w.serve(p.handler(tcp.Handler{
					HalfOpen: true,
					Open:     func(c *tcp.Conn) { end(c, "before the EOF") },
					Event: func(c *tcp.Conn, err error) {
						end(c, "in the EOF's callback")
						if when == "after the EOF's callback" {
							aio.Spawn(w.ctx, "later", func(context.Context) error {
								aiotest.Eventually(w, func() bool { return tcp.Told(c) })
								end(c, when)
								return nil
							})
						}
					},
				}))
				if when == "before the EOF" {
					soon(w, ended)
					wantRead(w, c, "bye")
					wantEOF(w, c)
				}
				c.CloseWrite()
				p.want(nil, "open", "EOF", "closed")
				if when != "before the EOF" {
					if got := readAll(w, c); got != "bye" {
						w.Errorf("read %q, want the last word, %q", got, "bye")
					}
				}
				c.Close()
			})
		})
	}
}

// Callbacks do not overlap and come in order, whatever others do meanwhile.
func TestHandlerStorm(t *testing.T) {
	overAllLoops(t, func() *aio.Loop { return &aio.Loop{OnEvent: func(aio.Event) {}} }, func(w *world) {
		const conns = 8
		var wg sync.WaitGroup
		tapes := make(chan *tape, conns)
		s := &tcp.Server{Handler: tcp.Handler{Open: func(c *tcp.Conn) {
			p := newTape(w)
			tapes <- p
			h := p.handler(tcp.Handler{HalfOpen: rand.IntN(2) == 0, Data: func(c *tcp.Conn, data []byte) { c.Send(data) }})
			h.Open(c)
			c.SetHandler(h)
			for range 4 {
				wg.Go(func() { disturb(c, h) })
			}
		}}}
		addr := w.start(s)
		for range conns {
			c, err := w.dialer.Dial(w.ctx, addr).Await(w.ctx)
			if err != nil { // the server's end may have been disturbed already
				continue
			}
			wg.Go(func() {
				for range 20 {
					if _, err := c.Write(make([]byte, 1+rand.IntN(5000))); err != nil {
						break
					}
				}
				c.CloseAfterFlush()
			})
		}
		for range conns {
			p := soon(w, tapes)
			soon(w, p.closed)
			p.mu.Lock()
			if p.log[0] != "open" || p.log[len(p.log)-1] != "closed" || strings.Count(strings.Join(p.log, " "), "closed") != 1 {
				w.Errorf("callbacks %q", p.log)
			}
			p.mu.Unlock()
		}
		wg.Wait()
	})
}

// disturb does things to a connection, at last something that ends it.
func disturb(c *tcp.Conn, h tcp.Handler) {
	for range 50 {
		switch rand.IntN(7) {
		case 0:
			c.SetHandler(h)
		case 1:
			c.SetTimeouts(time.Duration(1+rand.IntN(100))*time.Second, time.Minute)
		case 2:
			c.SetReadDeadline(time.Now().Add(-time.Second))
			c.SetReadDeadline(time.Time{})
		case 3:
			aio.Go(c.Context(), "child", func(context.Context) (int, error) { return 0, nil })
		case 4:
			c.Write([]byte("written"))
		case 5:
			c.Stats()
			c.Flush(c.Context())
		default:
			c.SendString("disturbance")
		}
	}
	switch rand.IntN(4) {
	case 0:
		c.Close()
	case 1:
		c.Abort()
	case 2:
		c.SetTimeouts(time.Microsecond, 0)
		fallthrough
	case 3:
		c.CloseAfterFlush()
	}
}

// A callback that blocks does not stop other connections.
func TestHandlerBlocks(t *testing.T) {
	overAll(t, func(w *world) {
		block := make(chan struct{})
		s := &tcp.Server{Handler: tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
			if string(data) == "block" {
				<-block
			}
			c.Send(data)
		}}}
		addr := w.start(s)
		stuck := make([]*tcp.Conn, 20)
		for i := range stuck {
			stuck[i] = w.dial(addr)
			stuck[i].SendString("block")
		}
		for range 20 {
			c := w.dial(addr)
			ask(w, c, "hello")
			c.Close()
		}
		close(block)
		for _, c := range stuck {
			wantRead(w, c, "block")
			c.Close()
		}
	})
}

// What a connection knows about itself.
func TestConnFigures(t *testing.T) {
	overAll(t, func(w *world) {
		type key struct{}
		p := newTape(w)
		w.ctx = context.WithValue(w.ctx, key{}, "value")
		c := w.serve(p.handler(tcp.Handler{Data: func(c *tcp.Conn, data []byte) { c.Send(data) }}))
		s := soon(w, p.conn)
		if s.Value() != nil {
			w.Error("a value before SetValue")
		}
		s.SetValue(1)
		s.SetValue("one")
		if s.Value() != "one" {
			w.Errorf("value %v", s.Value())
		}
		if s.Context().Value(key{}) != "value" {
			w.Error("the connection's ctx lacks the server's value")
		}
		ask(w, c, "0123456789")
		aiotest.Eventually(w, func() bool { return s.Stats().BytesOut >= 10 })
		cs, ss := c.Stats(), s.Stats()
		if cs.BytesIn != 10 || ss.BytesIn != 10 || cs.Buffered != 0 || ss.Age <= 0 {
			w.Errorf("stats %+v, %+v", cs, ss)
		}
		if cs.BytesOut < 10 || !w.secure() && (cs.BytesOut != 10 || ss.BytesOut != 10) {
			w.Errorf("stats %+v, %+v", cs, ss)
		}
		if w.memory() != (c.FD() == -1) || w.memory() != (s.FD() == -1) {
			w.Errorf("descriptors %d and %d", c.FD(), s.FD())
		}
		if st := w.loop.Stats(); st.Callbacks != 1 || st.IncomingConns != 1 || st.OutgoingConns != 1 {
			w.Errorf("stats %+v, want 1 connection each way and 1 handler", st)
		}
		for i := range w.loop.Ops() {
			if i.Kind.String() == "tcp.conn.in" && (i.BytesIn != ss.BytesIn || i.BytesOut != ss.BytesOut) {
				w.Errorf("%d bytes in and %d out, want those of %+v", i.BytesIn, i.BytesOut, ss)
			}
		}
		c.Close()
		p.want(nil, "open", "data", "EOF", "closed")
		if c.Err() != nil || s.Err() != nil {
			w.Errorf("Err %v and %v", c.Err(), s.Err())
		}
		aiotest.Eventually(w, func() bool {
			st := w.loop.Stats()
			return st.Callbacks == 0 && st.IncomingConns == 0 && st.OutgoingConns == 0
		})
	})
}

// numbers is a stream in which each byte can be told.
func numbers(n int) []byte { return numbersFrom(0, n) }

// numberRows are the parts of 256 bytes that the stream consists of.
var numberRows = func() (rows [256][256]byte) {
	for r := range rows {
		for i := range rows[r] {
			rows[r][i] = byte(i ^ r)
		}
	}
	return rows
}()

// numbersAt is what the stream goes on with at off, for at most 256 bytes.
func numbersAt(off int) []byte { return numberRows[byte(off>>8^off>>16)][off&255:] }

// numbersFrom is n bytes of the stream, from off on.
func numbersFrom(off, n int) []byte {
	b := make([]byte, n)
	for i := 0; i < n; {
		i += copy(b[i:], numbersAt(off+i))
	}
	return b
}

// wantNumbers wants data to be the stream from off on.
func wantNumbers(t testing.TB, data []byte, off int) {
	t.Helper()
	for len(data) > 0 {
		want := numbersAt(off)
		n := min(len(data), len(want))
		if !bytes.Equal(data[:n], want[:n]) {
			t.Fatalf("a byte from %d to %d is wrong", off, off+n)
		}
		data, off = data[n:], off+n
	}
}

// A connection that changes hands, between handlers and readers, loses no byte.
func TestSetHandlerLosesNothing(t *testing.T) {
	overAll(t, func(w *world) {
		const size = 1 << 20
		client, server := w.pair()
		written := make(chan struct{})
		aio.Spawn(w.ctx, "writer", func(context.Context) error {
			defer close(written)
			_, err := client.Write(numbers(size))
			client.CloseWrite()
			return err
		})
		got := 0
		var mu sync.Mutex
		buf := make([]byte, 3000)
		take := func(data []byte) int {
			mu.Lock()
			defer mu.Unlock()
			wantNumbers(w, data, got)
			got += len(data)
			return got
		}
		for n := 0; n < size; {
			for range rand.IntN(20) {
				m, err := server.Read(buf[:1+rand.IntN(len(buf)-1)])
				if n = take(buf[:m]); err != nil && n < size {
					w.Fatalf("after %d bytes: %v", n, err)
				}
			}
			more := make(chan struct{}, 1)
			// Each SetHandler of h may tell the end again.
			end := sync.OnceFunc(func() { close(more) })
			h := tcp.Handler{HalfOpen: true, Data: func(c *tcp.Conn, data []byte) {
				take(data)
				select {
				case more <- struct{}{}:
				default:
				}
			}, Event: func(*tcp.Conn, error) { end() }}
			if rand.IntN(2) == 0 { // given up from inside
				data := h.Data
				h.Data = func(c *tcp.Conn, d []byte) {
					c.SetHandler(tcp.Handler{})
					data(c, d)
				}
			}
			if err := server.SetHandler(h); err != nil {
				w.Fatalf("server.SetHandler: %v", err)
			}
			if n < size {
				soon(w, more)
			}
			if rand.IntN(3) == 0 {
				server.SetHandler(h)
			}
			if err := server.SetHandler(tcp.Handler{}); err != nil {
				w.Fatalf("server.SetHandler: %v", err)
			}
			mu.Lock()
			n = got
			mu.Unlock()
		}
		server.SetHandler(tcp.Handler{})
		mu.Lock()
		if got != size {
			w.Errorf("%d bytes, want %d", got, size)
		}
		mu.Unlock()
		// The peer may have the last byte before Write has returned, and Close
		// fails a Write that has not.
		soon(w, written)
		client.Close()
		server.Close()
	})
}

// A Read that waits gives way to a handler, and one on a connection that has a
// handler fails.
func TestReadBesideHandler(t *testing.T) {
	overAll(t, func(w *world) {
		client, server := w.pair()
		failed := make(chan error, 1)
		aio.Spawn(w.ctx, "reader", func(context.Context) error {
			_, err := server.Read(make([]byte, 10))
			failed <- err
			return nil
		})
		p := newTape(w)
		h := p.handler(tcp.Handler{})
		if err := server.SetHandler(h); err != nil {
			w.Errorf("server.SetHandler: %v", err)
		}
		err := soon(w, failed)
		if !errors.Is(err, aio.ErrConn) || errors.Is(err, aio.ErrTimeout) || !strings.Contains(err.Error(), "Handler") {
			w.Errorf("Read: %v", err)
		}
		if _, err := server.Read(nil); !errors.Is(err, aio.ErrConn) {
			w.Errorf("Read: %v", err)
		}
		client.SendString("data")
		p.wantData("data")
		client.Close()
		p.want(nil, "data", "EOF", "closed")
	})
}

// Read waits until a callback that is running has returned; a new handler ends
// that wait.
func TestReadAfterHandler(t *testing.T) {
	overAll(t, func(w *world) {
		client, server := w.pair()
		inside, proceed := make(chan struct{}), make(chan struct{})
		h := tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
			inside <- struct{}{}
			<-proceed
		}}
		read := func() <-chan string {
			out := make(chan string, 1)
			aio.Spawn(w.ctx, "reader", func(context.Context) error {
				b := make([]byte, 4)
				n, err := server.Read(b)
				out <- fmt.Sprint(string(b[:n]), err != nil)
				return nil
			})
			return out
		}
		server.SetHandler(h)
		client.SendString("one")
		soon(w, inside)
		server.SetHandler(tcp.Handler{})
		out := read()
		client.SendString("two")
		select {
		case got := <-out:
			w.Errorf("read %q beside a callback", got)
		default:
		}
		close(proceed)
		if got := soon(w, out); got != "twofalse" {
			w.Errorf("read %q", got)
		}

		proceed = make(chan struct{})
		server.SetHandler(h)
		client.SendString("three")
		soon(w, inside)
		server.SetHandler(tcp.Handler{})
		out = read()
		server.SetHandler(tcp.Handler{HalfOpen: true})
		if got := soon(w, out); got != "true" {
			w.Errorf("read %q, want an error", got)
		}
		close(proceed)
		client.Close()
		server.Close()
	})
}

// A handler that was given up is called no more, whatever happens to the
// connection.
func TestGivenUpHandler(t *testing.T) {
	overAll(t, func(w *world) {
		p := newTape(w)
		given := make(chan struct{})
		client := w.serve(p.handler(tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
			c.SetHandler(tcp.Handler{})
			close(given)
		}}))
		client.SendString("x")
		soon(w, given)
		server := <-p.conn
		client.SendString("y")
		client.CloseWrite()
		if got := readAll(w, server); got != "y" {
			w.Errorf("read %q", got)
		}
		// the end does not close it
		server.SetHandler(p.handler(tcp.Handler{HalfOpen: true}))
		server.SetHandler(tcp.Handler{})
		server.Close()
		if err := server.SetHandler(p.handler(tcp.Handler{})); !errors.Is(err, aio.ErrClosed) {
			w.Errorf("SetHandler on a closed connection: %v", err)
		}
		client.Close()
		aiotest.Eventually(w, func() bool { return w.loop.Stats().IncomingConns == 0 })
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, what := range p.log {
			if what == "closed" {
				w.Errorf("callbacks %q", p.log)
			}
		}
	})
}

// What is put back while the engine waits for more is given to the handler.
func TestUnreadWakes(t *testing.T) {
	overAll(t, func(w *world) {
		p := newTape(w)
		client := w.serve(p.handler(tcp.Handler{}))
		server := soon(w, p.conn)
		client.SendString("read")
		p.wantData("read")
		server.Unread([]byte(" again"))
		p.wantData("read again")
		client.Close()
		p.want(nil, "open", "data", "EOF", "closed")
	})
}
