//go:build !linux

package tcp

// awaitSent waits until the peer's system has what was written, where that can
// be known.
func (c *Conn) awaitSent() {}
