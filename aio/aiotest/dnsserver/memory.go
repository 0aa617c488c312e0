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
	net       *memnet.Network
	mu        sync.Mutex
	listeners map[uint16]net.Listener // by port; nobody waits to accept
	last      uint16                  // client port of a datagram socket
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
		return s.dialStream(ctx, to)
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

// dialStream makes a connection, and serves its other end.
func (s *Server) dialStream(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	s.memory.mu.Lock()
	defer s.memory.mu.Unlock()
	l, err := s.listenMemory(to.Port())
	if err != nil {
		return nil, err
	}
	client, err := s.memory.net.DialContext(ctx, "tcp", to.String())
	if err != nil {
		return nil, err
	}
	// There it is. No goroutine has to wait for it, and so none is left when
	// the client has closed.
	c, err := l.Accept()
	if err != nil {
		client.Close()
		return nil, err
	}
	switch port := to.Port(); {
	case port == 443 || hasPort(s.HTTPSAddr(), port):
		s.serveWeb(&single{Listener: l, conn: c})
	case port == 853 || hasPort(s.TLSAddr(), port):
		s.serveConn(c, TLS)
	default:
		s.serveConn(c, TCP)
	}
	return client, nil
}

// listenMemory returns the listener on a port in memory. It wants the mutex
// held.
func (s *Server) listenMemory(port uint16) (net.Listener, error) {
	if l := s.memory.listeners[port]; l != nil {
		return l, nil
	}
	l, err := s.memory.net.Listen(fmt.Sprintf(":%d", port))
	if err != nil {
		return nil, err
	}
	if !s.track(l) {
		return nil, net.ErrClosed
	}
	if s.memory.listeners == nil {
		s.memory.listeners = map[uint16]net.Listener{}
	}
	s.memory.listeners[port] = l
	return l, nil
}

// A single is a listener with one connection.
type single struct {
	net.Listener
	conn net.Conn
}

// Accept returns the connection, and then net.ErrClosed.
func (l *single) Accept() (net.Conn, error) {
	c := l.conn
	if l.conn = nil; c == nil {
		return nil, net.ErrClosed
	}
	return c, nil
}

// Close leaves the other connections' listener alone.
func (l *single) Close() error { return nil }

func hasPort(addr string, port uint16) bool {
	a, err := netip.ParseAddrPort(addr)
	return err == nil && a.Port() == port
}
