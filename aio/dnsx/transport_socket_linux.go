package dnsx

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
)

// socket is a connected UDP socket for one query. It does what a net.UDPConn
// does with fewer system calls: nobody asks for its addresses, and it is not
// read before there may be something. That is a seventh of a query's CPU time.
type socket struct {
	*os.File
	raw    syscall.RawConn
	remote netip.AddrPort

	out, in []byte // to be sent, and room for what comes; only one goroutine at a time uses a socket
	n       int
	err     error
}

// openSocket returns a socket connected to an address. With a zone in it, it is
// left to package net.
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

// exchange sends a message and reads one, in one go: with the poller made ready
// before the message is sent, there is no need to try and read at once.
func (s *socket) exchange(out, in []byte) (n int, err error) {
	s.out, s.in = out, in
	return s.result(s.raw.Read(s.step))
}

// Read reads a message.
func (s *socket) Read(in []byte) (n int, err error) {
	s.in = in
	return s.result(s.raw.Read(s.step))
}

// step does what can be done without waiting. It reports whether that is all.
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

// result is what a read brought, unless waiting for it failed.
func (s *socket) result(wait error) (int, error) {
	if wait != nil {
		return 0, &net.OpError{Op: "read", Net: "udp", Addr: s.RemoteAddr(), Err: wait}
	}
	if s.err != nil {
		return 0, &net.OpError{Op: "read", Net: "udp", Addr: s.RemoteAddr(), Err: os.NewSyscallError("read", s.err)}
	}
	return s.n, nil
}

// The rest of net.PacketConn.

func (s *socket) ReadFrom(p []byte) (int, net.Addr, error) {
	n, err := s.Read(p)
	return n, s.RemoteAddr(), err
}

func (s *socket) WriteTo(p []byte, _ net.Addr) (int, error) { return s.Write(p) }
func (s *socket) LocalAddr() net.Addr                       { return nil }
func (s *socket) RemoteAddr() net.Addr                      { return net.UDPAddrFromAddrPort(s.remote) }

var (
	_ net.Conn       = (*socket)(nil)
	_ net.PacketConn = (*socket)(nil)
)
