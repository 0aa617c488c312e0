//go:build !unix

package tcp

import "net"

// backlog accepts what is in a listener's queue.
func backlog(ln net.Listener) []net.Conn { return backlogOther(ln) }

// refuseOne does nothing: here there is no such thing as too many open files.
func refuseOne(net.Listener) {}

// maxOpenFiles returns how many files the process may have open: here there is
// no such limit worth keeping to.
func maxOpenFiles() int { return 0 }
