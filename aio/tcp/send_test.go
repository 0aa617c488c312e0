package tcp_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// Sends and Writes of all kinds come out in order, and the futures resolve in
// order.
func TestSendOrder(t *testing.T) {
	overStreams(t, func(w *world) {
		client, server := w.pair()
		var futures []*aio.Future[int]
		var sizes []int
		at := 0
		next := func(n int) []byte {
			b := numbersFrom(at, n)
			at += n
			return b
		}
		send := func(n int, f *aio.Future[int]) {
			futures, sizes = append(futures, f), append(sizes, n)
		}
		reader := aio.Go(w.ctx, "reader", func(context.Context) ([]byte, error) { return io.ReadAll(client) })
		for i := range 60 {
			n := rand.IntN(1 + rand.IntN(50_000))
			switch i % 5 {
			case 0:
				data := next(n)
				send(n, server.Send(data))
				clear(data) // it is not kept
			case 1:
				send(n, server.SendString(string(next(n))))
			case 2:
				send(3*n, server.SendOwned(next(n), nil, next(n), next(n)))
			case 3:
				if m, err := server.Write(next(n)); m != n || err != nil {
					w.Fatalf("Write: %d, %v", m, err)
				}
			case 4:
				send(0, server.Send(nil))
			}
			pending := false
			for j, f := range futures {
				if _, err := f.Result(); errors.Is(err, aio.ErrPending) {
					pending = true
				} else if n, err := f.Result(); pending && err == nil && n > 0 && j == len(futures)-1 {
					w.Errorf("the future of send %d is done before others", j)
				}
			}
		}
		server.CloseWrite()
		got, err := reader.Await(w.ctx)
		if err != nil || len(got) != at {
			w.Fatalf("read %d of %d bytes, %v", len(got), at, err)
		}
		wantNumbers(w, got, 0)
		for i, f := range futures {
			if n, err := f.Await(w.ctx); n != sizes[i] || err != nil {
				w.Errorf("send %d: %d, %v; want %d", i, n, err, sizes[i])
			}
		}
		client.Close()
		server.Close()
	})
}

// The buffers of one SendOwned arrive in their order, however many there are
// and however many of them the kernel takes at once.
func TestSendOwnedMany(t *testing.T) {
	overStreams(t, func(w *world) {
		client, server := w.pair()
		for _, c := range []struct{ bufs, size int }{{3, 10_000}, {200, 100}, {200, 20_000}, {2, 4 << 20}} {
			var bufs [][]byte
			total := 0
			for i := range c.bufs {
				bufs = append(bufs, numbersFrom(total, c.size), nil)
				if total += c.size; i == 0 {
					bufs = append(bufs, []byte{})
				}
			}
			sent := server.SendOwned(bufs...)
			got := make([]byte, total)
			if _, err := io.ReadFull(client, got); err != nil {
				w.Fatalf("io.ReadFull: %v", err)
			}
			wantNumbers(w, got, 0)
			if n, err := sent.Await(w.ctx); n != total || err != nil {
				w.Errorf("sent %d, %v, want %d", n, err, total)
			}
		}
		server.Close()
		client.Close()
	})
}

// A send behind a Write that is under way is done when its own bytes are.
func TestSendBehindWrite(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		client, server := w.pair()
		written := aio.Go(w.ctx, "writer", func(context.Context) (int, error) { return server.Write(numbers(200_000)) })
		synctest.Wait()
		sent := server.SendOwned(numbers(100_000))
		flushed := aio.Go(w.ctx, "flush", func(context.Context) (int, error) { return 0, server.Flush(w.ctx) })
		rest := 300_000
		take := func(upTo int) {
			w.Helper()
			if n, err := io.CopyN(io.Discard, client, int64(rest-upTo)); err != nil {
				w.Fatal(n, err)
			}
			rest = upTo
			synctest.Wait()
		}
		pending := func(f *aio.Future[int]) bool { _, err := f.Result(); return errors.Is(err, aio.ErrPending) }
		take(120_000)
		if !w.secure() && pending(written) {
			w.Error("the Write is not done with its bytes handed over")
		}
		take(90_000)
		// with TLS, it may go between the Write's records
		if !w.secure() && (!pending(sent) || !pending(flushed)) {
			w.Error("the send is done before its bytes were handed over")
		}
		take(0)
		if pending(written) || pending(sent) || pending(flushed) {
			w.Error("not done")
		}
		client.Close()
		server.Close()
	})
}

