package httpx

import (
	"bytes"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
)

// preface is the first line of HTTP/2 without ALPN.
const preface = "PRI * HTTP/2.0\r\n"

// Two engines serve connections, one for each version of HTTP: h1Engine, which
// this package implements, and h2Engine, which uses net/http's server. The
// protocol negotiated by TLS, or the first bytes of a connection, select the
// engine.

// data is called with the bytes that have arrived on a connection.
func (s *Server) data(c *tcp.Conn, data []byte) {
	switch v := c.Value().(type) {
	case *h1Conn:
		v.data(data)
	case []byte:
		s.began(c, append(bytes.Clone(v), data...))
	default:
		s.began(c, data)
	}
}

// began passes a connection, on which first has arrived, to the engine of its
// version of HTTP. A connection that has sent nothing belongs to neither
// engine.
func (s *Server) began(c *tcp.Conn, first []byte) {
	h2 := false
	if state, ok := c.TLS(); ok {
		h2 = state.NegotiatedProtocol == "h2"
	} else if s.H2C {
		n := min(len(first), len(preface))
		h2 = string(first[:n]) == preface[:n]
		if h2 && n < len(preface) {
			c.SetValue(bytes.Clone(first))
			// while the server drains the connection is not idle
			c.SetBusy(true)
			return
		}
	}
	c.SetBusy(false)
	if !h2 {
		k := s.h1.take(c)
		c.SetValue(k)
		k.data(first)
		return
	}
	if c.SetHandler(tcp.Handler{}) != nil || c.SetTimeouts(0, s.lim.write) != nil {
		return // the connection has ended
	}
	c.SetValue(nil)
	s.h2.take(c, bytes.Clone(first))
}

// event is called with a condition of a connection. Each condition has ended
// the connection, except the end of the client's sending side.
func (s *Server) event(c *tcp.Conn, err error) {
	switch k, ok := c.Value().(*h1Conn); {
	case ok:
		k.event(err)
	case aio.IsInfo(err):
		c.CloseAfterFlush() // fails only on a connection that has ended
	}
}

// closed is called when a connection has ended.
func (s *Server) closed(c *tcp.Conn, err error) {
	if k, ok := c.Value().(*h1Conn); ok {
		k.closed(err)
	}
}
