package tcp_test

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
)

// The conditions of connections over real sockets: each is told once, complete.
func TestConditions(t *testing.T) {
	overAll(t, func(w *world) {
		if w.memory() {
			return
		}
		w.Run("timeout", func(t *testing.T) {
			p := newTape(t)
			c := w.dial(w.start(&tcp.Server{Handler: p.handler(tcp.Handler{
				Open: func(c *tcp.Conn) { c.SetTimeouts(time.Millisecond, 0) },
			})}))
			e := soon(t, p.events)
			wantErr(t, e, aio.ErrTimeout, "read")
			wantCode(t, e, -1, "idle timeout")
			p.want(aio.ErrTimeout, "open", "i/o timeout", "closed")
			wantEnd(t, c)
		})
		w.Run("write timeout", func(t *testing.T) {
			p := newTape(t)
			c := w.dial(w.start(&tcp.Server{Handler: p.handler(tcp.Handler{
				Open: func(c *tcp.Conn) {
					c.SetTimeouts(0, time.Millisecond)
					c.SendOwned(numbers(16 << 20))
				},
			})}))
			e := soon(t, p.events)
			wantErr(t, e, aio.ErrTimeout, "write")
			wantCode(t, e, -1, "idle timeout")
			p.want(aio.ErrTimeout, "open", "i/o timeout", "closed")
			c.Close()
		})
		w.Run("reset", func(t *testing.T) {
			if w.transport == "unix" {
				return // which knows no reset
			}
			p := newTape(t)
			c := w.serve(p.handler(tcp.Handler{}))
			c.SendString("x")
			p.wantData("x")
			c.Abort()
			e := soon(t, p.events)
			wantErr(t, e, aio.ErrReset, "read")
			wantCode(t, e, int(syscall.ECONNRESET), syscall.ECONNRESET.Error())
			p.want(aio.ErrReset, "open", "data", "connection reset by peer", "closed")
		})
		w.Run("EOF", func(t *testing.T) {
			p := newTape(t)
			c := w.serve(p.handler(tcp.Handler{}))
			c.Close()
			e := soon(t, p.events)
			wantCode(t, e, -1, "EOF")
			if !errors.Is(e, aio.ErrEOF) || errors.Is(e, aio.ErrConn) || !aio.IsInfo(e) {
				t.Errorf("%v", e)
			}
			p.want(nil, "open", "EOF", "closed")
		})
		w.Run("deadline", func(t *testing.T) {
			c := w.dial(w.start(&tcp.Server{Handler: tcp.Handler{HalfOpen: true, Data: func(c *tcp.Conn, data []byte) { c.Send(data) }, Event: func(c *tcp.Conn, _ error) { c.Close() }}}))
			c.SetReadDeadline(time.Now().Add(-time.Second))
			_, err := c.Read(make([]byte, 1))
			wantErr(t, err, aio.ErrTimeout, "read")
			wantCode(t, err, -1, "")
			if ne := net.Error(nil); !errors.As(err, &ne) || !ne.Timeout() {
				t.Errorf("%v is no timeout for package net", err)
			}
			c.SetReadDeadline(time.Time{})
			ask(t, c, "it goes on")
			c.Close()
		})
		w.Run("closed", func(t *testing.T) {
			c := w.dial(w.start(&tcp.Server{Handler: tcp.Handler{Event: func(*tcp.Conn, error) {}}}))
			c.Close()
			err := c.Close()
			wantErr(t, err, aio.ErrClosed, "close")
			wantCode(t, err, -1, "")
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("%v is no net.ErrClosed", err)
			}
		})
		w.Run("broken pipe", func(t *testing.T) {
			client, server := w.pair()
			client.Close()
			var err error
			for range 100 {
				if _, err = server.Write(numbers(1 << 16)); err != nil {
					break
				}
			}
			wantErr(t, err, aio.ErrReset, "write")
			server.Close()
		})
	})
}

// wantCode wants an error with a descriptor to have this code and message.
func wantCode(t testing.TB, err error, code int, msg string) {
	t.Helper()
	var e *aio.ConnError
	if !errors.As(err, &e) || e.FD < 0 || e.Code != code || msg != "" && e.Msg != msg {
		t.Errorf("%+v, want code %d, %q and a descriptor", e, code, msg)
	}
}

// wantEnd wants the connection to have ended, cleanly or not.
func wantEnd(t testing.TB, c *tcp.Conn) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("read %d bytes", n)
	}
	c.Close()
}
