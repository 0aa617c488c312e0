package tcp

// Unread puts p, which it copies, in front of what is read from the connection next, by whatever way: for a protocol that
// has read more than was its own, and hands the connection on. Nobody may be reading meanwhile. On a connection that has
// ended it does nothing.
func (c *Conn) Unread(p []byte) {
	if len(p) > 0 {
		c.unread(p)
	}
}
