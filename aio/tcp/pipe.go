package tcp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"goaio.example/aio"
)

var kindPipe = aio.NewKind("tcp.pipe")

// Piped holds the number of bytes that a Pipe has moved in each direction:
// those that the kernel has accepted for the other side or, if that has TLS,
// that were encrypted for it.
type Piped struct{ AToB, BToA int64 }

// Pipe copies what arrives on a to b and what arrives on b to a, as a proxy
// does, until both have ended. It returns at once. When one side has ended, and
// all its data is written to the other, Pipe ends the other's outgoing side
// (CloseWrite) and continues in the other direction.
//
// The pipe owns the connections from the call on, and closes both: as by
// CloseAfterFlush when both have ended, and with a reset (Abort) after an
// error, or when ctx ends or the future is cancelled. So no peer mistakes a
// truncated stream for a complete one, except over a unix socket, which has no
// reset.
//
// A peer that leaves while the other still writes to it, such as a server that
// does not want a client's upload, has often responded before. The pipe still
// moves what it has sent, and drops what arrives for it. If it had ended its
// side, the other connection is then closed as by CloseAfterFlush. Otherwise
// that is reset: on Linux when the other peer's system has the response, or
// after 5 s; on other systems at once, so that data in transit may be lost.
//
// A net.Conn of a Dialer or Listener that has no CloseWrite, without TLS on it,
// cannot tell its peer that the other side has ended: the peer learns it when
// the pipe closes the connection, after the peer's own end.
//
// The error is the first of either connection, an *aio.ConnError, or the cause
// of the cancellation. Errors caused by the pipe's own aborting are left out.
// The future has a value even if it fails: Await and Result return what was
// moved until then. An error of one side is noticed when the pipe reads from it
// or writes to it. While the other side accepts no data, a write timeout of the
// other, if set, ends the pipe: Conn.AfterHangUp reports the hang-up at once,
// and its function may cancel the future. If the program closes one of the
// connections, the error matches aio.ErrClosed, and is not a lost error.
// Without a running loop the error is aio.ErrNoLoop or aio.ErrLoopDone.
//
// Data put back with Unread is moved first, and what Send has queued goes out
// before it. Later sends, on either connection, go out between the moved data.
// Nothing else may read the connections. A connection with a Handler loses it,
// as by SetHandler(Handler{}): a running callback may still Unread, and the
// pipe begins when it has returned. So the callback must not wait for the pipe.
// Server.Stream must, since its return closes the connection.
//
// Deadlines and idle timeouts (SetTimeouts) apply. The read timeout of a
// connection counts while the pipe waits for data on it, whatever arrives on
// the other.
//
// A pipe is an operation under ctx's, and work in progress: a draining loop
// lets it go on until Loop.Grace has passed, even with DrainReads. It has two
// goroutines, which hold no buffer while no data arrives. On Linux, bulk data
// between two sockets without TLS does not go through the program's memory
// (splice).
func Pipe(ctx context.Context, a, b *Conn) *aio.Future[Piped] {
	a.DrainReads(false)
	b.DrainReads(false)
	p := &piping{a: a, b: b}
	p.ways = [2]way{{from: a, to: b}, {from: b, to: a}}
	p.left.Store(int32(len(p.ways)))
	if p.Start(ctx, kindPipe, "", p) != nil {
		p.abort()
		return p.Future()
	}
	for i := range p.ways {
		// fails only if reading will fail
		_ = p.ways[i].from.SetHandler(Handler{})
	}
	for i := range p.ways {
		w, back := &p.ways[i], &p.ways[1-i]
		p.Op().Go(func() { p.run(w, back) }, func(err error) { p.over(w, back, err) })
	}
	return p.Future()
}

// piping is the operation of a Pipe.
type piping struct {
	aio.Promise[Piped]
	a, b *Conn
	ways [2]way
	left atomic.Int32 // ways that are not over

	mu     sync.Mutex // guards the fields below, and the ways' states
	err    error      // the first
	closed bool       // the pipe no longer owns the connections
}

// OpCancel aborts both connections.
func (p *piping) OpCancel(cause error) {
	if p.note(cause) {
		p.abort()
	}
}

func (p *piping) OpName() string { return fmt.Sprint("pipe ", p.a.addr(), " and ", p.b.addr()) }

// note records the first error. It reports false if the pipe is over.
func (p *piping) note(err error) bool {
	told := p.a.endWasTold() || p.b.endWasTold()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	if p.err == nil {
		p.err = err
		if told {
			p.Op().Told()
		}
	}
	return true
}

