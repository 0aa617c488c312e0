package tcp_test

import (
	"bytes"
	"errors"
	"io"
	"sync/atomic"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// A callback that hijacks its connection reads on from it, at once and without
// losing a byte: what came with the data that it was given, what comes
// meanwhile, and what comes later. Other connections are served meanwhile.
func TestHijack(t *testing.T) {
	const size = 3 << 20
	overAll(t, func(w *world) {
		other := w.dial(w.start(&tcp.Server{Handler: echo}))
		over := make(chan error, 1)
		h := tcp.Handler{
			Data: func(c *tcp.Conn, data []byte) {
				if err := c.Hijack(); err != nil {
					over <- err
					return
				}
				c.Unread(data)
				c.SendString("yours")
				got := make([]byte, size)
				_, err := io.ReadFull(c, got)
				if err == nil && !bytes.Equal(got, numbers(size)) {
					err = errors.New("the bytes are others")
				}
				c.Write([]byte("done"))
				over <- errors.Join(err, c.CloseAfterFlush())
			},
			Event:  func(_ *tcp.Conn, err error) { w.Errorf("event %v", err) },
			Closed: func(_ *tcp.Conn, err error) { w.Errorf("closed with %v", err) },
		}
		client := w.serve(h)
		sent := client.SendOwned(numbers(1000))
		wantRead(w, client, "yours")
		ask(w, other, "meanwhile")
		if _, err := sent.Await(w.ctx); err != nil {
			w.Errorf("sent.Await: %v", err)
		}
		client.Write(numbersFrom(1000, size-1000))
		wantRead(w, client, "done")
		if err := soon(w, over); err != nil {
			w.Errorf("waiting for over: %v", err)
		}
		wantEOF(w, client)
		client.Close()
		other.Close()
	})
}

// hijacks are the callbacks and goroutines that a connection is hijacked from.
var hijacks = []string{"open", "data", "EOF", "another goroutine", "between callbacks"}

// A connection can be hijacked from everywhere, have a new handler, and end.
func TestHijackFrom(t *testing.T) {
	for _, where := range hijacks {
		t.Run(where, func(t *testing.T) {
			overAll(t, func(w *world) {
				hijacked := make(chan *tcp.Conn, 1)
				var calls atomic.Int64
				take := func(at string) func(c *tcp.Conn) {
					return func(c *tcp.Conn) {
						calls.Add(1)
						if at != where {
							return
						}
						if err := c.Hijack(); err != nil {
							w.Errorf("c.Hijack: %v", err)
						}
						hijacked <- c
					}
				}
				p := newTape(w)
				goOn := make(chan struct{})
				h := p.handler(tcp.Handler{
					HalfOpen: true,
					Open:     take("open"),
					Data: func(c *tcp.Conn, _ []byte) {
						take("data")(c)
						if where == "another goroutine" {
							<-goOn
						}
					},
					Event: func(c *tcp.Conn, _ error) { take("EOF")(c) },
				})
				client := w.serve(h)
				client.SendString("first ")
				server := soon(w, p.conn)
				switch where {
				case "another goroutine":
					p.wantData("first ")
					take(where)(server)
					close(goOn)
				case "between callbacks":
					p.wantData("first ")
					take(where)(server)
				case "EOF":
					client.CloseWrite()
				}
				soon(w, hijacked)
				if where == "open" {
					wantRead(w, server, "first ")
				}
				if where != "EOF" {
					client.SendString("second")
					wantRead(w, server, "second")
					client.CloseWrite()
				}
				wantEOF(w, server)
				again := newTape(w)
				if err := server.SetHandler(again.handler(tcp.Handler{})); err != nil {
					w.Errorf("server.SetHandler: %v", err)
				}
				again.want(nil, "EOF", "closed")
				wantEOF(w, client)
				client.Close()
				if len(p.closed) > 0 {
					w.Error("the handler that was hijacked was called again")
				}
			})
		})
	}
}

// A handler may come while the callback that has hijacked the connection still
// runs; it is that which is called from then on.
func TestHijackAndHandOn(t *testing.T) {
	overAll(t, func(w *world) {
		p := newTape(w)
		over := make(chan struct{})
		client := w.serve(tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
			c.Hijack()
			c.Unread(data)
			c.SetHandler(p.handler(tcp.Handler{}))
			p.wantData("first second")
			close(over)
		}})
		client.SendString("first ")
		client.SendString("second")
		soon(w, over)
		client.SendString(" third")
		p.wantData("first second third")
		client.Close()
		p.want(nil, "data", "EOF", "closed")
	})
}

// A connection that has no handler, has ended or is closing cannot be hijacked.
func TestHijackNot(t *testing.T) {
	overStreams(t, func(w *world) {
		client, server := w.pair()
		if err := client.Hijack(); err != nil {
			w.Errorf("client.Hijack: %v", err)
		}
		ask(w, loopback{client, server}, "still there")
		client.CloseAfterFlush()
		wantErr(w, client.Hijack(), aio.ErrClosed, "hijack")
		wantEOF(w, server)
		server.Close()
		soon(w, client.Done())
		wantErr(w, client.Hijack(), aio.ErrClosed, "hijack")
	})
}

// A callback that dies after it has hijacked its connection ends it.
func TestHijackDies(t *testing.T) {
	for _, d := range deaths {
		t.Run(d.name, func(t *testing.T) {
			overAllLoops(t, func() *aio.Loop { return &aio.Loop{CatchPanics: true} }, func(w *world) {
				client := w.serve(tcp.Handler{
					Data: func(c *tcp.Conn, _ []byte) {
						c.Hijack()
						d.die()
					},
					Closed: func(*tcp.Conn, error) { w.Error("Closed") },
				})
				client.SendString("x")
				if _, err := client.Read(make([]byte, 1)); err == nil {
					w.Error("the connection goes on")
				}
				w.rec.Wait(w, 1)
				client.Close()
				aiotest.Eventually(w, func() bool { return w.loop.Stats().IncomingConns == 0 })
			})
		})
	}
}
