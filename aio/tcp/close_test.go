package tcp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// afterEnd wants everything to fail on a connection that has ended.
func afterEnd(w *world, c *tcp.Conn, cond error) {
	w.Helper()
	b := make([]byte, 1)
	for what, do := range map[string]func() error{
		"read":          func() error { _, err := c.Read(b); return err },
		"write":         func() error { _, err := c.Write(b); return err },
		"send":          func() error { _, err := c.Send(b).Await(w.ctx); return err },
		"send owned":    func() error { _, err := c.SendOwned(b).Await(w.ctx); return err },
		"flush":         func() error { return c.Flush(w.ctx) },
		"set timeouts":  func() error { return c.SetTimeouts(time.Second, 0) },
		"set deadline":  func() error { return c.SetDeadline(time.Now()) },
		"set handler":   func() error { return c.SetHandler(tcp.Handler{HalfOpen: true}) },
		"start tls":     func() error { _, err := c.StartTLS(w.dialer.TLS).Await(w.ctx); return err },
		"read from":     func() error { _, err := c.ReadFrom(bytes.NewReader(b)); return err },
		"write to":      func() error { _, err := c.WriteTo(io.Discard); return err },
		"chunks":        func() error { drainChunks(c.Chunks(w.ctx)); return c.Err() },
		"close":         c.Close,
		"abort":         c.Abort,
		"close write":   c.CloseWrite,
		"close flushed": c.CloseAfterFlush,
	} {
		want := cond
		if what[0] == 'c' && what[1] == 'l' || what == "abort" {
			want = aio.ErrClosed
		}
		err := do()
		if !errors.Is(err, want) {
			w.Errorf("%s after the end: %v, want %v", what, err, want)
			continue
		}
		// which tells the cause of a cancelled connection as it is
		if cond != aio.ErrClosed && what == "chunks" {
			continue
		}
		wantErr(w, err, want, "")
	}
	soon(w, c.Done())
	soon(w, c.Writable())
	if c.Buffered() != 0 {
		w.Error("something is buffered")
	}
}

func drainChunks(ch <-chan []byte) {
	for range ch {
	}
}

func TestCloseTwice(t *testing.T) {
	overStreams(t, func(w *world) {
		client, server := w.pair()
		if err := client.Close(); err != nil {
			w.Errorf("client.Close: %v", err)
		}
		afterEnd(w, client, aio.ErrClosed)
		wantEOF(w, server)
		if err := server.Abort(); err != nil {
			w.Errorf("server.Abort: %v", err)
		}
		afterEnd(w, server, aio.ErrClosed)
	})
}

// A connection may be closed in every callback, once.
func TestCloseInCallbacks(t *testing.T) {
	closes := map[string]func(c *tcp.Conn) error{
		"close": (*tcp.Conn).Close, "abort": (*tcp.Conn).Abort, "flush": (*tcp.Conn).CloseAfterFlush,
	}
	for how, end := range closes {
		for _, where := range []string{"open", "data", "EOF"} {
			t.Run(how+" in "+where, func(t *testing.T) {
				overAllLoops(t, func() *aio.Loop { return &aio.Loop{OnEvent: func(aio.Event) {}} }, func(w *world) {
					p := newTape(w)
					do := func(at string, c *tcp.Conn) {
						if at != where {
							return
						}
						if err := end(c); err != nil {
							w.Errorf("in %s: %v", at, err)
						}
						if err := end(c); !errors.Is(err, aio.ErrClosed) {
							w.Errorf("again: %v", err)
						}
						if _, err := c.SendString("too late").Await(w.ctx); !errors.Is(err, aio.ErrClosed) {
							w.Errorf("Send: %v", err)
						}
					}
					s := &tcp.Server{Handler: p.handler(tcp.Handler{
						Open:  func(c *tcp.Conn) { do("open", c) },
						Data:  func(c *tcp.Conn, _ []byte) { do("data", c) },
						Event: func(c *tcp.Conn, _ error) { do("EOF", c) },
						Closed: func(c *tcp.Conn, _ error) {
							if err := c.Close(); !errors.Is(err, aio.ErrClosed) {
								w.Errorf("Close in Closed: %v", err)
							}
						},
					})}
					c, err := w.dialer.Dial(w.ctx, w.start(s)).Await(w.ctx)
					if err == nil {
						c.Write([]byte("data"))
						c.CloseAfterFlush()
					} else if how != "abort" {
						w.Errorf("w.dialer.Dial: %v", err)
					}
					log := []string{"open", "data", "EOF"}
					for i, at := range log {
						if at == where {
							log = log[:i+1]
						}
					}
					p.want(nil, append(log, "closed")...)
					if c != nil {
						c.Close()
					}
				})
			})
		}
	}
}