// abort aborts both connections.
func (p *piping) abort() {
	for _, c := range []*Conn{p.a, p.b} {
		_ = c.Abort() // fails only if it has ended
	}
}

// run moves data in one direction; back is the other.
func (p *piping) run(w, back *way) {
	err := w.run()
	switch {
	case w.refused:
		p.note(err)
		if p.set(w, back, wayRefused) == wayMoves {
			_, _ = w.from.WriteTo(io.Discard) // until the pipe closes it
		}
	case errors.Is(err, aio.ErrReset) || errors.Is(err, io.ErrUnexpectedEOF):
		p.note(err)
		_ = w.from.Abort() // fails only if it has ended
		w.to.awaitSent()
	}
	p.over(w, back, err)
}

// set sets the state of a way, and returns the state of the other.
func (p *piping) set(w, back *way, to wayState) wayState {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.state = to
	return back.state
}

// over ends one way, and the other unless that may continue. The last one ends
// the pipe.
func (p *piping) over(w, back *way, err error) {
	to := wayWhole
	if err != nil {
		p.note(err)
		to = wayCut
	}
	if w.refused {
		to = wayRefused
	}
	other := p.set(w, back, to)
	if to == wayCut || to == wayRefused && other != wayMoves || other == wayRefused {
		p.end()
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

// end closes both connections after an error: gracefully one that got
// everything that the other sent before it left, so that this is not lost, else
// with a reset.
func (p *piping) end() {
	for i := range p.ways {
		w, back := &p.ways[i], &p.ways[1-i]
		p.mu.Lock()
		toldAll := w.state == wayRefused && back.state == wayWhole
		p.mu.Unlock()
		if toldAll {
			// fails only if it has ended, or is closing
			_ = w.from.CloseAfterFlush()
		} else {
			_ = w.from.Abort() // fails only if it has ended
		}
	}
}

// endWasTold reports whether the connection has ended in a way that makes the
// error of a future not a lost error.
func (c *Conn) endWasTold() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.life.told() || c.life.ending == endingAsked // it may be closing
}

// way is one direction of a Pipe. One goroutine uses it.
type way struct {
	from, to *Conn
	moved    int64
	reading  bool  // a Read of from is in progress
	bulk     bool  // the last data was large
	copies   bool  // it cannot be spliced
	refused  bool  // writing has failed because the peer of to has gone
	err      error // why it ends: errEOF at from's end
	state    wayState
}

// wayState is the progress of a way. The pipe's lock guards it.
type wayState uint8

const (
	// wayMoves moves data.
	wayMoves wayState = iota
	// wayWhole has moved everything, and passed the end on.
	wayWhole
	// wayRefused drops data, because the peer at its end has gone. What that
	// peer has sent before is still moved.
	wayRefused
	// wayCut has ended with another error.
	wayCut
)

// bulkRead is the least amount of data at a time for which splicing is worth
// two files and some kernel memory.
const bulkRead = 32 << 10

// run moves all data, and passes the end on.
func (w *way) run() error {
	for w.err == nil {
		switch {
		case !w.begin(): // it has failed, or data was read ahead
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

// begin begins a Read of from. It reports false if that fails, and if data was
// read ahead, which is moved first.
func (w *way) begin() bool {
	if !w.reading && w.err == nil {
		var over bool
		_, over, w.err = w.from.readBegins(nil)
		w.reading = !over
	}
	return w.reading
}

// ends ends the Read, with its result.
func (w *way) ends(n int, err error) {
	w.reading = false
	if w.err = w.from.readOver(n, err); w.err == errLookAgain {
		w.err = nil
	}
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

// copy moves data through a buffer, which it holds only while there is data in
// it. It returns when reading has ended, writing has failed, or it is time to
// splice.
func (w *way) copy() {
	err := w.from.source().pump(w.deliver, w.begin)
	// otherwise it came with the last data, and comes again
	if err != nil && w.reading {
		w.ends(0, err)
	}
}

// deliver writes what was read. It reports whether to continue reading.
func (w *way) deliver(data []byte) bool {
	if w.reading {
		w.ends(len(data), nil)
	} else {
		w.from.received(len(data)) // TLS delivers one read in several parts
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
		w.fails(err)
	}
}

// fails ends the way because writing has failed.
func (w *way) fails(err error) {
	w.err = err
	w.refused = errors.Is(err, aio.ErrReset)
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
