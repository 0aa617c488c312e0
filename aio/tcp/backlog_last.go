//go:build !linux

package tcp

import "net"

// lastBacklog accepts what is in the queue of a listener that is about to be
// closed. The system resets what comes between this and the close.
func (l *listening) lastBacklog() []net.Conn { return backlog(l.ln) }
