package tcp

import (
	"net"
	"os"
	"syscall"
)

// bareListener accepts bare connections from a listening socket. It waits for
// them on a duplicate of the listener's descriptor, because only the listener's
// Accept can wait on the original.
type bareListener struct {
	file *os.File
	raw  syscall.RawConn
}

// listenBare returns a bareListener for ln, nil if ln is not a system socket.
func listenBare(ln net.Listener) *bareListener {
	var file *os.File
	var err error
	switch ln := ln.(type) {
	case *net.TCPListener:
		file, err = ln.File()
	case *net.UnixListener:
		file, err = ln.File()
	default:
		return nil
	}
	// for example, out of descriptors: Go's way of accepting still works
	if err != nil {
		return nil
	}
	raw, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil
	}
	if _, ok := ln.(*net.TCPListener); ok {
		_ = raw.Control(func(fd uintptr) { tune(int(fd)) }) // it is open
	}
	return &bareListener{file, raw}
}

// keepAlive is the time in seconds between keep-alive probes, and before the
// first, as in package net.
const keepAlive = 15

// tune sets the options that package net sets for each connection: accepted
// sockets inherit them from the listening one. Like package net, it ignores
// errors.
func tune(fd int) {
	for _, o := range [][3]int{
		{syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1},
		{syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, 1},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, keepAlive},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, keepAlive},
		{syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, 9},
	} {
		_ = syscall.SetsockoptInt(fd, o[0], o[1], o[2])
	}
}

// acceptBare takes a connection from a listening socket's queue. It is a
// variable for tests.
var acceptBare = syscall.Accept4

// accept waits for a connection. Its operation has not begun yet.
func (l *bareListener) accept(opts *connOptions) (*Conn, error) {
	var fd int
	var peer syscall.Sockaddr
	var err error
	waitErr := l.raw.Read(func(lfd uintptr) bool {
		for {
			fd, peer, err = acceptBare(int(lfd), syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
			switch err { //nolint:errorlint // system calls return it bare
			case syscall.EINTR, syscall.ECONNABORTED:
				continue
			case syscall.EAGAIN:
				return false
			}
			return true
		}
	})
	if waitErr != nil {
		return nil, net.ErrClosed
	}
	if err != nil {
		return nil, os.NewSyscallError("accept4", err)
	}
	c := &Conn{opts: opts}
	c.bare.socket = bareOpen
	c.bare.fd.Store(int32(fd))
	c.setPeer(peer)
	return c, nil
}

// close ends accepting.
func (l *bareListener) close() { l.file.Close() }

// singleAddr returns the listener's address if it is also the local address of
// all its connections.
func singleAddr(ln net.Listener) net.Addr {
	if a, ok := ln.Addr().(*net.TCPAddr); ok && a.IP.IsUnspecified() {
		return nil
	}
	return ln.Addr()
}
