package dnsserver

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
)

// stream is a TCP or TLS connection. Each message follows its length. Queries
// are answered in any order (RFC 7766).
type stream struct {
	conn net.Conn
	mu   sync.Mutex // held while a plan's messages are sent
}

// serveStream answers the queries of a connection until it ends.
func (s *Server) serveStream(c net.Conn, transport Transport) {
	defer s.drop(c)
	from := origin{transport, c.LocalAddr().String(), addrPort(c.RemoteAddr())}
	st := &stream{conn: c}
	var size [2]byte
	for {
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		msg := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, msg); err != nil {
			return
		}
		if p := s.plan(msg, from); p != nil {
			s.after(p.delay, func() { st.carryOut(p) })
		}
	}
}

// carryOut sends a plan's messages. If that fails, serveStream ends.
func (st *stream) carryOut(p *plan) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, m := range p.messages {
		st.send(m, p.length, p.half)
	}
	if p.right != nil {
		st.send(p.right, nil, false)
	}
	switch {
	case p.reset:
		reset(st.conn)
	case p.hangup:
		st.conn.Close()
	}
}

// send sends a message and its length in one write.
func (st *stream) send(m []byte, length *uint16, half bool) {
	n := uint16(min(len(m), maxMessage))
	if length != nil {
		n = *length
	}
	if half {
		m = m[:len(m)/2]
	}
	// serveStream sees the error
	_, _ = st.conn.Write(append(binary.BigEndian.AppendUint16(nil, n), m...))
}

// reset closes a connection by a reset.
func reset(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if l, ok := c.(interface{ SetLinger(sec int) error }); ok {
		_ = l.SetLinger(0) // it fails only on a closed connection
	}
	c.Close()
}

// addrPort returns the address of a client, or a zero one if it is unknown.
func addrPort(a net.Addr) netip.AddrPort {
	if a, ok := a.(interface{ AddrPort() netip.AddrPort }); ok {
		ap := a.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}
