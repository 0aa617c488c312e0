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

// errHandled is the error of Read on a connection that has a handler.
var errHandled = errors.New("tcp: the connection has a Handler, which gets its data (SetHandler(Handler{}) removes it)")

// errShaking is the error of reading and writing while TLS is being started.
var errShaking = errors.New("tcp: TLS is being started on the connection")

// reads is the state of stream style, and the data that was read ahead. The
// connection's lock guards it.
type reads struct {
	// read and not delivered: it is returned before further data
	ahead    []byte
	lent     []byte // the part of ahead that the handler is now called with
	underWay int    // Reads in progress, and an open Chunks
	waiting  int    // Reads that may wait in the transport
	// a Read takes available data; no other may wait meanwhile
	looking  bool
	drained  bool     // a drain has ended the transport's Reads
	cuts     int      // number of cancelled Chunks that make Reads end
	deadline deadline // of Read
	failed   error    // why Read has failed for good; a new handler is told
	cut      error    // the reset that a write has seen; reading sees an end
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

// Read reads from the connection. It blocks until there is data, the read
// deadline or idle timeout has passed, or the connection ends; with DrainReads
// also until the loop drains. At the peer's end it returns a bare io.EOF; every
// other error is an *aio.ConnError. On a connection with a Handler it fails;
// while a removed handler is still running it waits.
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

// errLookAgain means that a Read was woken because the loop drains, and must
// read available data once more.
var errLookAgain = errors.New("tcp: the loop drains")

// readOver ends a Read, whose result is n and err, and returns its error, or
// errLookAgain.
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

// stream returns the transport of Read and Write. For a bare connection it is
// the socket that it has become.
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

// woken reports whether a read ended because its deadline has passed, and
// clears the deadline. If that fails, the transport has ended because it took
// too long: it may itself be a connection of this package.
func (c *Conn) woken(err error) bool {
	return isWake(err) && c.transport().SetReadDeadline(noTime) == nil
}

// readBegins waits until a removed handler has left the connection, and begins
// a Read. The Read is over at once if it fails, and if data was read ahead: no
// other byte may be returned before that, whatever the deadline. A Read that
// must not wait reads available data ahead.
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

// takeAhead copies data that was read ahead to p.
func (r *reads) takeAhead(p []byte) int {
	n := copy(p, r.ahead)
	if r.ahead = r.ahead[n:]; len(r.ahead) == 0 {
		r.ahead = nil
	}
	return n
}

// readEnds ends a Read, whose result is n and err. It reports whether the
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

// readMet records the end of reading, if err is one. The lock is held.
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
// deadline only fails the call.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline sets the deadline of Read; the zero time means none. It does
// not apply to a Handler.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.ended() {
		return c.endError("set deadline")
	}
	c.extra().reads.deadline.set(t)
	return c.boundReads()
}

// boundReads sets Read's deadline on the transport, if there may be Reads. The
// lock is held.
func (c *Conn) boundReads() error {
	r := &c.peek().reads
	switch {
	case c.in.engaged() || !c.life.open():
		return nil
	case r.looking: // it ends at once, and calls boundReads
		return nil
	case r.cuts > 0:
		return c.transport().SetReadDeadline(bell.Past)
	case c.readsDrain():
		c.extra().reads.drained = true
		return c.transport().SetReadDeadline(bell.Past)
	}
	return c.transport().SetReadDeadline(r.deadline.at)
}

// SetWriteDeadline sets the deadline of Write; the zero time means none. It
// does not apply to data queued by Send.
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
