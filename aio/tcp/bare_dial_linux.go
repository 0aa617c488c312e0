package tcp

import (
	"net"
	"syscall"
)

// bareOf turns a connection of package net into a bare one, whose operation has
// not begun yet. It returns nil, and leaves nc alone, if that is not possible.
func bareOf(nc net.Conn, opts *connOptions) *Conn {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		return nil
	}
	fd := dup(nc.(syscall.Conn))
	if fd < 0 {
		return nil
	}
	c := &Conn{opts: opts}
	if opts.local == nil {
		c.extra().local = nc.LocalAddr()
	}
	c.bare.socket = bareOpen
	c.bare.fd.Store(int32(fd))
	c.setPeerAddr(nc.RemoteAddr())
	nc.Close() // leaves the socket open, but removes it from the Go netpoller
	return c
}

// dup duplicates the descriptor of a connection. It returns -1 on failure.
func dup(nc syscall.Conn) int {
	raw, err := nc.SyscallConn()
	if err != nil {
		return -1
	}
	dup := -1
	_ = raw.Control(func(fd uintptr) { // fails only on a closed connection
		n, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, fd, syscall.F_DUPFD_CLOEXEC, 0)
		if errno == 0 {
			dup = int(n)
		}
	})
	return dup
}
