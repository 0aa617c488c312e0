package tcp_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
)

// A handler that is given nothing for longer than the read timeout loses its
// connection.
func TestReadTimeoutHandler(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		p := newTape(w)
		c := w.dial(w.start(&tcp.Server{ReadTimeout: 10 * time.Second, Handler: p.handler(tcp.Handler{})}))
		defer c.Close()
		c.SetDeadline(time.Time{})
		var last time.Time
		for range 5 {
			time.Sleep(9 * time.Second)
			c.SendString("x")
			last = time.Now()
		}
		p.want(aio.ErrTimeout, "open", "data", "i/o timeout", "closed")
		if d := time.Since(last); d != 10*time.Second {
			w.Errorf("after %v", d)
		}
		e := <-p.events
		wantErr(w, e, aio.ErrTimeout, "read")
		wantErr(w, e, aio.ErrConn, "read")
	})
}

// Time in a callback is not idle time, and neither is time with a full queue; a
// new time begins after it.
func TestReadTimeoutBusyHandler(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		p := newTape(w)
		begin := time.Now()
		c := w.dial(w.start(&tcp.Server{ReadTimeout: 10 * time.Second, HighWater: 1000, Handler: p.handler(tcp.Handler{
			Data: func(c *tcp.Conn, data []byte) {
				if string(data) == "sleep" {
					time.Sleep(25 * time.Second)
				} else {
					c.SendOwned(numbers(1 << 20))
				}
			},
		})}))
		defer c.Close()
		c.SetDeadline(time.Time{})
		c.SendString("sleep")
		time.Sleep(30 * time.Second)
		c.SendString("fill")
		time.Sleep(25 * time.Second)
		if _, err := io.CopyN(io.Discard, c, 1<<20); err != nil {
			w.Errorf("io.CopyN: %v", err)
		}
		p.want(aio.ErrTimeout, "open", "data", "i/o timeout", "closed")
		if d := time.Since(begin); d != 65*time.Second {
			w.Errorf("after %v, want 10 s after the queue was empty", d)
		}
	})
}

// In stream style time counts while a Read waits.
func TestReadTimeoutStream(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		client, server := w.pair()
		defer client.Close()
		client.SetDeadline(time.Time{})
		server.SetTimeouts(10*time.Second, 0)
		time.Sleep(time.Minute)
		for range 3 {
			aio.Spawn(w.ctx, "writer", func(context.Context) error {
				time.Sleep(9 * time.Second)
				_, err := client.Write([]byte("x"))
				return err
			})
			wantRead(w, server, "x")
			time.Sleep(time.Minute)
		}
		begin := time.Now()
		_, err := server.Read(make([]byte, 1))
		wantErr(w, err, aio.ErrTimeout, "read")
		if d := time.Since(begin); d != 10*time.Second {
			w.Errorf("after %v", d)
		}
		afterEnd(w, server, aio.ErrTimeout)
	})
}

// A handler's time begins when it gets the connection.
func TestReadTimeoutSetHandler(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		client, server := w.pair()
		defer client.Close()
		server.SetTimeouts(10*time.Second, 0)
		time.Sleep(55 * time.Second)
		p := newTape(w)
		begin := time.Now()
		server.SetHandler(p.handler(tcp.Handler{}))
		p.want(aio.ErrTimeout, "i/o timeout", "closed")
		if d := time.Since(begin); d != 10*time.Second {
			w.Errorf("after %v", d)
		}
	})
}

// SetTimeouts counts from now on, and 0 ends it.
func TestSetTimeouts(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		p := newTape(w)
		c := w.dial(w.start(&tcp.Server{ReadTimeout: 10 * time.Second, Handler: p.handler(tcp.Handler{})}))
		defer c.Close()
		s := <-p.conn
		time.Sleep(9 * time.Second)
		s.SetTimeouts(0, 0)
		time.Sleep(time.Hour)
		begin := time.Now()
		s.SetTimeouts(time.Hour, 0)
		s.SetTimeouts(3*time.Second, -1)
		p.want(aio.ErrTimeout, "open", "i/o timeout", "closed")
		if d := time.Since(begin); d != 3*time.Second {
			w.Errorf("after %v", d)
		}
	})
}

