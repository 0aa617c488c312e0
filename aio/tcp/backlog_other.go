//go:build !unix

package tcp

import "net"

// backlog accepts what is in a listener's queue.
func backlog(ln net.Listener) []net.Conn { return backlogTimed(ln) }

// maxOpenFiles returns how many files the process may have open: here there is no such limit worth keeping to.
func maxOpenFiles() int { return 0 }
