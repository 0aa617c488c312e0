package memnet

// PeerEnded blocks until the peer has ended its direction, or the connection
// broke, whether or not its data was read. It consumes nothing. It reports
// whether the connection is over in both directions. Its only error is
// net.ErrClosed, once this end is closed.
func (c *Conn) PeerEnded() (over bool, err error) {
	return c.awaitEnd(func() bool { return c.rx.fin })
}

// PeerReset is PeerEnded, but continues to block while the peer has only ended
// its direction.
func (c *Conn) PeerReset() error {
	_, err := c.awaitEnd(func() bool { return false })
	return err
}

func (c *Conn) awaitEnd(ended func() bool) (over bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if err := c.open(); err != nil {
			return false, c.wrap("wait", err)
		}
		over = c.rx.rerr != nil || c.tx.werr != nil
		if over || ended() {
			return over, nil
		}
		c.rx.bell.Wait(c.mu)
	}
}
