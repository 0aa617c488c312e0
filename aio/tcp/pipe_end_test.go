package tcp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/tcp"
)

// A reset on one side ends both, and is the error; what was moved is counted.
func TestPipeReset(t *testing.T) {
	overStreams(t, func(w *world) {
		w.bothWays(func(p *piped, forth bool) {
			ask(w, loopback{p.left, p.right}, "hello")
			wantMoved := tcp.Piped{AToB: 5, BToA: 1}
			if !forth {
				wantMoved = tcp.Piped{AToB: 1, BToA: 5}
			}
			bytesOut := p.a.Stats().BytesOut
			// which was not read: a unix socket is reset by that
			p.right.SendString("x")
			aiotest.Eventually(w, func() bool { return p.a.Stats().BytesOut > bytesOut })
			p.left.Abort()
			moved, err := p.done.Await(w.ctx)
			wantErr(w, err, aio.ErrReset, "read")
			if moved != wantMoved {
				w.Errorf("moved %+v, want %+v", moved, wantMoved)
			}
			p.wantClosed()
			p.wantCut(p.right)
			p.closePeers()
		})
	})
}

// Writing to a side that has gone ends the pipe. The other side is closed once
// its peer has closed.
func TestPipeWriteFails(t *testing.T) {
	overStreams(t, func(w *world) {
		p := w.piped()
		ask(w, loopback{p.right, p.left}, "hello")
		p.right.CloseWrite()
		wantEOF(w, p.left)
		p.right.Close() // which is seen only by writing
		data := numbers(100_000)
		writer := aio.Go(w.ctx, "writer", func(context.Context) (int, error) {
			for {
				if _, err := p.left.Write(data); err != nil {
					return 0, err
				}
			}
		})
		_, err := p.done.Await(w.ctx)
		wantErr(w, err, aio.ErrReset, "write")
		soon(w, p.b.Done())
		p.left.Close()
		if _, err := writer.Await(w.ctx); !errors.Is(err, aio.ErrClosed) {
			w.Errorf("the writer, whose connection was closed, ended with %v, want %v", err, aio.ErrClosed)
		}
		p.wantClosed()
		p.closePeers()
	})
}

// A peer that goes on writing after the other has gone is reset 5 s later.
func TestPipeWriteFailsLater(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		p := w.piped()
		p.right.CloseWrite()
		wantEOF(w, p.left)
		p.right.Close()
		begin := time.Now()
		var failed error
		for failed == nil {
			_, failed = p.left.Write([]byte("more"))
			time.Sleep(100 * time.Millisecond)
		}
		if d := time.Since(begin); d < 5*time.Second || d > 6*time.Second {
			w.Errorf("writing to the pipe failed after %v, want 5 s: %v", d, failed)
		}
		_, err := p.done.Await(w.ctx)
		wantErr(w, err, aio.ErrReset, "write")
		p.wantClosed()
		p.closePeers()
	})
}

// A pipe that is cancelled has the cause as its error. Its peers see that they
// were cut off.
func TestPipeCancelled(t *testing.T) {
	cause := errors.New("enough")
	for how, cancel := range map[string]func(p *piped) (cancel func()){
		"future": func(p *piped) func() {
			p.done = tcp.Pipe(p.ctx, p.a, p.b)
			return func() { p.done.Cancel(cause) }
		},
		"ctx": func(p *piped) func() {
			ctx, cancel := context.WithCancelCause(p.ctx)
			p.done = tcp.Pipe(ctx, p.a, p.b)
			return func() { cancel(cause) }
		},
		"ctx before": func(p *piped) func() {
			ctx, cancel := context.WithCancelCause(p.ctx)
			cancel(cause)
			p.done = tcp.Pipe(ctx, p.a, p.b)
			return func() {}
		},
	} {
		t.Run(how, func(t *testing.T) {
			overStreams(t, func(w *world) {
				p := w.apart()
				end := cancel(p)
				if how != "ctx before" {
					ask(w, loopback{p.left, p.right}, "hello")
				}
				end()
				if moved, err := p.done.Await(w.ctx); err != cause || how != "ctx before" && moved.AToB != 5 {
					w.Errorf("moved %+v, %v", moved, err)
				}
				p.wantClosed()
				p.wantCut(p.left)
				p.wantCut(p.right)
				p.closePeers()
			})
		})
	}
}

// Without a loop there is no pipe, and the connections are nevertheless closed.
func TestPipeNoLoop(t *testing.T) {
	overStreams(t, func(w *world) {
		p := w.apart()
		p.done = tcp.Pipe(context.Background(), p.a, p.b)
		if _, err := p.done.Result(); !errors.Is(err, aio.ErrNoLoop) {
			w.Errorf("p.done.Result: %v", err)
		}
		p.wantClosed()
		p.closePeers()
	})
}

// A connection that the program closes itself ends the pipe. Its error need not
// be looked at: the loop would report a lost one.
func TestPipeClosedByProgram(t *testing.T) {
	overStreams(t, func(w *world) {
		p := w.piped()
		ask(w, loopback{p.left, p.right}, "hello")
		p.a.Close()
		soon(w, p.done.Done())
		p.wantClosed()
		p.wantCut(p.right)
		p.closePeers()
		q := w.apart()
		q.b.Close()
		q.done = tcp.Pipe(w.ctx, q.a, q.b)
		_, err := q.done.Await(w.ctx)
		wantErr(w, err, aio.ErrClosed, "")
		q.wantClosed()
		q.closePeers()
	})
}