// Each byte that goes out is progress; without any for the write timeout, the
// connection is reset.
func TestWriteTimeout(t *testing.T) {
	for _, style := range []string{"send", "write", "read from"} {
		t.Run(style, func(t *testing.T) {
			inBubbles(t, zeroLoop, func(w *world) {
				client, server := w.pair()
				client.SetDeadline(time.Time{})
				server.SetTimeouts(0, 10*time.Second)
				time.Sleep(time.Minute) // nothing to send, nothing late
				sent := aio.Go(w.ctx, style, func(context.Context) (int, error) {
					switch style {
					case "send":
						return server.SendOwned(numbers(1_200_000)).Await(w.ctx)
					case "write":
						return server.Write(numbers(1_200_000))
					}
					n, err := io.Copy(server, io.LimitReader(endless{}, 1_200_000))
					return int(n), err
				})
				// slower than 64 KiB in 10 s: package tls reads ahead
				for range 20 {
					time.Sleep(9 * time.Second)
					if _, err := io.CopyN(io.Discard, client, 40_000); err != nil {
						w.Fatalf("io.CopyN: %v", err)
					}
				}
				last := time.Now()
				_, err := sent.Await(w.ctx)
				wantErr(w, err, aio.ErrTimeout, "write")
				if d := time.Since(last); d != 10*time.Second {
					w.Errorf("after %v", d)
				}
				afterEnd(w, server, aio.ErrTimeout)
				if _, err := io.Copy(io.Discard, client); err == nil {
					w.Error("the peer read a clean end")
				}
				client.Close()
			})
		})
	}
}

// endless is a reader without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// Deadlines fail the call, and nothing else.
func TestDeadlines(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		client, server := w.pair()
		client.SetDeadline(time.Time{})
		begin := time.Now()
		server.SetReadDeadline(begin.Add(5 * time.Second))
		_, err := server.Read(make([]byte, 1))
		wantErr(w, err, aio.ErrTimeout, "read")
		if d := time.Since(begin); d != 5*time.Second {
			w.Errorf("Read failed after %v", d)
		}
		server.SetReadDeadline(time.Time{})
		client.SendString("x")
		wantRead(w, server, "x")

		server.SetWriteDeadline(time.Now().Add(5 * time.Second))
		n, err := server.Write(numbers(300_000))
		wantErr(w, err, aio.ErrTimeout, "write")
		if n == 0 || n == 300_000 || time.Since(begin) != 10*time.Second {
			w.Errorf("wrote %d bytes until %v", n, time.Since(begin))
		}
		sent := server.SendString("behind it") // which deadlines do not bound
		_, err = server.Write([]byte("not written"))
		wantErr(w, err, aio.ErrTimeout, "write")
		got := make([]byte, n)
		if _, err := io.ReadFull(client, got); err != nil {
			w.Fatalf("io.ReadFull: %v", err)
		}
		wantNumbers(w, got, 0)
		wantRead(w, client, "behind it")
		if _, err := sent.Await(w.ctx); err != nil {
			w.Errorf("sent.Await: %v", err)
		}
		server.SetWriteDeadline(time.Time{})
		server.Write([]byte("on it goes"))
		wantRead(w, client, "on it goes")
		client.Close()
		server.Close()
	})
}

// A deadline that is moved while a Write waits its turn counts for that Write.
func TestDeadlineMoves(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		client, server := w.pair()
		sent := server.SendOwned(numbers(300_000))
		f := aio.Go(w.ctx, "writer", func(context.Context) (int, error) { return server.Write([]byte("waits")) })
		r := aio.Go(w.ctx, "reader", func(context.Context) (int, error) { return server.Read(make([]byte, 1)) })
		begin := time.Now()
		time.Sleep(time.Second)
		server.SetDeadline(begin.Add(time.Hour))
		time.Sleep(time.Second)
		server.SetDeadline(begin.Add(5 * time.Second))
		for _, f := range []*aio.Future[int]{f, r} {
			if _, err := f.Await(w.ctx); !errors.Is(err, aio.ErrTimeout) || time.Since(begin) != 5*time.Second {
				w.Errorf("%v after %v", err, time.Since(begin))
			}
		}
		client.Close()
		server.Close()
		if _, err := sent.Await(w.ctx); !errors.Is(err, aio.ErrConn) {
			w.Errorf("send: %v", err)
		}
	})
}

// A read deadline does not bound a handler, and is back when that is given up.
func TestDeadlineBesideHandler(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		client, server := w.pair()
		defer client.Close()
		server.SetReadDeadline(time.Now().Add(10 * time.Second))
		p := newTape(w)
		server.SetHandler(p.handler(tcp.Handler{}))
		time.Sleep(20 * time.Second)
		client.SendString("late")
		synctest.Wait()
		if p.got() != "late" {
			w.Errorf("received %q", p.got())
		}
		server.SetReadDeadline(time.Now().Add(10 * time.Second))
		time.Sleep(5 * time.Second)
		server.SetHandler(tcp.Handler{})
		begin := time.Now()
		if _, err := server.Read(make([]byte, 1)); !errors.Is(err, aio.ErrTimeout) || time.Since(begin) != 5*time.Second {
			w.Errorf("%v after %v", err, time.Since(begin))
		}
		server.Close()
	})
}
