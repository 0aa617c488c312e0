package tcp_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// The ways in which a callback does not return.
var deaths = []struct {
	name string
	die  func()
}{
	{"error", func() { panic(io.ErrUnexpectedEOF) }},
	{"string", func() { panic("text") }},
	{"nil", func() { panic(nil) }},
	{"goexit", runtime.Goexit},
}

// dieIn returns a handler that echoes, and dies in one of its callbacks.
func dieIn(where string, die func()) tcp.Handler {
	at := func(what string) {
		if what == where {
			die()
		}
	}
	return tcp.Handler{
		Open: func(*tcp.Conn) { at("open") },
		Data: func(c *tcp.Conn, data []byte) {
			at("data")
			c.Send(data)
		},
		Event: func(_ *tcp.Conn, err error) {
			if aio.IsInfo(err) {
				at("EOF")
			} else {
				at("reset")
			}
		},
		Closed: func(*tcp.Conn, error) { at("closed") },
	}
}

// deathsIn runs a test for each way to die in each callback.
func deathsIn(t *testing.T, test func(t *testing.T, where, how string, die func())) {
	for _, where := range []string{"open", "data", "EOF", "reset", "closed"} {
		for _, d := range deaths {
			t.Run(where+" "+d.name, func(t *testing.T) { test(t, where, d.name, d.die) })
		}
	}
}

// died wants err to say how a callback died.
func died(t testing.TB, how string, err error) {
	t.Helper()
	var p *aio.PanicError
	switch {
	case how == "goexit":
		if !errors.Is(err, aio.ErrGoexit) {
			t.Errorf("%v, want ErrGoexit", err)
		}
	case !errors.As(err, &p) || len(p.Stack) == 0:
		t.Errorf("%v, want a panic with its stack", err)
	case how == "error" && !errors.Is(err, io.ErrUnexpectedEOF), how == "string" && p.Value != "text":
		t.Errorf("panic with %v", p.Value)
	}
}

// A callback that dies ends its connection, of which one event tells, and
// touches no other.
func TestCallbackDies(t *testing.T) {
	deathsIn(t, func(t *testing.T, where, how string, die func()) {
		overAllLoops(t, func() *aio.Loop { return &aio.Loop{CatchPanics: true} }, func(w *world) {
			if where == "reset" && w.transport == "unix" {
				return // which knows no reset
			}
			p := newTape(w)
			dying := w.start(&tcp.Server{Handler: p.handler(dieIn(where, die))})
			other := w.dial(w.start(&tcp.Server{Handler: echo}))
			c, err := w.dialer.Dial(w.ctx, dying).Await(w.ctx)
			if err == nil {
				provoke(w, c, p, where)
			}
			cond := soon(w, p.closed)
			e := w.rec.Wait(w, 1)
			died(w, how, e[0].Err)
			if e[0].Op.Kind.String() != "tcp.conn.in" || e[0].Lost {
				w.Errorf("event of %v, lost: %v", e[0].Op, e[0].Lost)
			}
			switch where {
			case "closed":
				if cond != nil {
					w.Errorf("Closed with %v", cond)
				}
			case "reset":
				wantErr(w, cond, aio.ErrReset, "")
			default:
				died(w, how, cond)
			}
			if c != nil {
				c.Close()
			}
			ask(w, other, "still here")
			other.Close()
			aiotest.Eventually(w, func() bool { return w.loop.Stats().IncomingConns == 0 })
			for _, e := range w.rec.Events()[1:] {
				if !aio.IsInfo(e.Err) { // the echo's EOF
					w.Errorf("one more event: %v", e.Err)
				}
			}
		})
	})
}

// provoke has the callback of that name called on the other side.
func provoke(w *world, c *tcp.Conn, p *tape, where string) {
	w.Helper()
	switch where {
	case "data":
		c.Write([]byte("x"))
	case "EOF", "closed":
		c.CloseWrite()
	case "reset":
		c.Write([]byte("x"))
		p.wantData("x")
		c.Abort()
	}
}

// Without CatchPanics, a panic in a callback ends the loop, and Run panics with
// it; Goexit does not.
func TestCallbackDiesLoud(t *testing.T) {
	deathsIn(t, func(t *testing.T, where, how string, die func()) {
		aiotest.CheckLeaks(t)
		if how == "goexit" {
			return // the same as with CatchPanics
		}
		p := newTape(t)
		defer func() {
			err, _ := recover().(error)
			died(t, how, err)
			if cond := <-p.closed; where != "closed" && where != "reset" {
				died(t, how, cond)
			}
		}()
		l := &aio.Loop{Logger: slog.New(slog.DiscardHandler), OnEvent: func(aio.Event) {}}
		err := l.Run(context.Background(), func(ctx context.Context) error {
			w := newWorld(t, "memory")
			w.ctx = ctx
			if c, err := w.dialer.Dial(ctx, w.start(&tcp.Server{Handler: p.handler(dieIn(where, die))})).Await(ctx); err == nil {
				provoke(w, c, p, where)
			}
			<-ctx.Done()
			return nil
		})
		t.Errorf("Run returned %v", err)
	})
}
