package dnsserver

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/netip"
)

// The indexes of Server.addrs.
const (
	portPlain = iota
	portOther
	portTLS
	portHTTPS
)

// quiet discards net/http's messages about clients that disconnect.
var quiet = log.New(io.Discard, "", 0)

// listen opens all listeners. The caller holds the mutex.
func (s *Server) listen() error {
	host := s.Host
	if host == "" {
		host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return fmt.Errorf("dnsserver: Host %q is not an IP address: %w", host, err)
	}
	l, err := s.listenPlain(ip)
	if err != nil {
		return err
	}
	s.spawnLocked(func() { s.serveUDP(s.udp) })
	s.spawnLocked(func() { s.serveStreams(l, TCP) })
	if s.TLS {
		l, err := s.listenTCP(portTLS, ip, 0)
		if err != nil {
			return err
		}
		s.spawnLocked(func() { s.serveStreams(l, TLS) })
	}
	if s.HTTPS {
		l, err := s.listenTCP(portHTTPS, ip, 0)
		if err != nil {
			return err
		}
		s.spawnLocked(func() { s.serveWeb(l) })
	}
	return nil
}

// listenPlain opens UDP and TCP on the same port, and the port for OtherPort.
func (s *Server) listenPlain(ip netip.Addr) (l net.Listener, err error) {
	at := net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, 0))
	if s.other, err = net.ListenUDP("udp", at); err != nil {
		return nil, err
	}
	s.keep(s.other)
	s.addrs[portOther] = s.other.LocalAddr().String()
	for range 100 { // a port that is free for UDP may be taken for TCP
		if s.udp, err = net.ListenUDP("udp", at); err != nil {
			return nil, err
		}
		port := s.udp.LocalAddr().(*net.UDPAddr).AddrPort().Port()
		if l, err = s.listenTCP(portPlain, ip, port); err == nil {
			// Thousands of clients may ask at once. The system may set less.
			_ = s.udp.SetReadBuffer(4 << 20)
			s.keep(s.udp)
			return l, nil
		}
		s.udp.Close()
	}
	return nil, fmt.Errorf("dnsserver: no port is free for both UDP and TCP: %w", err)
}

// listenTCP opens a listener.
func (s *Server) listenTCP(place int, ip netip.Addr, port uint16) (net.Listener, error) {
	l, err := net.Listen("tcp", netip.AddrPortFrom(ip, port).String())
	if err != nil {
		return nil, err
	}
	s.keep(l)
	s.addrs[place] = l.Addr().String()
	return l, nil
}

// serveStreams serves the connections of a listener until it is closed.
func (s *Server) serveStreams(l net.Listener, transport Transport) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // the client has disconnected
		}
		s.serveConn(c, transport)
	}
}

// serveConn serves a connection in a goroutine.
func (s *Server) serveConn(c net.Conn, transport Transport) {
	if transport == TLS {
		c = tls.Server(c, s.serverTLS())
	}
	if s.track(c) {
		s.spawn(func() { s.serveStream(c, transport) })
	}
}

// serveUDP answers datagrams until the socket is closed.
func (s *Server) serveUDP(c *net.UDPConn) {
	server := c.LocalAddr().String()
	buf := make([]byte, maxMessage)
	for {
		n, client, err := c.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // some systems report that a client's port is unreachable
		}
		client = netip.AddrPortFrom(client.Addr().Unmap(), client.Port())
		p := s.plan(buf[:n], origin{UDP, server, client})
		if p == nil {
			continue
		}
		s.after(p.delay, func() {
			from := s.udp
			if p.other {
				from = s.other
			}
			for _, m := range p.messages {
				// a datagram may be lost
				_, _ = from.WriteToUDPAddrPort(m, client)
			}
			if p.right != nil {
				_, _ = s.udp.WriteToUDPAddrPort(p.right, client)
			}
		})
	}
}
