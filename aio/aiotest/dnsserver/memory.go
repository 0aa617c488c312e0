package dnsserver

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"goaio.example/aio/internal/memnet"
)

// memory is the part of a server that Dial connects to.
type memory struct {
	net       *memnet.Network
	mu        sync.Mutex
	listeners map[uint16]net.Listener // by port
	last      uint16                  // client port of a datagram socket
}

// Dial connects to the server in memory. It does not need Start, uses no
// sockets, and works in a synctest bubble. It has the signature of net.Dialer's
// DialContext. The server answers on all addresses: addr is any "IP:PORT", and
// is the Server of Match and Query.
//
// For network "udp", "udp4" and "udp6", the connection keeps message
// boundaries, and is a net.PacketConn. For "tcp", "tcp4" and "tcp6", it is a
// stream. The server expects TLS on port 853 and the port of TLSAddr, HTTPS on
// port 443 and the port of HTTPSAddr, and plain DNS on all others.
//
// Dial returns a *ZoneError for an invalid Zone, and a *net.OpError otherwise,
// with net.ErrClosed after Close, the error of ctx, a *net.AddrError, or
// net.UnknownNetworkError. A server that was dialed in a bubble cannot be
// dialed outside it.
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

// dialDatagram returns a datagram socket with a new port.
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

// dialStream returns a connection, and serves its other end.
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
	// The connection is in the queue already, so that no goroutine has to wait
	// for it.
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

// listenMemory returns the listener on a port in memory. The caller holds the
// mutex.
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

// single is a listener with one connection.
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

// Close does nothing: other connections use the listener.
func (l *single) Close() error { return nil }

func hasPort(addr string, port uint16) bool {
	a, err := netip.ParseAddrPort(addr)
	return err == nil && a.Port() == port
}
