package tcp_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// A connection that is HalfOpen ends with a condition when its peer, which has
// ended its sending side before, is gone: nothing needs to be sent for that.
// Over a unix socket, where an aborted connection is closed like any other, it
// just ends.
func TestHalfOpenPeerGone(t *testing.T) {
	for _, when := range []string{"at rest", "in a callback", "paused"} {
		t.Run(when, func(t *testing.T) {
			overAll(t, func(w *world) {
				p := newTape(w)
				working := make(chan struct{})
				h := tcp.Handler{HalfOpen: true, Event: func(c *tcp.Conn, err error) {
					if !aio.IsInfo(err) {
						return
					}
					aio.Spawn(c.Context(), "work", func(ctx context.Context) error {
						<-c.Done() // the answer is never ready
						return nil
					})
					switch when {
					case "in a callback":
						<-working
					case "paused":
						c.PauseReading()
					}
				}}
				c := w.serve(p.handler(h))
				c.SendString("request")
				p.wantData("request")
				c.CloseWrite()
				if err := soon(w, p.events); !aio.IsInfo(err) {
					w.Errorf("event %v, want EOF", err)
				}
				c.Abort()
				close(working)
				if w.transport == "unix" {
					p.want(nil, "open", "data", "EOF", "closed")
					return
				}
				p.want(aio.ErrReset, "open", "data", "EOF", "connection reset by peer", "closed")
			})
		})
	}
}

// hangUps are the ways in which a peer hangs up, and the wanted calls.
var hangUps = map[string]struct {
	how  func(c *tcp.Conn)
	want []error
}{
	"half-close": {func(c *tcp.Conn) { c.CloseWrite() }, []error{aio.ErrEOF}},
	"abort":      {func(c *tcp.Conn) { c.Abort() }, []error{aio.ErrReset}},
	"half-close, then abort": {func(c *tcp.Conn) {
		c.CloseWrite()
		c.Abort()
	}, []error{aio.ErrReset}},
}

// told collects what AfterHangUp tells.
func told(c *tcp.Conn) (calls chan error, stop func() bool) {
	calls = make(chan error, 10)
	return calls, c.AfterHangUp(func(err error) { calls <- err })
}

// wantTold wants the calls to be about conditions, the last of which may come
// without those before.
func wantTold(w *world, calls chan error, want []error) {
	w.Helper()
	for i, cond := range want {
		err := soon(w, calls)
		if !errors.Is(err, cond) && i == len(want)-1 && errors.Is(err, aio.ErrEOF) {
			err = soon(w, calls)
		}
		wantErr(w, err, cond, "read")
	}
}

// A long callback learns that its peer hangs up, although nothing reads and
// data is unread. So does a later call of AfterHangUp, or one while reading is
// paused.
func TestHangUpDuringCallback(t *testing.T) {
	for how, tt := range hangUps {
		t.Run(how, func(t *testing.T) {
			overAll(t, func(w *world) {
				want := tt.want
				if w.transport == "unix" && how == "half-close, then abort" {
					want = []error{aio.ErrReset} // it is gone
				}
				p := newTape(w)
				over, asked := make(chan struct{}), make(chan struct{})
				h := tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
					defer close(over)
					c.PauseReading()
					early, _ := told(c)
					early2, stop := told(c)
					if !stop() || stop() {
						w.Error("stop")
					}
					close(asked)
					wantTold(w, early, want)
					late, _ := told(c)
					wantTold(w, late, want)
					if len(early2) > 0 {
						w.Error("a function was called that was stopped before")
					}
					c.Abort()
				}}
				client := w.dial(w.start(&tcp.Server{Handler: p.handler(h)}))
				client.SendString("x")
				p.wantData("x")
				client.SendString("which nobody reads")
				soon(w, asked)
				tt.how(client)
				soon(w, over)
				client.Close()
				p.want(nil, "open", "data", "closed")
			})
		})
	}
}

// TestHangUpDuringCall checks that a function is called with a reset that is
// seen while it is still called with the peer's end.
func TestHangUpDuringCall(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		client, server := w.pair()
		calls, goOn := make(chan error, 10), make(chan struct{})
		server.AfterHangUp(func(err error) {
			calls <- err
			<-goOn
		})
		client.CloseWrite()
		wantErr(w, soon(w, calls), aio.ErrEOF, "read")
		client.Abort()
		synctest.Wait()
		close(goOn)
		wantErr(w, soon(w, calls), aio.ErrReset, "read")
		server.Close()
		client.Close()
	})
}