// A deadline that passes ends the pipe.
func TestPipeDeadline(t *testing.T) {
	overStreams(t, func(w *world) {
		p := w.piped()
		ask(w, loopback{p.left, p.right}, "hello")
		p.b.SetReadDeadline(time.Unix(1, 0))
		_, err := p.done.Await(w.ctx)
		wantErr(w, err, aio.ErrTimeout, "read")
		p.wantClosed()
		p.closePeers()
	})
}

// A read timeout counts while the pipe waits for its side, not while it waits
// for the other to take something.
func TestPipeReadTimeout(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		p := w.apart()
		for _, c := range []*tcp.Conn{p.left, p.a, p.b, p.right} {
			c.SetDeadline(time.Time{})
		}
		p.a.SetTimeouts(10*time.Second, 0)
		p.done = tcp.Pipe(w.ctx, p.a, p.b)
		for range 5 {
			time.Sleep(9 * time.Second)
			ask(w, loopback{p.left, p.right}, "x")
		}
		const size = 2 << 20
		aio.Spawn(w.ctx, "writer", func(context.Context) error {
			_, err := p.left.Write(numbers(size))
			return err
		})
		time.Sleep(time.Minute)
		got := make([]byte, size)
		if _, err := io.ReadFull(p.right, got); err != nil {
			w.Fatalf("io.ReadFull: %v", err)
		}
		wantNumbers(w, got, 0)
		begin := time.Now()
		_, err := p.done.Await(w.ctx)
		wantErr(w, err, aio.ErrTimeout, "read")
		if d := time.Since(begin); d != 10*time.Second || !errors.Is(err, tcp.ErrIdle) {
			w.Errorf("after %v: %v", d, err)
		}
		p.wantCut(p.right)
		p.closePeers()
	})
}

// A write timeout counts while the other side takes nothing.
func TestPipeWriteTimeout(t *testing.T) {
	inBubbles(t, zeroLoop, func(w *world) {
		p := w.apart()
		p.left.SetDeadline(time.Time{})
		p.b.SetTimeouts(0, 10*time.Second)
		p.done = tcp.Pipe(w.ctx, p.a, p.b)
		aio.Spawn(w.ctx, "writer", func(context.Context) error {
			p.left.Write(numbers(2 << 20)) // is cut off
			return nil
		})
		begin := time.Now()
		_, err := p.done.Await(w.ctx)
		wantErr(w, err, aio.ErrTimeout, "write")
		if d := time.Since(begin); d != 10*time.Second || !errors.Is(err, tcp.ErrIdle) {
			w.Errorf("after %v: %v", d, err)
		}
		p.closePeers()
	})
}

// A pipe is work in progress for a loop that drains.
func TestPipeDrain(t *testing.T) {
	overStreams(t, func(w *world) {
		p := w.piped()
		ask(w, loopback{p.left, p.right}, "before")
		w.loop.Exit(nil)
		<-aio.Draining(w.ctx)
		p.write(p.left, 0, 1<<20)
		p.wantAll(p.right, 0, 1<<20)
		p.write(p.right, 0, 1<<20)
		p.wantAll(p.left, 0, 1<<20)
		p.want(true, 1<<20+6, 1<<20)
		p.closePeers()
	})
}

// A pipe that a loop cancels is not a lost error.
func TestPipeGrace(t *testing.T) {
	overAllLoops(t, func() *aio.Loop { return &aio.Loop{Grace: time.Nanosecond} }, func(w *world) {
		p := w.piped()
		ask(w, loopback{p.left, p.right}, "before")
		aio.LoopOf(w.ctx).AtExit(func() {
			if errs := errorsOf(&w.rec); len(errs) > 0 {
				w.Errorf("events: %v", errs)
			}
			_, err := p.done.Result()
			if !errors.Is(err, aio.ErrExit) {
				w.Errorf("p.done.Result: %v", err)
			}
		})
	})
}

// A pipe can be identified in listings.
func TestPipeListed(t *testing.T) {
	overStreams(t, func(w *world) {
		p := w.piped()
		if n := ops(w.loop, "tcp.pipe"); n != 1 {
			w.Errorf("%d pipes", n)
		}
		p.done.Cancel(nil)
		p.done.Await(w.ctx)
		p.closePeers()
	})
}

// dyingConn is a connection whose Read panics.
type dyingConn struct{ net.Conn }

func (dyingConn) Read([]byte) (int, error) { panic("dead") }

// A connection that panics ends the pipe.
func TestPipePanic(t *testing.T) {
	overAllLoops(t, func() *aio.Loop { return &aio.Loop{CatchPanics: true} }, func(w *world) {
		if !w.memory() || w.secure() {
			return
		}
		p := w.apart()
		d := tcp.Dialer{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			one, _ := net.Pipe()
			return dyingConn{one}, nil
		}}
		dying, err := d.Dial(w.ctx, "nowhere").Await(w.ctx)
		if err != nil {
			w.Fatalf("d.Dial: %v", err)
		}
		_, err = tcp.Pipe(w.ctx, p.a, dying).Await(w.ctx)
		var dead *aio.PanicError
		if !errors.As(err, &dead) {
			w.Errorf("tcp.Pipe: %v", err)
		}
		soon(w, p.a.Done())
		soon(w, dying.Done())
		p.wantCut(p.left)
		p.b.Close()
		p.closePeers()
	})
}
