//go:build !linux

package transport

import (
	"net"
	"net/netip"
)

// socket is a connected UDP socket for one query.
type socket struct{ *net.UDPConn }

// openSocket returns a socket connected to an address.
func openSocket(to netip.AddrPort) (net.Conn, error) {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		return nil, err
	}
	return &socket{c}, nil
}

// exchange sends a message and reads one.
func (s *socket) exchange(out, in []byte) (int, error) {
	if _, err := s.Write(out); err != nil {
		return 0, err
	}
	return s.Read(in)
}
