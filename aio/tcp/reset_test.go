package tcp_test

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// cut returns a connection that its peer has reset, as the system knows by now.
func cut(w *world) *tcp.Conn {
	w.Helper()
	c, peer := w.pair()
	ask(w, loopback{c, peer}, "hello")
	gone := make(chan error, 10)
	c.AfterHangUp(func(err error) { gone <- err })
	peer.Abort()
	for !errors.Is(soon(w, gone), aio.ErrReset) {
	}
	return c
}

// A stream that was reset has no clean end, also for a Read that comes after a
// Write or another Read has met the reset, of which the system tells only once.
func TestResetIsNoEnd(t *testing.T) {
	for name, meet := range map[string]func(w *world, c *tcp.Conn) error{
		"Write": func(_ *world, c *tcp.Conn) error { _, err := c.Write([]byte("x")); return err },
		"Read":  func(_ *world, c *tcp.Conn) error { _, err := c.Read(make([]byte, 1)); return err },
		"drained Read": func(w *world, c *tcp.Conn) error {
			c.DrainReads(true)
			w.loop.Exit(nil)
			<-aio.Draining(w.ctx)
			_, err := c.Read(make([]byte, 1))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			overStreams(t, func(w *world) {
				if w.secure() || w.transport == "unix" {
					return // which know ends and resets otherwise
				}
				c := cut(w)
				wantErr(w, meet(w, c), aio.ErrReset, "")
				for range 2 {
					_, err := c.Read(make([]byte, 1))
					wantErr(w, err, aio.ErrReset, "read")
				}
				c.Close()
			})
		})
	}
}

// So it is when a Read and a Write wait at the same time.
func TestResetBothWait(t *testing.T) {
	overStreams(t, func(w *world) {
		if w.transport == "unix" {
			return
		}
		data := numbers(1 << 20)
		for range 20 {
			c, peer := w.pair()
			aio.Spawn(w.ctx, "writer", func(context.Context) error {
				for {
					if _, err := c.Write(data); err != nil {
						return nil
					}
				}
			})
			read := aio.Go(w.ctx, "reader", func(context.Context) (int, error) { return c.Read(make([]byte, 1)) })
			aiotest.Eventually(w, func() bool { return tcp.Readers(c) == 1 })
			if _, err := io.ReadFull(peer, make([]byte, 1<<20)); err != nil {
				w.Errorf("io.ReadFull: %v", err)
			}
			peer.Abort()
			_, err := read.Await(w.ctx)
			// on TLS a write that fails ends the connection
			wantErr(w, err, aio.ErrReset, "")
			c.Close()
		}
	})
}

// A handler's connection that was reset ends with the reset, whether a read
// meets it first or what a callback sends.
func TestResetMetBySend(t *testing.T) {
	overAll(t, func(w *world) {
		if w.transport == "unix" {
			return // which knows no reset
		}
		p := newTape(w)
		gone := make(chan error, 10)
		client := w.serve(p.handler(tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
			c.AfterHangUp(func(err error) { gone <- err })
			for !errors.Is(soon(w, gone), aio.ErrReset) {
			}
			c.Send(data)
		}}))
		client.Write([]byte("x"))
		p.wantData("x")
		client.Abort()
		p.want(aio.ErrReset, "open", "data", condition(aio.ErrReset), "closed")
	})
}

// So it is when the engine reads while another goroutine writes: whichever of
// the two sees the reset, the handler does not get a clean end.
func TestResetHandlerWrites(t *testing.T) {
	for how, write := range map[string]func(c *tcp.Conn, data []byte){
		"Write": func(c *tcp.Conn, data []byte) { c.Write(data) },
		"queue": func(c *tcp.Conn, data []byte) { c.SendOwned(data) },
	} {
		t.Run(how, func(t *testing.T) {
			overAll(t, func(w *world) {
				if w.transport == "unix" {
					return // which knows no reset
				}
				data := make([]byte, 8<<20) // more than sockets hold
				for range 10 {
					p := newTape(w)
					client := w.serve(p.handler(tcp.Handler{}))
					server := soon(w, p.conn)
					var writer sync.WaitGroup
					writer.Go(func() { write(server, data) })
					if _, err := io.ReadFull(client, make([]byte, 1<<10)); err != nil {
						w.Fatalf("io.ReadFull: %v", err)
					}
					client.Abort()
					p.want(aio.ErrReset, "open", condition(aio.ErrReset), "closed")
					writer.Wait()
				}
			})
		})
	}
}

// A peer's end that reading has returned stays an end, whatever error writing
// meets then.
func TestEndBeforeReset(t *testing.T) {
	overStreams(t, func(w *world) {
		if w.memory() {
			return // whose ends are lost with a reset
		}
		c, peer := w.pair()
		ask(w, loopback{c, peer}, "hello")
		peer.SendString("bye")
		peer.Close()
		aiotest.Eventually(w, func() bool {
			_, err := c.Write([]byte("x"))
			return err != nil
		})
		if w.secure() {
			c.Close() // which a failed write has ended
			return
		}
		wantRead(w, c, "bye")
		wantEOF(w, c)
		wantEOF(w, c)
		c.Close()
	})
}

// A Read that waits when the connection begins to close does not take the end
// of what is dropped for that of the stream.
func TestReadWhileClosing(t *testing.T) {
	overStreams(t, func(w *world) {
		c, peer := w.pair()
		read := aio.Go(w.ctx, "reader", func(context.Context) (int, error) { return c.Read(make([]byte, 1)) })
		aiotest.Eventually(w, func() bool { return tcp.Readers(c) == 1 })
		c.CloseAfterFlush()
		peer.CloseWrite()
		_, err := read.Await(w.ctx)
		wantErr(w, err, aio.ErrClosed, "read")
		peer.Close()
	})
}