// Abort resets the connection, what is under way is lost.
func TestAbort(t *testing.T) {
	overAll(t, func(w *world) {
		p := newTape(w)
		c := w.serve(p.handler(tcp.Handler{}))
		s := soon(w, p.conn)
		ask := func() { // for both ends to be up
			c.SendString("x")
			p.wantData("x")
		}
		ask()
		if err := c.Abort(); err != nil {
			w.Errorf("c.Abort: %v", err)
		}
		afterEnd(w, c, aio.ErrClosed)
		switch w.transport {
		case "unix": // which knows no reset
			p.want(nil, "open", "data", "EOF", "closed")
		default:
			p.want(aio.ErrReset, "open", "data", "connection reset by peer", "closed")
			wantErr(w, soon(w, p.events), aio.ErrReset, "read")
			wantErr(w, s.Err(), aio.ErrReset, "")
			afterEnd(w, s, aio.ErrReset)
		}
	})
}

// What is queued is sent before the connection closes, and what the peer sends
// meanwhile does not reset it.
func TestCloseAfterFlush(t *testing.T) {
	overAll(t, func(w *world) {
		const size = 4 << 20
		for _, style := range []string{"handler", "stream"} {
			client, server := w.pair()
			p := newTape(w)
			if style == "handler" {
				server.SetHandler(p.handler(tcp.Handler{}))
			}
			client.SendString("unread")
			sent := server.SendOwned(numbers(size))
			if err := server.CloseAfterFlush(); err != nil {
				w.Errorf("server.CloseAfterFlush: %v", err)
			}
			if err := server.CloseAfterFlush(); !errors.Is(err, aio.ErrClosed) {
				w.Errorf("again: %v", err)
			}
			if _, err := server.SendString("too late").Await(w.ctx); !errors.Is(err, aio.ErrClosed) {
				w.Errorf("Send on a closing connection: %v", err)
			}
			if _, err := server.Write([]byte("too late")); !errors.Is(err, aio.ErrClosed) {
				w.Errorf("Write on a closing connection: %v", err)
			}
			if err := server.SetHandler(tcp.Handler{HalfOpen: true}); !errors.Is(err, aio.ErrClosed) {
				w.Errorf("SetHandler on a closing connection: %v", err)
			}
			client.SendString("more that nobody will read")
			got, err := io.ReadAll(client)
			if err != nil || len(got) != size {
				w.Errorf("read %d bytes, %v", len(got), err)
			}
			wantNumbers(w, got, 0)
			if n, err := sent.Await(w.ctx); n != size || err != nil {
				w.Errorf("sent %d, %v", n, err)
			}
			client.SendString("yet more")
			client.Close()
			soon(w, server.Done())
			if style == "handler" {
				if err := soon(w, p.closed); err != nil && !errors.Is(err, aio.ErrReset) {
					w.Errorf("closed with %v", err)
				}
			}
		}
	})
}

// A peer that does not end is waited for for 5 s.
func TestCloseAfterFlushLingers(t *testing.T) {
	for _, style := range []string{"handler", "stream", "left"} {
		t.Run(style, func(t *testing.T) {
			inBubbles(t, zeroLoop, func(w *world) {
				client, server := w.pair()
				defer client.Close()
				p := newTape(w)
				switch style {
				case "left":
					server.SetHandler(p.handler(tcp.Handler{}))
					server.SetHandler(tcp.Handler{})
				case "handler":
					server.SetHandler(p.handler(tcp.Handler{}))
				}
				sent := server.SendOwned(numbers(1 << 20))
				begin := time.Now()
				server.CloseAfterFlush()
				synctest.Wait()
				time.Sleep(time.Minute - 20*time.Second)
				select {
				case <-server.Done():
					w.Error("closed before everything was sent")
				case <-sent.Done():
					w.Error("everything is sent")
				default:
				}
				if _, err := io.Copy(io.Discard, client); err != nil {
					w.Errorf("io.Copy: %v", err)
				}
				flushed := time.Since(begin)
				client.SendString("x")
				<-server.Done()
				if d := time.Since(begin) - flushed; d != 5*time.Second {
					w.Errorf("closed %v after the last byte, want 5 s", d)
				}
				if style == "handler" {
					p.want(nil, "closed")
				}
			})
		})
	}
}