// Over the mark Send is refused, and Writable says when to go on.
func TestBacklog(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		in := make(chan *tcp.Conn, 1)
		client := w.dial(w.start(&tcp.Server{HighWater: 100_000, Handler: tcp.Handler{
			Open: func(c *tcp.Conn) { in <- c },
			Data: func(c *tcp.Conn, data []byte) { c.Send(data) },
		}}))
		server := <-in
		for range 3 {
			total := 0
			for server.Buffered() < 100_000 {
				select {
				case <-server.Writable():
				default:
					w.Error("not writable below the mark")
				}
				server.Send(numbers(30_000))
				total += 30_000
				synctest.Wait() // the peer's buffer is as full as it gets
			}
			if _, err := server.SendString("x").Await(w.ctx); !errors.Is(err, aio.ErrBacklog) {
				w.Errorf("over the mark: %v", err)
			}
			if b := server.Buffered(); b > 131_000 { // TLS adds to it
				w.Errorf("%d bytes buffered", b)
			}
			server.SendOwned(numbers(30_000)) // knows no mark
			total += 30_000
			room := server.Writable()
			synctest.Wait()
			select {
			case <-room:
				w.Error("writable over the mark")
			default:
			}
			if _, err := io.CopyN(io.Discard, client, int64(total)); err != nil {
				w.Fatalf("io.CopyN: %v", err)
			}
			<-room
			if err := server.Flush(w.ctx); err != nil {
				w.Errorf("server.Flush: %v", err)
			}
		}
		client.Close()
	})
}

// A handler is given nothing while the queue is over its mark, so that a peer
// that does not read cannot go on writing.
func TestBacklogStopsReading(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		var mu sync.Mutex
		most := 0
		c := w.dial(w.start(&tcp.Server{HighWater: 1 << 16, Handler: tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
			if _, err := c.Send(data).Result(); errors.Is(err, aio.ErrBacklog) {
				w.Error("given data over the mark")
			}
			mu.Lock()
			most = max(most, c.Buffered())
			mu.Unlock()
		}}}))
		const size = 1 << 20
		writer := aio.Go(w.ctx, "writer", func(context.Context) (int, error) { return c.Write(numbers(size)) })
		time.Sleep(time.Second)
		if _, err := writer.Result(); !errors.Is(err, aio.ErrPending) {
			w.Error("a peer that does not read could write everything")
		}
		got := make([]byte, size)
		if _, err := io.ReadFull(c, got); err != nil {
			w.Fatalf("io.ReadFull: %v", err)
		}
		wantNumbers(w, got, 0)
		// the echo may be faster than Write's return
		if n, err := writer.Await(w.ctx); n != size || err != nil {
			w.Errorf("Write: %d, %v; want %d", n, err, size)
		}
		mu.Lock()
		defer mu.Unlock()
		if most < 1<<16 || most > 1<<16+1<<17 {
			w.Errorf("up to %d bytes queued", most)
		}
		c.Close()
	})
}

func TestFlush(t *testing.T) {
	overStreams(t, func(w *world) {
		client, server := w.pair()
		if err := server.Flush(w.ctx); err != nil {
			w.Errorf("server.Flush: %v", err)
		}
		server.SendOwned(numbers(8 << 20))
		ctx, cancel := context.WithCancel(w.ctx)
		cancel()
		var await *aio.AwaitError
		if err := server.Flush(ctx); !errors.As(err, &await) {
			w.Errorf("Flush with a dead ctx: %v", err)
		}
		aio.Spawn(w.ctx, "reader", func(context.Context) error {
			_, err := io.Copy(io.Discard, client)
			client.Close()
			return err
		})
		if err := server.Flush(w.ctx); err != nil {
			w.Errorf("server.Flush: %v", err)
		}
		if b := server.Buffered(); b != 0 {
			w.Errorf("%d bytes buffered after Flush", b)
		}
		server.CloseAfterFlush()
	})
}

// Big transfers both ways at once, in both styles.
func TestTransfer(t *testing.T) {
	overAll(t, func(w *world) {
		const size = 3 << 20
		c := w.serve(tcp.Handler{Data: func(c *tcp.Conn, data []byte) { c.Send(data) }})
		aio.Spawn(w.ctx, "writer", func(context.Context) error {
			data := numbers(size)
			for len(data) > 0 {
				n := min(len(data), 1+rand.IntN(100_000))
				if _, err := c.Write(data[:n]); err != nil {
					return err
				}
				data = data[n:]
			}
			return c.CloseWrite()
		})
		got, err := io.ReadAll(c)
		if err != nil || len(got) != size {
			w.Errorf("read %d bytes, %v", len(got), err)
		}
		wantNumbers(w, got, 0)
		c.Close()
	})
}

