package dnsserver

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"goaio.example/aio/internal/memnet"
)

// A memory is the side of a server that Dial connects to.
type memory struct {
	net   *memnet.Network
	mu    sync.Mutex
	ports map[uint16]bool // that are listened on
	last  uint16          // client port of a datagram socket
}

// Dial connects to the server in memory, without Start: nothing leaves the
// process, and it works inside a synctest bubble. It fits where a function like
// net.Dialer's DialContext is wanted. addr is "IP:PORT", and any will do: the
// server answers on all, and Match and Query tell them apart by Server.
//
// A connection for network "udp", "udp4" or "udp6" keeps the boundaries of
// messages and is a net.PacketConn too. One for "tcp", "tcp4" or "tcp6" is a
// stream: port 853, and that of TLSAddr, want TLS; port 443, and that of
// HTTPSAddr, want HTTPS; all others plain DNS.
//
// Errors are a *ZoneError, and a *net.OpError: net.ErrClosed after Close, the
// error of ctx, a *net.AddrError, or net.UnknownNetworkError. A server that was
// dialed inside a bubble cannot be dialed outside of it.
func (s *Server) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if err := s.init(); err != nil {
		return nil, err
	}
	c, err := s.dial(ctx, network, addr)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	return c, nil
}

func (s *Server) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, &net.AddrError{Err: "not an IP:PORT", Addr: addr}
	}
	switch network {
	case "udp", "udp4", "udp6":
		return s.dialDatagram(to)
	case "tcp", "tcp4", "tcp6":
		if err := s.listenMemory(to.Port()); err != nil {
			return nil, err
		}
		return s.memory.net.DialContext(ctx, "tcp", to.String())
	}
	return nil, net.UnknownNetworkError(network)
}

// dialDatagram makes a datagram socket with a port of its own.
func (s *Server) dialDatagram(to netip.AddrPort) (net.Conn, error) {
	s.memory.mu.Lock()
	s.memory.last = max(s.memory.last+1, 1<<15)
	local := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), s.memory.last)
	s.memory.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, net.ErrClosed
	}
	return newDatagram(s, local, to), nil
}

// listenMemory listens on a port in memory, unless it does already.
func (s *Server) listenMemory(port uint16) error {
	tlsAddr, httpsAddr := s.TLSAddr(), s.HTTPSAddr()
	s.memory.mu.Lock()
	defer s.memory.mu.Unlock()
	if s.memory.ports[port] {
		return nil
	}
	l, err := s.memory.net.Listen(fmt.Sprintf(":%d", port))
	if err != nil {
		return err
	}
	if !s.track(l) {
		return net.ErrClosed
	}
	if s.memory.ports == nil {
		s.memory.ports = map[uint16]bool{}
	}
	s.memory.ports[port] = true
	switch {
	case port == 443 || hasPort(httpsAddr, port):
		s.spawn(func() { s.serveWeb(l) })
	case port == 853 || hasPort(tlsAddr, port):
		s.spawn(func() { s.serveStreams(l, TLS) })
	default:
		s.spawn(func() { s.serveStreams(l, TCP) })
	}
	return nil
}

func hasPort(addr string, port uint16) bool {
	a, err := netip.ParseAddrPort(addr)
	return err == nil && a.Port() == port
}
