//go:build !linux

package tcp

import "net"

// lastBacklog accepts the queued connections of a listener that is about to be
// closed. The system resets those that arrive between this and the close.
func (l *listening) lastBacklog() []net.Conn { return backlog(l.ln) }