// Stream style learns of it, too: here a writer that never reads.
func TestHangUpInStreamStyle(t *testing.T) {
	for how, tt := range hangUps {
		t.Run(how, func(t *testing.T) {
			overStreams(t, func(w *world) {
				client, server := w.pair()
				calls, _ := told(server)
				client.SendString("which nobody reads")
				tt.how(client)
				wantTold(w, calls, tt.want)
				server.Close()
				client.Close()
			})
		})
	}
}

// The end of the connection itself is reported last, with its own error, and
// only if the peer has not hung up before.
func TestHangUpOver(t *testing.T) {
	overStreams(t, func(w *world) {
		client, server := w.pair()
		calls, _ := told(server)
		client.CloseWrite()
		wantErr(w, soon(w, calls), aio.ErrEOF, "read")
		server.Close()
		wantErr(w, soon(w, calls), aio.ErrClosed, "read")
		late, stop := told(server)
		wantErr(w, soon(w, late), aio.ErrClosed, "read")
		aiotest.Eventually(w, func() bool { return !stop() })
		client.Close()
	})
}

// A connection that moves to the Go netpoller is watched on.
func TestHangUpAfterHijack(t *testing.T) {
	overAll(t, func(w *world) {
		p := newTape(w)
		hijacked := make(chan *tcp.Conn, 1)
		var calls chan error
		client := w.serve(p.handler(tcp.Handler{Data: func(c *tcp.Conn, _ []byte) {
			calls, _ = told(c)
			if err := c.Hijack(); err != nil {
				w.Errorf("c.Hijack: %v", err)
			}
			hijacked <- c
		}}))
		client.SendString("x")
		server := soon(w, hijacked)
		client.CloseWrite()
		wantErr(w, soon(w, calls), aio.ErrEOF, "read")
		if _, err := io.ReadAll(server); err != nil {
			w.Errorf("reading to the end: %v", err)
		}
		server.Close()
		client.Close()
	})
}

// A panic in a function is a connection's, and others are called nevertheless.
func TestHangUpPanics(t *testing.T) {
	overAllLoops(t, func() *aio.Loop { return &aio.Loop{CatchPanics: true} }, func(w *world) {
		client, server := w.pair()
		server.AfterHangUp(func(error) { panic("oops") })
		calls, _ := told(server)
		client.CloseWrite()
		var p *aio.PanicError
		if e := w.rec.Wait(w, 1); !errors.As(e[0].Err, &p) {
			w.Errorf("event %v", e[0].Err)
		}
		soon(w, calls)
		soon(w, server.Done())
		client.Close()
	})
}

// A HalfOpen connection ends also if the reset comes together with the end,
// before anybody has met that.
func TestHalfOpenReset(t *testing.T) {
	for _, when := range []string{"at once", "in a callback", "paused"} {
		t.Run(when, func(t *testing.T) {
			overAll(t, func(w *world) {
				conns, over, closed := make(chan *tcp.Conn, 1), make(chan struct{}), make(chan error, 1)
				h := tcp.Handler{
					HalfOpen: true,
					Data: func(c *tcp.Conn, _ []byte) {
						if when == "paused" {
							c.PauseReading()
						}
						conns <- c
						if when == "in a callback" {
							<-over
						}
					},
					Event:  func(*tcp.Conn, error) {},
					Closed: func(_ *tcp.Conn, err error) { closed <- err },
				}
				c := w.dial(w.start(&tcp.Server{Handler: h}))
				if when == "at once" {
					c.SendString("request")
					c.CloseWrite()
					c.Abort()
				} else {
					c.SendString("request")
					server := soon(w, conns)
					c.CloseWrite()
					c.Abort()
					server.ResumeReading()
				}
				close(over)
				// with what the end was, which is not the same everywhere
				soon(w, closed)
			})
		})
	}
}

// A function that panics after the connection's operation has ended keeps
// others from nothing.
func TestHangUpPanicsLate(t *testing.T) {
	overAllLoops(t, func() *aio.Loop { return &aio.Loop{CatchPanics: true} }, func(w *world) {
		client, server := w.pair()
		client.Close()
		server.Close()
		aiotest.Eventually(w, func() bool { return server.Context().Err() != nil || aio.LoopOf(w.ctx).Stats().InFlight <= 2 })
		for range 2 {
			server.AfterHangUp(func(error) { panic("oops") })
			calls, _ := told(server)
			soon(w, calls)
		}
		w.rec.Wait(w, 2)
	})
}