// faulty makes the client's connections of a world fail.
func faulty(w *world, plan aiotest.Plan) {
	dial := w.dialer.DialContext
	w.dialer.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return aiotest.Faulty(c, plan), nil
	}
}

// eachFault runs a test in a bubble, over the in-memory transports, for each
// fault of a client's connection.
func eachFault(t *testing.T, test func(w *world)) {
	for _, transport := range []string{"memory", "memory tls"} {
		t.Run(transport, func(t *testing.T) {
			aiotest.EachFault(t, func(t *testing.T, plan aiotest.Plan) {
				plan.MaxRead, plan.MaxWrite = 7000, 7000
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, transport)
					w.loop = &aio.Loop{OnEvent: func(e aio.Event) {
						// the server's end is reported by no Event
						if e.Op.Kind.String() != "tcp.conn.in" {
							t.Errorf("event of %v: %v, lost: %v", e.Op, e.Err, e.Lost)
						}
					}}
					faulty(w, plan)
					aiotest.RunLoop(t, w.loop, func(ctx context.Context) error {
						w.ctx = ctx
						test(w)
						w.loop.Exit(nil)
						return nil
					})
				})
			})
		})
	}
}

// Whatever fails: what Send took arrives in order, or its future fails; and
// everything ends.
func TestSendFaults(t *testing.T) {
	eachFault(t, func(w *world) {
		var mu sync.Mutex
		got := 0
		over := make(chan struct{})
		addr := w.start(&tcp.Server{Handler: tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
			mu.Lock()
			defer mu.Unlock()
			wantNumbers(w, data, got)
			got += len(data)
		}, Closed: func(*tcp.Conn, error) { close(over) }}})
		c, err := w.dialer.Dial(w.ctx, addr).Await(w.ctx)
		if err != nil { // in the handshake
			wantErr(w, err, aio.ErrConn, "")
			<-over
			return
		}
		p := newTape(w)
		// the last of the handshake failed to go out
		if err := c.SetHandler(p.handler(tcp.Handler{})); err != nil {
			wantErr(w, err, aio.ErrConn, "")
			<-over
			return
		}
		var futures []*aio.Future[int]
		for i := range 4 {
			futures = append(futures, c.SendOwned(numbersFrom(10_000*i, 10_000)))
		}
		futures = append(futures, c.Send(numbersFrom(40_000, 60_000)))
		c.Flush(w.ctx)
		c.CloseAfterFlush()
		<-over
		cond := <-p.closed
		acked, failed := 0, false
		for i, f := range futures {
			n, err := f.Await(w.ctx)
			if err == nil && failed {
				w.Errorf("send %d succeeded after one that failed", i)
			}
			if err != nil {
				failed = true
				wantErr(w, err, aio.ErrConn, "")
			}
			acked += n
		}
		mu.Lock()
		defer mu.Unlock()
		if got < acked {
			w.Errorf("%d bytes arrived, %d were said to be sent", got, acked)
		}
		// an EOF closes too
		if cond == nil && (failed || got != 100_000) && len(p.events) == 0 {
			w.Errorf("closed without an error, but only %d bytes arrived, futures failed: %v", got, failed)
		}
	})
}

// Whatever fails: a handler is told once, and the data that it got before is a
// part of what was sent.
func TestEchoFaults(t *testing.T) {
	eachFault(t, func(w *world) {
		const size = 60_000
		addr := w.start(&tcp.Server{Stream: func(ctx context.Context, c *tcp.Conn) error {
			io.Copy(c, c)
			return nil
		}})
		p := newTape(w)
		var mu sync.Mutex
		got := 0
		_, err := w.dialer.Send(w.ctx, addr, numbers(size), p.handler(tcp.Handler{
			Data: func(c *tcp.Conn, data []byte) {
				mu.Lock()
				defer mu.Unlock()
				wantNumbers(w, data, got)
				if got += len(data); got == size {
					c.CloseAfterFlush()
				}
			},
		})).Await(w.ctx)
		if err != nil {
			if e := <-p.events; e != err {
				w.Errorf("event %v, want %v", e, err)
			}
			return
		}
		cond := <-p.closed
		mu.Lock()
		defer mu.Unlock()
		if cond == nil && got != size {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.log[len(p.log)-2] != "EOF" {
				w.Errorf("closed without an error after %d bytes: %q", got, p.log)
			}
		}
		if cond != nil {
			wantErr(w, cond, aio.ErrConn, "")
		}
		if len(p.events) > 1 {
			w.Errorf("%d events", len(p.events))
		}
	})
}

