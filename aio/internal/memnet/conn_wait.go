package memnet

import (
	"net"
	"os"
)

// All of these want the link's mutex held.

// open returns net.ErrClosed once this end is closed.
func (c *Conn) open() error {
	if c.closed {
		return net.ErrClosed
	}
	return nil
}

// writable returns the error that keeps a write from even trying.
func (c *Conn) writable() error {
	if err := c.open(); err != nil {
		return err
	}
	if c.wdl.passed() {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// await waits for news of s. It returns an error if there is no point in
// looking: this end is closed, or the deadline d had passed before. Whatever
// else comes together with the deadline is thus seen first.
func (c *Conn) await(s *stream, d *deadline) error {
	if d.passed() {
		return os.ErrDeadlineExceeded
	}
	s.bell.Wait(c.mu)
	return c.open()
}

// takeTurn waits until no other Write is under way.
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

// endTurn lets the next Write go on.
func (c *Conn) endTurn() {
	c.writing = false
	c.tx.bell.Ring()
}

// wrap makes err what a net.Conn returns from the named call.
func (c *Conn) wrap(op string, err error) error {
	return opError(op, op, c.local, c.remote, err)
}

// push sends what fits. Who waits for a reset learns of one that this causes.
func (c *Conn) push(p []byte) (int, error) {
	n, err := c.tx.push(p)
	if c.tx.gone && c.tx.werr != nil {
		c.rx.bell.Ring()
	}
	return n, err
}
