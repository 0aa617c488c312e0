//go:build !unix

package tcp

import "net"

// backlog accepts the connections in a listener's queue.
func backlog(ln net.Listener) []net.Conn { return backlogOther(ln) }

// refuseOne does nothing: these systems have no error for too many open files.
func refuseOne(net.Listener) {}

// maxOpenFiles returns how many files the process may have open. These systems
// have no such limit that matters.
func maxOpenFiles() int { return 0 }