// CloseWrite ends one side, behind what was sent; the other goes on.
func TestCloseWrite(t *testing.T) {
	overStreams(t, func(w *world) {
		client, server := w.pair()
		server.SendOwned(numbers(2 << 20))
		if err := server.CloseWrite(); err != nil {
			w.Errorf("server.CloseWrite: %v", err)
		}
		if err := server.CloseWrite(); !errors.Is(err, aio.ErrClosed) {
			w.Errorf("again: %v", err)
		}
		if _, err := server.SendString("too late").Await(w.ctx); !errors.Is(err, aio.ErrClosed) {
			w.Errorf("Send: %v", err)
		}
		if _, err := server.Write([]byte("x")); !errors.Is(err, aio.ErrClosed) {
			w.Errorf("Write: %v", err)
		}
		got, err := io.ReadAll(client)
		if err != nil || len(got) != 2<<20 {
			w.Fatalf("read %d bytes, %v", len(got), err)
		}
		wantNumbers(w, got, 0)
		wantEOF(w, client) // it stays
		for range 3 {
			client.SendString("still here")
			wantRead(w, server, "still here")
		}
		client.Close()
		wantEOF(w, server)
		if err := server.Close(); err != nil {
			w.Errorf("server.Close: %v", err)
		}
	})
}

// Close fails queued sends, and calls that wait.
func TestCloseEndsWaits(t *testing.T) {
	overStreams(t, func(w *world) {
		client, server := w.pair()
		sent := []*aio.Future[int]{server.SendOwned(numbers(8 << 20)), server.SendOwned(numbers(10))}
		errs := make(chan error, 10)
		wait := func(do func() error) {
			aio.Spawn(w.ctx, "waiter", func(context.Context) error { errs <- do(); return nil })
		}
		wait(func() error { _, err := server.Read(make([]byte, 1)); return err })
		wait(func() error { _, err := server.Write(make([]byte, 1)); return err })
		wait(func() error { return server.Flush(w.ctx) })
		wait(func() error { drainChunks(server.Chunks(w.ctx)); return server.Err() })
		wait(func() error { <-server.Writable(); _, err := server.SendString("x").Await(w.ctx); return err })
		// the Flush among them
		aiotest.Eventually(w, func() bool { return w.loop.Stats().Kinds["tcp.send"] == 3 })
		server.Close()
		for range 5 {
			if err := soon(w, errs); err != nil && !errors.Is(err, aio.ErrClosed) {
				w.Errorf("%v, want ErrClosed", err)
			}
		}
		for _, f := range sent {
			_, err := f.Await(w.ctx)
			wantErr(w, err, aio.ErrClosed, "send")
		}
		client.Close()
	})
}

// Cancelling an operation aborts its connections, with its cause.
func TestConnCancelled(t *testing.T) {
	overAll(t, func(w *world) {
		p := newTape(w)
		cause := errors.New("enough")
		outer, addr := w.ctx, make(chan string, 1)
		servers := aio.Go(w.ctx, "servers", func(ctx context.Context) (int, error) {
			w.ctx = ctx
			addr <- w.start(&tcp.Server{Handler: p.handler(tcp.Handler{})})
			<-ctx.Done()
			return 0, context.Cause(ctx)
		})
		a := soon(w, addr)
		w.ctx = outer
		defer w.dial(a).Close()
		s := soon(w, p.conn)
		child := aio.Go(s.Context(), "child", func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, context.Cause(ctx)
		})
		// it is not looked at: it was cancelled
		sent := s.SendOwned(numbers(8 << 20))
		servers.Cancel(cause)
		p.want(cause, "open", "closed")
		if _, err := child.Await(w.ctx); err != cause {
			w.Errorf("child: %v", err)
		}
		<-sent.Done()
		afterEnd(w, s, cause)
	})
}

// untilReset are uses of a connection, each of which returns the error with
// which it fails once the peer has reset the connection.
var untilReset = map[string]func(c *tcp.Conn) error{
	"Read": func(c *tcp.Conn) error {
		_, err := c.Read(make([]byte, 1))
		return err
	},
	"Write": func(c *tcp.Conn) (err error) {
		for err == nil {
			_, err = c.Write([]byte("x"))
		}
		return err
	},
	"Send": func(c *tcp.Conn) (err error) {
		for err == nil {
			_, err = c.SendString("x").Await(context.Background())
		}
		return err
	},
}

