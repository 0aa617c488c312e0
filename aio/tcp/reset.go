package tcp

import (
	"errors"
	"syscall"
)

// The system reports a reset once, to a read or a write, whichever comes first.
// A later read then sees what looks like the peer's end, although the stream
// was cut.

// writeMet records how writing has failed. The lock is held.
func (c *Conn) writeMet(err error) {
	if err != nil && errors.Is(err, syscall.ECONNRESET) {
		c.extra().reads.cut = err
	}
}

// bulkMet returns the error for writeMet after splice or sendfile returned err:
// if they meet a reset after they have moved data they return no error, and the
// next time that the pipe is broken.
func (c *Conn) bulkMet(err error) error {
	if errors.Is(err, syscall.EPIPE) && c.network() == "tcp" {
		return syscall.ECONNRESET
	}
	return err
}

// endOrCut returns err, the error of a read. If err is an end that hides a
// reset that another read or write has seen, it returns the reset. The lock is
// held.
func (c *Conn) endOrCut(err error) error {
	if !c.looksEnded(err) {
		return err
	}
	r := &c.peek().reads
	switch {
	case r.failed != nil:
		return r.failed
	case r.cut != nil:
		return r.cut
	}
	return err
}

// looksEnded reports whether err may hide a reset that another read or write
// has seen. TLS knows its own end. The lock is held.
func (c *Conn) looksEnded(err error) bool {
	if c.layer() != nil {
		return errors.Is(err, errTruncated)
	}
	return isEOF(err) && c.in.peer == peerOpen
}

// endRead is endOrCut for stream style, in which another goroutine's write may
// just have seen the reset. On a connection that is closing, whose data is
// dropped, the end does not count either. The lock is not held.
func (c *Conn) endRead(err error) error {
	if !isEOF(err) && !errors.Is(err, errTruncated) {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.awaitWriter(err)
	if !c.life.open() {
		return c.endError("read")
	}
	return c.endOrCut(err)
}

// awaitWriter waits until the writer that owns the stream has recorded how
// writing has failed, if err, the error of a read, may hide the reset that the
// writer saw. That does not take long: a write fails at once. The lock is held;
// it is released while waiting.
func (c *Conn) awaitWriter(err error) {
	for c.life.open() && c.looksEnded(err) && c.writerCut() {
		free, done := c.extra().free.C(), c.doneLocked()
		c.stepAside()
		c.unlocked(func() {
			select {
			case <-free:
			case <-done:
			}
		})
	}
}
