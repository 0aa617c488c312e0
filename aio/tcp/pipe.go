package tcp

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"goaio.example/aio"
)

var kindPipe = aio.NewKind("tcp.pipe")

// Piped is the number of bytes that a Pipe has moved each way: those that the
// kernel has taken for the other side or, if that has TLS, that were encrypted
// for it.
type Piped struct{ AToB, BToA int64 }

// Pipe copies what comes on a to b and what comes on b to a, as a proxy does,
// until both have ended. It returns at once. When one side has ended, and all
// that it said is written to the other, Pipe ends the other's outgoing side
// (CloseWrite) and goes on in the other direction.
//
// The connections are the pipe's from the call on, and it closes both: as by
// CloseAfterFlush when both have ended, and with a reset (Abort) after an error,
// or when ctx ends or the future is cancelled. So no peer takes a stream that
// was cut for a whole one, except over a unix socket, which knows no reset.
//
// The error is the first that either connection meets, an *aio.ConnError, or the
// cause of the cancellation. What follows from the pipe's own aborting is left
// out. The future has a value beside an error: Await and Result return what was
// moved until then. An error of one side is met by reading from it or writing
// to it. While the other side takes nothing, that is when a write timeout of
// the other ends the pipe, if it has one. If the program closes one of the
// connections, the error matches aio.ErrClosed, and is no lost error. Without a
// running loop the error is aio.ErrNoLoop or aio.ErrLoopDone.
//
// What was put back with Unread is moved first, and what Send has queued goes
// out before it. Later sends, on either connection, go out between what is
// moved. Nobody else may read. A connection that has a Handler loses it, as by
// SetHandler(Handler{}): a callback that is running may still Unread, and the
// pipe begins when it has returned. So the callback must not wait for the pipe.
// Server.Stream must, since its return closes the connection.
//
// Deadlines and idle timeouts (SetTimeouts) hold. The read timeout of a
// connection counts while the pipe waits for something to come on it, whatever
// comes on the other.
//
// A pipe is an operation under ctx's, and work in progress: a loop that drains
// lets it go on until Loop.Grace has passed. It has two goroutines, which hold
// no buffer while nothing comes. On Linux, bulk data between two sockets without
// TLS does not go through the program's memory (splice).
func Pipe(ctx context.Context, a, b *Conn) *aio.Future[Piped] {
	p := &piping{a: a, b: b}
	p.ways = [2]way{{from: a, to: b}, {from: b, to: a}}
	p.left.Store(int32(len(p.ways)))
	if p.Start(ctx, kindPipe, "", p) != nil {
		p.abort()
		return p.Future()
	}
	for i := range p.ways {
		_ = p.ways[i].from.SetHandler(Handler{}) // fails only where reading will
	}
	for i := range p.ways {
		p.Op().Go(func() { p.over(p.ways[i].run()) }, p.over)
	}
	return p.Future()
}

// piping is a Pipe.
type piping struct {
	aio.Promise[Piped]
	a, b *Conn
	ways [2]way
	left atomic.Int32 // ways that are not over

	mu     sync.Mutex // guards what follows
	err    error      // the first
	closed bool       // the connections are the pipe's no more
}

// OpCancel aborts both connections.
func (p *piping) OpCancel(cause error) { p.fail(cause) }

func (p *piping) OpName() string { return fmt.Sprint("pipe ", p.a.addr(), " and ", p.b.addr()) }

// fail notes the first error, and aborts both connections.
func (p *piping) fail(err error) {
	p.mu.Lock()
	first := p.err == nil && !p.closed
	if first {
		p.err = err
	}
	p.mu.Unlock()
	if !first {
		return
	}
	if p.a.endWasTold() || p.b.endWasTold() {
		p.Op().Told()
	}
	p.abort()
}

// abort aborts both connections.
func (p *piping) abort() {
	for _, c := range []*Conn{p.a, p.b} {
		_ = c.Abort() // fails only if it has ended
	}
}

// over ends one way. The last one ends the pipe.
func (p *piping) over(err error) {
	if err != nil {
		p.fail(err)
	}
	if p.left.Add(-1) > 0 {
		return
	}
	moved := Piped{p.ways[0].moved, p.ways[1].moved}
	p.mu.Lock()
	p.closed = true
	err = p.err
	p.mu.Unlock()
	if err != nil {
		p.RejectWith(moved, err)
		return
	}
	for _, c := range []*Conn{p.a, p.b} {
		_ = c.CloseAfterFlush() // fails only if it has ended
	}
	p.Resolve(moved)
}

// endWasTold reports whether the connection has ended in a way that makes the
// error of a future no lost error.
func (c *Conn) endWasTold() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.life.told()
}

// way is one direction of a Pipe. One goroutine uses it.
type way struct {
	from, to *Conn
	moved    int64
	reading  bool  // a Read of from's is under way
	bulk     bool  // what came last was much
	copies   bool  // it cannot be spliced
	err      error // why it ends: errEOF at from's end
}

// bulkRead is how much comes at a time, at least, where splicing is worth two
// files and some memory of the kernel's.
const bulkRead = 32 << 10

// run moves all that comes, and passes the end on.
func (w *way) run() error {
	for w.err == nil {
		switch {
		case !w.begin(): // it has failed, or something was read ahead
			w.moveAhead()
		case w.bulk:
			w.splice()
		default:
			w.copy()
		}
	}
	if w.err == errEOF {
		return w.to.endWrite()
	}
	return w.err
}

// begin begins a Read of from's. It reports false if that fails, and if
// something was read ahead, which comes first.
func (w *way) begin() bool {
	if !w.reading && w.err == nil {
		var over bool
		_, over, w.err = w.from.readBegins(nil)
		w.reading = !over
	}
	return w.reading
}

// ends ends the Read, with what it has brought.
func (w *way) ends(n int, err error) {
	w.reading = false
	w.err = w.from.readOver(n, err)
}

// moveAhead moves what was read ahead.
func (w *way) moveAhead() {
	if w.err != nil {
		return
	}
	buf := readBuffers.Get().(*[readSize]byte)
	defer readBuffers.Put(buf)
	var n int
	if n, w.err = w.from.Read(buf[:]); n > 0 {
		w.write(buf[:n])
	}
}

// copy moves what comes through a buffer, which is held only while there is
// something in it. It returns when reading has ended, writing has failed, or it
// is time to splice.
func (w *way) copy() {
	err := w.from.source().pump(w.deliver, w.begin)
	if err != nil && w.reading { // else it came with the last data, and comes again
		w.ends(0, err)
	}
}

// deliver writes what was read. It reports whether to go on reading.
func (w *way) deliver(data []byte) bool {
	if w.reading {
		w.ends(len(data), nil)
	} else {
		w.from.received(len(data)) // TLS has several parts of what was read
	}
	w.write(data)
	w.bulk = splices && !w.copies && len(data) >= bulkRead
	return w.err == nil && !w.bulk
}

// write writes to the other side.
func (w *way) write(data []byte) {
	n, err := w.to.Write(data)
	w.moved += int64(n)
	if err != nil {
		w.err = err
	}
}

// endWrite ends the outgoing side, unless it has ended. It fails if the
// connection has failed or is closed.
func (c *Conn) endWrite() error {
	if c.CloseWrite() == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.open() && c.out.side != sideFailed {
		return nil
	}
	return c.endError("write")
}