// TestLoopCancelledFirst checks that a connection whose peer is reset because
// the loop is cancelled fails with the loop's cause, also if it meets the reset
// before the cancellation reaches it.
func TestLoopCancelledFirst(t *testing.T) {
	for how, use := range untilReset {
		t.Run(how, func(t *testing.T) {
			overStreams(t, func(w *world) {
				if w.transport == "unix" {
					return // a unix socket knows no reset
				}
				// the cancellation reaches an operation before its children
				around, err := aio.Begin(w.ctx, 0, "around the client")
				if err != nil {
					w.Fatalf("aio.Begin: %v", err)
				}
				outer := w.ctx
				w.ctx = around.Context()
				client, server := w.pair()
				w.ctx = outer
				failed := make(chan error, 1)
				around.OnCancel(func(error) {
					server.Abort()
					failed <- use(client)
					around.End(nil)
				})
				w.loop.Cancel(nil)
				if err := soon(w, failed); !errors.Is(err, aio.ErrExit) || errors.Is(err, aio.ErrReset) {
					w.Errorf("the loop was cancelled, and so the peer was reset: %s failed with %v, want %v", how, err, aio.ErrExit)
				}
			})
		})
	}
}

// Ends that the program asks for are not events, even if queued sends fail
// because of them and their futures are not looked at. overAll fails on events,
// which lost errors are at the loop's end at the latest.
func TestEndsAskedFor(t *testing.T) {
	for how, end := range map[string]func(w *world, s *tcp.Server, c *tcp.Conn){
		"Abort":                  func(_ *world, _ *tcp.Server, c *tcp.Conn) { c.Abort() },
		"Close":                  func(_ *world, _ *tcp.Server, c *tcp.Conn) { c.Close() },
		"CloseWrite, then Close": func(_ *world, _ *tcp.Server, c *tcp.Conn) { c.CloseWrite(); c.Close() },
		"CloseAfterFlush, Abort": func(_ *world, _ *tcp.Server, c *tcp.Conn) { c.CloseAfterFlush(); c.Abort() },
		"Cork, then Abort":       func(_ *world, _ *tcp.Server, c *tcp.Conn) { c.Cork(); c.SendString("x"); c.Abort() },
		"Server.Close":           func(_ *world, s *tcp.Server, _ *tcp.Conn) { s.Close() },
		"Loop.Cancel":            func(w *world, _ *tcp.Server, _ *tcp.Conn) { w.loop.Cancel(nil) },
	} {
		for _, style := range []string{"handler", "stream"} {
			t.Run(how+", "+style, func(t *testing.T) {
				overAll(t, func(w *world) {
					conns := make(chan *tcp.Conn, 1)
					s := &tcp.Server{HighWater: 1 << 30, Handler: tcp.Handler{Open: func(c *tcp.Conn) { conns <- c }}}
					if style == "stream" {
						s.Stream = func(_ context.Context, c *tcp.Conn) error {
							conns <- c
							<-c.Done()
							return nil
						}
					}
					client := w.dial(w.start(s))
					server := soon(w, conns)
					// more than sockets hold: the rest queues
					server.SendOwned(make([]byte, 8<<20))
					for range 100 {
						server.SendString("queued")
						server.SendOwned([]byte("queued"))
					}
					end(w, s, server)
					soon(w, server.Done())
					client.Close()
				})
			})
		}
	}
}

// CloseWrite and CloseAfterFlush during a Write end the outgoing side when the
// Write has ended.
func TestCloseDuringWrite(t *testing.T) {
	const size = 200_000 // more than the connection holds
	for how, end := range map[string]func(c *tcp.Conn) error{
		"CloseWrite":      (*tcp.Conn).CloseWrite,
		"CloseAfterFlush": (*tcp.Conn).CloseAfterFlush,
	} {
		t.Run(how, func(t *testing.T) {
			inBubbles(t, zeroLoop, func(w *world) {
				if w.secure() && how == "CloseAfterFlush" {
					return // which ends a Write on TLS between two records
				}
				client, server := w.pair()
				written := aio.Go(w.ctx, "writer", func(context.Context) (int, error) { return server.Write(numbers(size)) })
				synctest.Wait()
				if err := end(server); err != nil {
					w.Errorf("end: %v", err)
				}
				if got := readAll(w, client); len(got) != size && !w.secure() {
					w.Errorf("read %d bytes before the end, want %d", len(got), size)
				}
				written.Await(w.ctx)
				client.Close()
				server.Close()
			})
		})
	}
}
