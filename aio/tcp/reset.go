package tcp

import (
	"errors"
	"syscall"
)

// The system tells of a reset once, to a read or a write, whichever comes
// first. A read that comes after that finds what looks like the peer's end,
// although the stream was cut.

// writeMet notes how writing has failed. The lock is held.
func (c *Conn) writeMet(err error) {
	if err != nil && errors.Is(err, syscall.ECONNRESET) {
		c.extra().reads.cut = err
	}
}

// bulkMet returns err, which splice or sendfile has returned, for writeMet:
// when they meet a reset after they have moved something they say nothing, and
// that the pipe is broken the next time.
func (c *Conn) bulkMet(err error) error {
	if errors.Is(err, syscall.EPIPE) && c.network() == "tcp" {
		return syscall.ECONNRESET
	}
	return err
}

// endOrCut returns err, which reading has met, or if that is an end that is
// none the reset that a write or another read was told of. The lock is held.
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

// looksEnded reports whether err may stand for a reset that another read or
// write has met. TLS knows its own end. The lock is held.
func (c *Conn) looksEnded(err error) bool {
	if c.layer() != nil {
		return errors.Is(err, errTruncated)
	}
	return isEOF(err) && c.in.peer == peerOpen
}

// endRead is endOrCut for stream style, in which a write may have been told
// just now, by another goroutine. On a connection that is closing, whose data
// is dropped, the end is none either. The lock is not held.
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

// awaitWriter waits until the writer that has the stream has noted how writing
// has failed, if err, which reading has met, may stand for the reset that it
// was told of. That does not take long: a write fails at once. The lock is
// held, but not while waiting.
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
