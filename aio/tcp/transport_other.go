//go:build !unix

package tcp

import (
	"net"
	"syscall"
)

// newSocket returns nil: on these systems a socket is served like any net.Conn,
// and holds a borrowed buffer while it waits for data.
func newSocket(nc net.Conn) transport {
	if _, ok := nc.(syscall.Conn); !ok {
		return nil
	}
	return described{plain{nc}}
}

// described is a plain transport with a file descriptor, for conditions to
// name.
type described struct{ plain }

func (t described) fd() int {
	fd := -1
	raw, err := t.Conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return -1
	}
	if raw.Control(func(s uintptr) { fd = int(s) }) != nil {
		return -1
	}
	return fd
}
