package tcp_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
)

// piped is a pipe between two peers: left is a's, and right is b's.
type piped struct {
	*world
	left, a, b, right *tcp.Conn
	done              *aio.Future[tcp.Piped]
}

// apart makes the connections of a pipe that is still to begin.
func (w *world) apart() *piped {
	w.Helper()
	p := &piped{world: w}
	p.left, p.a = w.pair()
	p.b, p.right = w.pair()
	return p
}

// piped makes a pipe.
func (w *world) piped() *piped {
	w.Helper()
	p := w.apart()
	p.done = tcp.Pipe(w.ctx, p.a, p.b)
	return p
}

// turned is the pipe seen from the other side.
func (p *piped) turned() *piped { return &piped{p.world, p.right, p.b, p.a, p.left, p.done} }

// bothWays runs a test on a pipe from left to right, and on another one from
// right to left.
func (w *world) bothWays(test func(p *piped, forth bool)) {
	test(w.piped(), true)
	test(w.piped().turned(), false)
}

// closePeers closes the peers' connections.
func (p *piped) closePeers() {
	p.left.Close()
	p.right.Close()
}

// want wants the pipe to end well, with so many bytes moved from left and from
// right, and its connections to be closed.
func (p *piped) want(forth bool, fromLeft, fromRight int64) {
	p.Helper()
	got, err := p.done.Await(p.ctx)
	want := tcp.Piped{AToB: fromLeft, BToA: fromRight}
	if !forth {
		want = tcp.Piped{AToB: fromRight, BToA: fromLeft}
	}
	if err != nil || got != want {
		p.Errorf("moved %+v, %v, want %+v", got, err, want)
	}
	p.wantClosed()
}

// wantClosed wants the connections of the pipe to be closed.
func (p *piped) wantClosed() {
	p.Helper()
	soon(p, p.a.Done())
	soon(p, p.b.Done())
}

// wantCut wants a peer to see that what it was sent was cut short.
func (p *piped) wantCut(peer *tcp.Conn) {
	p.Helper()
	_, err := io.Copy(io.Discard, peer)
	if err == nil && p.transport != "unix" { // where there is no reset
		p.Error("the peer has read a clean end")
	}
}

// write starts to write n numbers to a connection, and then ends its outgoing
// side.
func (p *piped) write(c *tcp.Conn, off, n int) {
	aio.Spawn(p.ctx, "writer", func(context.Context) error {
		if _, err := c.Write(numbersFrom(off, n)); err != nil {
			return err
		}
		return c.CloseWrite()
	})
}

// wantAll reads n numbers, and the end.
func (p *piped) wantAll(c *tcp.Conn, off, n int) {
	p.Helper()
	got := []byte(readAll(p, c))
	if len(got) != n {
		p.Errorf("read %d bytes, want %d", len(got), n)
	}
	wantNumbers(p, got, off)
}

// All bytes arrive, both ways at once, and are counted.
func TestPipe(t *testing.T) {
	const forth, back = 5<<20 + 3, 4<<20 + 1
	overStreams(t, func(w *world) {
		p := w.piped()
		p.write(p.left, 0, forth)
		p.write(p.right, 100, back)
		reader := aio.Go(w.ctx, "reader", func(context.Context) (struct{}, error) {
			p.wantAll(p.left, 100, back)
			return struct{}{}, nil
		})
		p.wantAll(p.right, 0, forth)
		reader.Await(w.ctx)
		p.want(true, forth, back)
		a, b := p.a.Stats(), p.b.Stats()
		if a.BytesIn != forth || b.BytesIn != back {
			w.Errorf("%d and %d bytes read, want %d and %d", a.BytesIn, b.BytesIn, forth, back)
		}
		if a.BytesOut < back || b.BytesOut < forth || !w.secure() && (a.BytesOut != back || b.BytesOut != forth) {
			w.Errorf("%d and %d bytes written, want %d and %d", a.BytesOut, b.BytesOut, back, forth)
		}
		if sum := w.loop.Stats().BytesIn; sum < 2*(forth+back) {
			w.Errorf("%d bytes read in the loop", sum)
		}
		p.closePeers()
	})
}

// One side may end long before the other, which gets the end, and continue to
// read.
func TestPipeHalfClose(t *testing.T) {
	overStreams(t, func(w *world) {
		w.bothWays(func(p *piped, forth bool) {
			p.left.SendString("question")
			p.left.CloseWrite()
			if got := readAll(w, p.right); got != "question" {
				w.Errorf("got %q", got)
			}
			ask(w, loopback{p.right, p.left}, "an ")
			ask(w, loopback{p.right, p.left}, "answer")
			p.right.CloseWrite()
			wantEOF(w, p.left)
			p.want(forth, 8, 9)
			p.closePeers()
		})
	})
}

