package memnet

import (
	"syscall"
)

// Close ends the connection; it does not block. The peer reads what is still
// buffered, then io.EOF. If this end has unread data, or after SetLinger(0),
// Close is an Abort. A second call returns net.ErrClosed.
func (c *Conn) Close() error { return c.close(false) }

// Abort ends the connection at once with a reset: what the peer has not read is
// lost, and its Read and Write fail with syscall.ECONNRESET. After Close it
// returns net.ErrClosed and does nothing.
func (c *Conn) Abort() error { return c.close(true) }

func (c *Conn) close(reset bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.open(); err != nil {
		return c.wrap("close", err)
	}
	c.closed = true
	c.rdl.stop()
	c.wdl.stop()
	if reset || c.linger0 || c.rx.buf.n > 0 || c.rx.lost {
		c.reset()
		return nil
	}
	c.tx.finish()
	c.rx.gone = true
	c.rx.drop()
	return nil
}

// reset fails both directions. A peer that has already seen the end of ours
// gets EPIPE from its writes, as from a TCP connection in CLOSE-WAIT.
func (c *Conn) reset() {
	werr := syscall.ECONNRESET
	if c.tx.fin {
		werr = syscall.EPIPE
	}
	c.rx.reset(werr)
	c.tx.reset(syscall.ECONNRESET)
}

// CloseWrite ends this end's direction; it does not block. The peer reads what
// is still buffered, then io.EOF; it may go on writing. A Write after it fails
// with syscall.EPIPE. Calling it again changes nothing. Errors: net.ErrClosed,
// and syscall.ENOTCONN after a reset.
func (c *Conn) CloseWrite() error {
	return c.shutdown(c.tx.finish)
}

// CloseRead ends the peer's direction for this end only; it does not block.
// Buffered data is lost, and Read returns io.EOF. The peer is not told: its
// writes succeed and are discarded. If any bytes were discarded, Close becomes
// an Abort. Errors are those of CloseWrite.
func (c *Conn) CloseRead() error {
	return c.shutdown(func() {
		c.rx.deaf = true
		c.rx.drop()
	})
}

func (c *Conn) shutdown(side func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.open()
	if err == nil && c.tx.werr != nil {
		err = syscall.ENOTCONN
	}
	if err != nil {
		return opError("close", "shutdown", c.local, c.remote, err)
	}
	side()
	return nil
}

// SetLinger with 0 makes Close an Abort. With any other number of seconds
// Close is as usual: it never waits, since there is no network to wait for.
// Its only error is net.ErrClosed.
func (c *Conn) SetLinger(sec int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.open(); err != nil {
		return opError("set", "setsockopt", c.local, c.remote, err)
	}
	c.linger0 = sec == 0
	return nil
}