// A peer that resets fails what is queued. The Event tells it; futures that are
// not looked at do not report it again.
func TestResetWhileQueued(t *testing.T) {
	overAll(t, func(w *world) {
		client, server := w.pair()
		p := newTape(w)
		server.SetHandler(p.handler(tcp.Handler{}))
		seen := server.SendOwned(numbers(8 << 20))
		server.SendOwned(numbers(1 << 20)) // this one is not looked at
		client.Abort()
		cond := soon(w, p.closed)
		broke := func(err error) {
			w.Helper()
			// Linux reports a reset once: to the writer, and then
			if w.secure() && errors.Is(err, io.ErrUnexpectedEOF) {
				// the reader meets a mere end
				wantErr(w, err, io.ErrUnexpectedEOF, "read")
				return
			}
			wantErr(w, err, aio.ErrReset, "")
		}
		broke(cond)
		told := soon(w, p.events)
		if aio.IsInfo(told) {
			told = soon(w, p.events)
		}
		if told != cond || len(p.events) > 0 {
			w.Errorf("event %v, closed with %v", told, cond)
		}
		if !w.memory() && cond.(*aio.ConnError).FD < 0 {
			w.Error("no descriptor in ", cond)
		}
		_, err := seen.Await(w.ctx)
		broke(err)
		server.SendString("nobody looks at this one either")
		_, err = server.Write([]byte("x"))
		broke(err)
	})
}

// Without a handler nothing else reports it.
func TestResetUnseen(t *testing.T) {
	overAllLoops(t, zeroLoop, func(w *world) {
		client, server := w.pair()
		func() { server.SendOwned(numbers(8 << 20)) }()
		client.Abort()
		soon(w, server.Done())
		wantErr(w, server.Err(), aio.ErrReset, "")
		w.Cleanup(func() {
			if e := w.rec.Events(); len(e) != 1 || !e[0].Lost || !errors.Is(e[0].Err, aio.ErrReset) {
				w.Errorf("events %v, want the send's lost error", e)
			}
		})
	})
}

// Flush waits for a Write that is under way when nothing is queued.
func TestFlushDuringWrite(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		client, server := w.pair()
		const size = 200_000 // more than the connection holds
		written := aio.Go(w.ctx, "writer", func(context.Context) (int, error) { return server.Write(numbers(size)) })
		synctest.Wait()
		flushed := aio.Go(w.ctx, "flush", func(context.Context) (int, error) { return 0, server.Flush(w.ctx) })
		synctest.Wait()
		for what, f := range map[string]*aio.Future[int]{"Write": written, "Flush": flushed} {
			if _, err := f.Result(); !errors.Is(err, aio.ErrPending) {
				w.Errorf("%s has ended with %v before the peer has read anything, want it to wait", what, err)
			}
		}
		if _, err := io.ReadFull(client, make([]byte, size)); err != nil {
			w.Fatalf("io.ReadFull: %v", err)
		}
		if _, err := flushed.Await(w.ctx); err != nil {
			w.Errorf("Flush: %v", err)
		}
		if n, err := written.Await(w.ctx); n != size || err != nil {
			w.Errorf("Write: %d, %v; want %d", n, err, size)
		}
		client.Close()
		server.Close()
	})
}

// TestSendAsConnEnds checks that the future of a send fails if the connection
// ends after the last of the data was encrypted, and before it is queued.
func TestSendAsConnEnds(t *testing.T) {
	// Buffers without data take the send time, and add nothing to the queue.
	bufs := make([][]byte, 1<<17)
	bufs[0] = make([]byte, 20<<10)
	overStreams(t, func(w *world) {
		if !w.secure() {
			return
		}
		aiotest.Eventually(w, func() bool {
			client, server := w.pair()
			defer client.Close()
			before := server.Stats().BytesOut
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				for server.Stats().BytesOut == before {
					runtime.Gosched()
				}
				server.Abort()
			}()
			sent := server.SendOwned(bufs...)
			select {
			case <-ended:
			default: // too late
				<-ended
				sent.Result()
				return false
			}
			if n, err := sent.Await(w.ctx); !errors.Is(err, aio.ErrClosed) {
				w.Errorf("Abort during SendOwned: the future has %d, %v; want %v", n, err, aio.ErrClosed)
			}
			return true
		})
	})
}
