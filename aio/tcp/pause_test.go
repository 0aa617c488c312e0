package tcp_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// While reading is paused the handler is given nothing, and the peer is held up
// by the kernel's buffers; then it is given everything, the end too.
func TestPauseReading(t *testing.T) {
	const size = 12 << 20 // more than sockets hold
	overAll(t, func(w *world) {
		var got atomic.Int64
		paused, closed := make(chan *tcp.Conn, 1), make(chan error, 1)
		client := w.serve(tcp.Handler{
			Data: func(c *tcp.Conn, data []byte) {
				if got.Add(int64(len(data))) == 1 {
					c.PauseReading()
					paused <- c
				}
			},
			Closed: func(_ *tcp.Conn, err error) { closed <- err },
		})
		client.SendString("x")
		server := soon(w, paused)
		sent := client.SendOwned(make([]byte, size))
		client.CloseWrite()
		aiotest.Eventually(w, func() bool { return client.Stats().BytesOut > 1 })
		if _, err := sent.Result(); !errors.Is(err, aio.ErrPending) {
			w.Errorf("all is sent: %v", err)
		}
		if n := got.Load(); n != 1 {
			w.Errorf("%d bytes were given to the handler", n)
		}
		server.ResumeReading()
		if _, err := sent.Await(w.ctx); err != nil {
			w.Errorf("sent.Await: %v", err)
		}
		if err := soon(w, closed); err != nil {
			w.Errorf("waiting for closed: %v", err)
		}
		if n := got.Load(); n != size+1 {
			w.Errorf("%d bytes arrived of %d", n, size+1)
		}
		client.Close()
	})
}

// Pausing again and again, from the callback and from elsewhere, loses nothing.
func TestPauseStorm(t *testing.T) {
	const size = 1 << 20
	overAll(t, func(w *world) {
		p := newTape(w)
		client := w.serve(p.handler(tcp.Handler{Data: func(c *tcp.Conn, _ []byte) {
			c.PauseReading()
			aio.Spawn(w.ctx, "resume", func(context.Context) error {
				c.ResumeReading()
				return nil
			})
		}}))
		client.Write(numbers(size))
		client.CloseWrite()
		p.want(nil, "open", "data", "EOF", "closed")
		wantNumbers(w, []byte(p.got()), 0)
		client.Close()
	})
}

// What arrives before a handler that is paused comes is kept for it.
func TestPauseBeforeHandler(t *testing.T) {
	overAll(t, func(w *world) {
		client, server := w.pair()
		server.PauseReading()
		server.Unread([]byte("ahead "))
		p := newTape(w)
		server.SetHandler(p.handler(tcp.Handler{}))
		client.SendString("later")
		client.CloseWrite()
		// its reader knows that the handler is set
		server.SendString("x")
		wantRead(w, client, "x")
		if got := p.got(); got != "" {
			w.Errorf("received %q while paused", got)
		}
		server.ResumeReading()
		p.want(nil, "data", "EOF", "closed")
		if got := p.got(); got != "ahead later" {
			w.Errorf("received %q", got)
		}
		client.Close()
	})
}

// The read timeout stands still while reading is paused, and begins anew.
func TestPauseReadTimeout(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		p := newTape(w)
		conns := make(chan *tcp.Conn, 1)
		s := &tcp.Server{ReadTimeout: time.Second, Handler: p.handler(tcp.Handler{Data: func(c *tcp.Conn, _ []byte) {
			c.PauseReading()
			conns <- c
		}})}
		client := w.dial(w.start(s))
		client.SendString("request")
		server := <-conns
		time.Sleep(time.Minute)
		begin := time.Now()
		server.SendString("answer")
		server.ResumeReading()
		p.want(aio.ErrTimeout, "open", "data", "i/o timeout", "closed")
		if d := time.Since(begin); d != time.Second {
			w.Errorf("the connection ended %v after it was read again", d)
		}
		if err := server.Err(); !errors.Is(err, tcp.ErrIdle) {
			w.Errorf("server.Err: %v", err)
		}
		client.Close()
	})
}

// A loop that drains ends neither a connection that is paused nor one that is
// busy, until it is not any more.
func TestDrainMarked(t *testing.T) {
	for name, mark := range map[string]struct{ set, clear func(c *tcp.Conn) }{
		"busy":   {func(c *tcp.Conn) { c.SetBusy(true) }, func(c *tcp.Conn) { c.SetBusy(false) }},
		"paused": {(*tcp.Conn).PauseReading, (*tcp.Conn).ResumeReading},
	} {
		t.Run(name, func(t *testing.T) {
			inBubbles(t, slowLoop, func(w *world) {
				p := newTape(w)
				client := w.serve(p.handler(tcp.Handler{Data: func(c *tcp.Conn, _ []byte) { mark.set(c) }}))
				client.SendString("half a mess")
				server := <-p.conn
				synctest.Wait()
				begin := time.Now()
				w.loop.Exit(nil)
				time.Sleep(10 * time.Second)
				server.SendString("answer")
				mark.clear(server)
				wantRead(w, client, "answer")
				wantEOF(w, client)
				if d := time.Since(begin); d < 10*time.Second || d > 10*time.Second+time.Millisecond {
					w.Errorf("the connection ended after %v", d)
				}
				client.Close()
			})
		})
	}
}

// The read timeout stands still while reading is paused, also if the program
// pauses between two callbacks and nothing comes: it begins anew.
func TestPauseOutsideTimeout(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		conns, closed := make(chan *tcp.Conn, 1), make(chan error, 1)
		h := tcp.Handler{
			Open:   func(c *tcp.Conn) { conns <- c },
			Event:  func(*tcp.Conn, error) {},
			Closed: func(_ *tcp.Conn, err error) { closed <- err },
		}
		client := w.dial(w.start(&tcp.Server{ReadTimeout: 10 * time.Second, Handler: h}))
		server := soon(w, conns)
		time.Sleep(6 * time.Second)
		server.PauseReading()
		time.Sleep(6 * time.Second)
		server.ResumeReading()
		begin := time.Now()
		if err := <-closed; !errors.Is(err, tcp.ErrIdle) || time.Since(begin) != 10*time.Second {
			w.Errorf("closed with %v, %v after ResumeReading", err, time.Since(begin))
		}
		client.Close()
	})
}