// Either side may have ended already, before the pipe begins.
func TestPipeEndedBefore(t *testing.T) {
	overStreams(t, func(w *world) {
		p := w.apart()
		p.left.CloseWrite()
		wantEOF(w, p.a)
		p.b.CloseWrite() // a request was written, say
		wantEOF(w, p.right)
		p.done = tcp.Pipe(w.ctx, p.a, p.b)
		p.write(p.right, 0, 1000)
		p.wantAll(p.left, 0, 1000)
		p.want(true, 0, 1000)
		p.closePeers()
	})
}

// What was put back comes first, and what was sent goes out before what is
// moved.
func TestPipeAhead(t *testing.T) {
	const queued = 3 << 20
	overStreams(t, func(w *world) {
		p := w.apart()
		p.left.SendString("first second")
		wantRead(w, p.a, "first ")
		p.b.SendOwned(numbers(queued))
		p.a.Unread([]byte("first "))
		p.done = tcp.Pipe(w.ctx, p.a, p.b)
		p.left.CloseWrite()
		got := make([]byte, queued)
		if _, err := io.ReadFull(p.right, got); err != nil {
			w.Fatalf("io.ReadFull: %v", err)
		}
		wantNumbers(w, got, 0)
		if rest := readAll(w, p.right); rest != "first second" {
			w.Errorf("got %q", rest)
		}
		p.right.CloseWrite()
		wantEOF(w, p.left)
		p.want(true, 12, 0)
		p.closePeers()
	})
}

// More than a buffer that was put back comes first, whole.
func TestPipeMuchAhead(t *testing.T) {
	const ahead, rest = 300 << 10, 100 << 10
	overStreams(t, func(w *world) {
		p := w.apart()
		p.a.Unread(numbers(ahead))
		p.done = tcp.Pipe(w.ctx, p.a, p.b)
		p.write(p.left, ahead, rest)
		p.wantAll(p.right, 0, ahead+rest)
		p.right.CloseWrite()
		wantEOF(w, p.left)
		p.want(true, ahead+rest, 0)
		p.closePeers()
	})
}

// pipeFrom are the callbacks that a connection is given to a pipe from.
var pipeFrom = []string{"open", "data", "EOF"}

// A connection in handler style loses its handler, and what its callback puts
// back after that comes first.
func TestPipeHandler(t *testing.T) {
	for _, where := range pipeFrom {
		t.Run(where, func(t *testing.T) {
			overAll(t, func(w *world) {
				p := &piped{world: w}
				p.b, p.right = w.pair()
				done := make(chan *aio.Future[tcp.Piped], 1)
				take := func(at string, c *tcp.Conn, data []byte) {
					if at == where {
						p.a = c
						f := tcp.Pipe(w.ctx, c, p.b)
						c.Unread(data)
						done <- f
					} else if at != "open" && where != "EOF" {
						w.Errorf("%s after the pipe has begun", at)
					}
				}
				p.left = w.serve(tcp.Handler{
					HalfOpen: true,
					Open:     func(c *tcp.Conn) { take("open", c, nil) },
					Data:     func(c *tcp.Conn, data []byte) { take("data", c, data) },
					Event:    func(c *tcp.Conn, _ error) { take("EOF", c, []byte("question")) },
					Closed:   func(*tcp.Conn, error) { w.Error("Closed is called") },
				})
				p.left.SendString("question")
				p.left.CloseWrite()
				p.done = soon(w, done)
				if got := readAll(w, p.right); got != "question" {
					w.Errorf("got %q", got)
				}
				p.write(p.right, 0, 1000)
				p.wantAll(p.left, 0, 1000)
				p.want(true, 8, 1000)
				p.closePeers()
			})
		})
	}
}

// A direction in which the peer does not read does not delay the other.
func TestPipeSlow(t *testing.T) {
	const size = 8 << 20
	overStreams(t, func(w *world) {
		w.bothWays(func(p *piped, forth bool) {
			p.write(p.right, 0, size)
			for range 3 {
				ask(w, loopback{p.left, p.right}, "ping")
			}
			p.left.CloseWrite()
			wantEOF(w, p.right)
			p.wantAll(p.left, 0, size)
			p.want(forth, 12, size)
			p.closePeers()
		})
	})
}

// A pipe takes no more than the buffers hold, and a peer that does not read
// holds the other up.
func TestPipeHoldsUp(t *testing.T) {
	const size, most = 2 << 20, 500 << 10
	inBubbles(t, zeroLoop, func(w *world) {
		p := w.piped()
		p.write(p.left, 0, size)
		synctest.Wait()
		if n := p.a.Stats().BytesIn; n == 0 || n > most {
			w.Errorf("%d bytes were taken", n)
		}
		p.wantAll(p.right, 0, size)
		p.right.CloseWrite()
		p.want(true, size, 0)
		p.closePeers()
	})
}
