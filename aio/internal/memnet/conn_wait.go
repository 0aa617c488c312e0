package memnet

import (
	"net"
	"os"
)

// The link's mutex must be held for all functions in this file.

// open returns net.ErrClosed once this end is closed.
func (c *Conn) open() error {
	if c.closed {
		return net.ErrClosed
	}
	return nil
}

// writable returns the error with which every write fails, if there is one.
func (c *Conn) writable() error {
	if err := c.open(); err != nil {
		return err
	}
	if c.wdl.passed() {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// await waits for a change of s. It returns an error if a change does not
// matter: this end is closed, or the deadline d had passed before. So a change
// that comes together with the deadline is seen first.
func (c *Conn) await(s *stream, d *deadline) error {
	if d.passed() {
		return os.ErrDeadlineExceeded
	}
	s.bell.Wait(c.mu)
	return c.open()
}

// takeTurn waits until no other Write is in progress.
func (c *Conn) takeTurn() error {
	err := c.writable()
	for err == nil && c.writing {
		err = c.await(c.tx, &c.wdl)
	}
	if err == nil {
		c.writing = true
	}
	return err
}

// endTurn lets the next Write begin.
func (c *Conn) endTurn() {
	c.writing = false
	c.tx.bell.Ring()
}

// wrap returns err as a net.Conn returns it from the named call.
func (c *Conn) wrap(op string, err error) error {
	return opError(op, op, c.local, c.remote, err)
}

// push sends what fits. If this causes a reset, it wakes those that wait for
// one.
func (c *Conn) push(p []byte) (int, error) {
	n, err := c.tx.push(p)
	if c.tx.gone && c.tx.werr != nil {
		c.rx.bell.Ring()
	}
	return n, err
}
