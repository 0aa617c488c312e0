//go:build !linux

package tcp

// awaitSent does nothing: these systems do not report what the peer's system
// has received.
func (c *Conn) awaitSent() {}
