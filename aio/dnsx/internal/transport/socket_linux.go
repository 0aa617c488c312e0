package transport

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
)

// socket is a connected UDP socket for one query. It takes fewer system calls
// than a net.UDPConn: it does not get its addresses from the system, and does
// not read before there can be an answer.
type socket struct {
	*os.File
	raw    syscall.RawConn
	remote netip.AddrPort

	// Only one goroutine at a time uses a socket.
	out, in []byte // to be sent; room for what comes
	n       int
	err     error
}

// openSocket returns a socket connected to an address. For an address with a
// zone, that is a net.UDPConn.
func openSocket(to netip.AddrPort) (net.Conn, error) {
	var sa syscall.Sockaddr
	family := syscall.AF_INET
	switch a := to.Addr().Unmap(); {
	case a.Zone() != "":
		return net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	case a.Is4():
		sa = &syscall.SockaddrInet4{Port: int(to.Port()), Addr: a.As4()}
	default:
		sa = &syscall.SockaddrInet6{Port: int(to.Port()), Addr: a.As16()}
		family = syscall.AF_INET6
	}
	fd, err := syscall.Socket(family, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := syscall.Connect(fd, sa); err != nil {
		syscall.Close(fd)
		return nil, os.NewSyscallError("connect", err)
	}
	f := os.NewFile(uintptr(fd), "udp")
	raw, err := f.SyscallConn()
	if err != nil {
		f.Close()
		return nil, err
	}
	return &socket{File: f, raw: raw, remote: to}, nil
}

// exchange sends a message and reads one. It sends within the runtime's wait
// for readability, which was prepared before, and so need not try to read at
// once.
func (s *socket) exchange(out, in []byte) (n int, err error) {
	s.out, s.in = out, in
	return s.result(s.raw.Read(s.step))
}

// Read reads a message.
func (s *socket) Read(in []byte) (n int, err error) {
	s.in = in
	return s.result(s.raw.Read(s.step))
}

// step sends, or reads without waiting. It reports whether it is done.
func (s *socket) step(fd uintptr) bool {
	if s.out != nil {
		_, s.err = syscall.Write(int(fd), s.out)
		s.out = nil
		return s.err != nil
	}
	for {
		s.n, s.err = syscall.Read(int(fd), s.in)
		if !errors.Is(s.err, syscall.EINTR) {
			return !errors.Is(s.err, syscall.EAGAIN)
		}
	}
}

// result returns what step read. wait is the error of waiting for it.
func (s *socket) result(wait error) (int, error) {
	if wait != nil {
		return 0, &net.OpError{Op: "read", Net: "udp", Addr: s.RemoteAddr(), Err: wait}
	}
	if s.err != nil {
		return 0, &net.OpError{Op: "read", Net: "udp", Addr: s.RemoteAddr(), Err: os.NewSyscallError("read", s.err)}
	}
	return s.n, nil
}

// ReadFrom is Read, and returns the remote address.
func (s *socket) ReadFrom(p []byte) (int, net.Addr, error) {
	n, err := s.Read(p)
	return n, s.RemoteAddr(), err
}

// WriteTo is Write.
func (s *socket) WriteTo(p []byte, _ net.Addr) (int, error) { return s.Write(p) }

// LocalAddr returns nil: a query does not need it.
func (s *socket) LocalAddr() net.Addr { return nil }

// RemoteAddr returns the server's address.
func (s *socket) RemoteAddr() net.Addr { return net.UDPAddrFromAddrPort(s.remote) }

var (
	_ net.Conn       = (*socket)(nil)
	_ net.PacketConn = (*socket)(nil)
)
