package tcp

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"time"

	"goaio.example/aio/internal/bell"
)

// errEOF is io.EOF, which Read returns bare.
var errEOF = io.EOF

// errHandled is the error of Read on a connection whose data goes to a handler.
var errHandled = errors.New("tcp: the connection has a Handler, which is given its data (SetHandler(Handler{}) gives it up)")

// errShaking is the error of reading and writing while TLS is being started.
var errShaking = errors.New("tcp: TLS is being started on the connection")

// reads is the state of stream style, and what was read ahead. The connection's
// lock guards it.
type reads struct {
	ahead    []byte   // read and not delivered: it comes before what is read next
	lent     []byte   // what a handler is given now of what was ahead
	underWay int      // Reads under way, and a Chunks that is open
	waiting  int      // Reads that may wait in the transport
	looking  bool     // a Read looks what is there; none may wait meanwhile
	drained  bool     // a drain has had the transport's Reads end
	cuts     int      // those who have Reads end: a Chunks that was cancelled
	deadline deadline // of Read
	failed   error    // why a Read has failed for good; a handler that comes is told
	cut      error    // the reset that a write was told of; reading meets what looks like an end
	chunkErr error    // why the channel of Chunks was closed
}

// putBack puts p in front of what was read ahead. It copies p, unless p is the
// end of what was ahead before.
func (r *reads) putBack(p []byte) {
	skip := len(r.lent) - len(p)
	switch {
	case len(p) == 0:
	case len(r.ahead) == 0 && skip >= 0 && &r.lent[skip] == &p[0]:
		r.ahead = p
	default:
		r.ahead = append(bytes.Clone(p), r.ahead...)
	}
}

// Read reads from the connection, blocking until there is something, the read
// deadline or idle timeout has passed, or the connection ends; with DrainReads
// also until the loop drains. The peer's end is a bare io.EOF; every other
// error is an *aio.ConnError. On a connection with a Handler it fails; while a
// handler that was given up is still running it waits.
func (c *Conn) Read(p []byte) (int, error) {
	n, over, err := c.readBegins(p)
	if over {
		return n, err
	}
	if l := c.layer(); l != nil {
		n, err = l.Read(p)
	} else {
		n, err = c.stream().Read(p)
	}
	if err = c.readOver(n, err); err == errLookAgain {
		return c.Read(p)
	}
	return n, err
}

// errLookAgain says that a Read was woken because the loop drains, and reads
// once more what is there.
var errLookAgain = errors.New("tcp: the loop drains")

// readOver ends a Read, which brought n bytes and err, and returns its error,
// or errLookAgain.
func (c *Conn) readOver(n int, err error) error {
	err = c.endRead(err)
	handled := c.readEnds(n, err)
	switch {
	case err == nil:
		return nil
	case isEOF(err):
		return errEOF
	case handled && isWake(err):
		err = errHandled
	case n == 0 && isWake(err) && c.drainWoke():
		return errLookAgain
	}
	return c.failure("read", err)
}

// stream is the transport of Read and Write: a bare connection's is the socket
// that it has become.
func (c *Conn) stream() transport {
	if p := c.peek().promoted.Load(); p != nil {
		return p.transport
	}
	return c.transport()
}

// isEOF reports whether reading ended with the peer's end.
func isEOF(err error) bool { return errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) }

// isWake reports whether a read ended because its deadline has passed.
func isWake(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// woken reports whether a read ended because its deadline has passed, and takes
// that back. Where that cannot be done the transport has ended, because it took
// too long: it may be another connection that this one is laid over.
func (c *Conn) woken(err error) bool {
	return isWake(err) && c.transport().SetReadDeadline(noTime) == nil
}

// readBegins waits until a handler that was given up has left the connection,
// and begins a Read. The Read is over at once if it fails, and if something was
// read ahead: no other byte may come before that, whatever the deadline. One
// that is not to wait reads ahead what is there.
func (c *Conn) readBegins(p []byte) (n int, over bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := c.extra()
	r := &x.reads
	for {
		for c.life.open() && (c.in.style == leavingStyle || r.looking) && r.cuts == 0 && !r.deadline.passed() {
			x.left.WaitOr(&c.mu, r.deadline.wait(&c.mu))
		}
		switch {
		case !c.life.open():
			return 0, true, c.endError("read")
		case r.cuts > 0 || c.in.style == leavingStyle || r.looking:
			return 0, true, c.condition("read", os.ErrDeadlineExceeded)
		case c.in.engaged():
			return 0, true, c.condition("read", errHandled)
		case x.upgrade != nil:
			return 0, true, c.condition("read", errShaking)
		case len(r.ahead) > 0 && r.deadline.passed():
			return 0, true, c.condition("read", os.ErrDeadlineExceeded)
		case len(r.ahead) > 0 || len(p) == 0 && c.readsDrain():
			return r.takeAhead(p), true, nil
		case !c.readsDrain() || r.deadline.passed():
			r.underWay++
			r.waiting++
			c.readingBegins()
			c.drainsLater()
			return 0, false, nil
		}
		if err := c.readNow(); err != nil {
			return 0, true, err
		}
	}
}

// takeAhead reads what was read ahead.
func (r *reads) takeAhead(p []byte) int {
	n := copy(p, r.ahead)
	if r.ahead = r.ahead[n:]; len(r.ahead) == 0 {
		r.ahead = nil
	}
	return n
}

// readEnds ends a Read, which brought n bytes and err. It reports whether the
// connection has a handler now, which waits for that.
func (c *Conn) readEnds(n int, err error) (handled bool) {
	if n > 0 {
		c.received(n)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readMet(err)
	r := &c.extra().reads
	if r.waiting--; r.waiting == 0 {
		c.lookAgain()
	}
	c.readerLeaves()
	return c.in.engaged()
}

// readMet notes how reading has ended, if it has. The lock is held.
func (c *Conn) readMet(err error) {
	switch {
	case err == nil || isWake(err):
	case isEOF(err):
		c.peerEnds()
	default:
		c.extra().reads.failed = err
	}
}

// readerLeaves uncounts a Read, or a Chunks. The lock is held.
func (c *Conn) readerLeaves() {
	r := &c.extra().reads
	if r.underWay--; r.underWay == 0 && c.in.engaged() {
		c.resume()
	}
}

// SetDeadline sets the deadlines of Read and Write. Unlike an idle timeout, a
// deadline that passes only fails the call.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline sets the deadline of Read; the zero time is none. It does not
// bound a Handler.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.ended() {
		return c.endError("set deadline")
	}
	c.extra().reads.deadline.set(t)
	return c.boundReads()
}

// boundReads has the transport keep to Read's deadline, if there may be Reads.
// The lock is held.
func (c *Conn) boundReads() error {
	r := &c.peek().reads
	switch {
	case c.in.engaged() || !c.life.open():
		return nil
	case r.looking: // which ends at once, and calls boundReads
		return nil
	case r.cuts > 0:
		return c.transport().SetReadDeadline(bell.Past)
	case c.readsDrain():
		c.extra().reads.drained = true
		return c.transport().SetReadDeadline(bell.Past)
	}
	return c.transport().SetReadDeadline(r.deadline.at)
}

// SetWriteDeadline sets the deadline of Write; the zero time is none. It does
// not bound what Send queues.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.ended() {
		return c.endError("set deadline")
	}
	c.extra().wdl.set(t)
	if c.out.stream == streamWriting {
		return c.transport().SetWriteDeadline(t)
	}
	return nil
}

var _ net.Conn = (*Conn)(nil)
