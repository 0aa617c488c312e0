package tcp_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/timer"

	"goaio.example/aio/tcp"
)

// slowLoop is a loop with a lot of grace.
func slowLoop() *aio.Loop { return &aio.Loop{Grace: time.Minute} }

// A delay started by a callback keeps its connection, whose answer is sent; an
// idle one ends at once.
func TestDrainDelayedAnswer(t *testing.T) {
	inBubbles(t, slowLoop, func(w *world) {
		addr := w.start(&tcp.Server{Handler: tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
			if string(data) == "now" {
				c.SendString("ok")
				return
			}
			timer.Delay(c.Context(), 10*time.Second, func(context.Context) error {
				c.SendString("late answer")
				return nil
			})
		}}})
		idle, busy := w.dial(addr), w.dial(addr)
		ask := func(c *tcp.Conn, q string) { c.SendString(q); synctest.Wait() }
		ask(idle, "now")
		wantRead(w, idle, "ok")
		ask(busy, "later")
		begin := time.Now()
		w.loop.Exit(nil)
		wantEOF(w, idle)
		if d := time.Since(begin); d > time.Millisecond {
			w.Errorf("the idle connection ended after %v", d)
		}
		wantRead(w, busy, "late answer")
		wantEOF(w, busy)
		if d := time.Since(begin); d < 10*time.Second || d > 10*time.Second+time.Millisecond {
			w.Errorf("the answer came after %v", d)
		}
		idle.Close()
		busy.Close()
	})
}

// A connection that is younger than a second and has sent nothing is waited
// for.
func TestDrainYoung(t *testing.T) {
	inBubbles(t, slowLoop, func(w *world) {
		p := newTape(w)
		addr := w.start(&tcp.Server{Handler: echo})
		silent := w.dial(w.start(&tcp.Server{Handler: p.handler(tcp.Handler{})}))
		talks := w.dial(addr)
		synctest.Wait()
		begin := time.Now()
		w.loop.Exit(nil)
		time.Sleep(500 * time.Millisecond)
		ask(w, talks, "hello")
		wantEOF(w, talks)
		if d := time.Since(begin).Round(10 * time.Millisecond); d != 500*time.Millisecond {
			w.Errorf("the one that was answered ended after %v", d)
		}
		wantEOF(w, silent)
		if d := time.Since(begin).Round(10 * time.Millisecond); d != time.Second {
			w.Errorf("the silent one ended after %v", d)
		}
		p.want(nil, "open", "closed")
		silent.Close()
		talks.Close()
	})
}

// What is idle although it looks busy, and the other way round.
func TestDrainIdle(t *testing.T) {
	inBubbles(t, slowLoop, func(w *world) {
		begin := time.Now()
		since := func(what string, want time.Duration) {
			w.Helper()
			if d := time.Since(begin).Round(10 * time.Millisecond); d != want {
				w.Errorf("%s: after %v, want %v", what, d, want)
			}
		}
		half := newTape(w) // half-open, after the peer's end
		halfConn := w.serve(half.handler(tcp.Handler{HalfOpen: true}))
		halfConn.SendString("x")
		halfConn.CloseWrite()
		full := newTape(w) // with a queue
		fullConn := w.serve(full.handler(tcp.Handler{Data: func(c *tcp.Conn, _ []byte) { c.SendOwned(numbers(1 << 20)) }}))
		fullConn.SendString("x")
		calling := newTape(w) // in a callback
		callingConn := w.serve(calling.handler(tcp.Handler{Data: func(c *tcp.Conn, _ []byte) {
			time.Sleep(20 * time.Second)
			c.SendString("done")
		}}))
		callingConn.SendString("x")
		synctest.Wait()
		begin = time.Now()
		w.loop.Exit(nil)
		half.want(nil, "open", "data", "EOF", "closed")
		since("half-open", 0)
		time.Sleep(10 * time.Second)
		if n, err := io.Copy(io.Discard, fullConn); n != 1<<20 || err != nil {
			w.Errorf("read %d, %v", n, err)
		}
		full.want(nil, "open", "data", "closed")
		since("with a queue", 10*time.Second)
		wantRead(w, callingConn, "done")
		calling.want(nil, "open", "data", "closed")
		since("in a callback", 20*time.Second)
		halfConn.Close()
		fullConn.Close()
		callingConn.Close()
	})
}

// Dialed connections, and those in stream style, go on, learn of the drain from
// Draining, and are aborted when the loop cancels.
func TestDrainGoesOn(t *testing.T) {
	inBubblesOverdue(t, slowLoop, func(w *world) {
		drained := make(chan struct{})
		addr := w.start(&tcp.Server{Stream: func(ctx context.Context, c *tcp.Conn) error {
			<-aio.Draining(ctx)
			close(drained)
			_, err := io.Copy(c, c)
			return err
		}})
		c := w.dial(addr)
		p := newTape(w)
		c.SetHandler(p.handler(tcp.Handler{}))
		begin := time.Now()
		w.loop.Exit(nil)
		<-drained
		time.Sleep(59 * time.Second)
		c.SendString("still here")
		synctest.Wait()
		if p.got() != "still here" {
			w.Errorf("received %q", p.got())
		}
		cond := <-p.closed
		if d := time.Since(begin); !errors.Is(cond, aio.ErrExit) || d != time.Minute {
			w.Errorf("closed with %v after %v", cond, d)
		}
		if len(p.events) > 0 {
			w.Errorf("event %v", <-p.events)
		}
	})
}

// The operation of a connection lasts until nothing of it runs any more.
func TestConnOutlivesItsCallbacks(t *testing.T) {
	overAll(t, func(w *world) {
		p := newTape(w)
		proceed := make(chan struct{})
		c := w.serve(p.handler(tcp.Handler{Data: func(c *tcp.Conn, _ []byte) { <-proceed }}))
		c.SendString("x")
		s := soon(w, p.conn)
		p.wantData("x")
		s.Close()
		soon(w, s.Done())
		if n := w.loop.Stats().IncomingConns; n != 1 {
			w.Errorf("%d connections while a callback runs", n)
		}
		close(proceed)
		p.want(nil, "open", "data", "closed")
		c.Close()
	})
}
