package httpx

import (
	"bytes"

	"goaio.example/aio/tcp"
)

// engine speaks HTTP on connections: it reads requests, has Server.exchange answer each, and sends what that writes. It
// refuses what section 7 of the design has a server refuse, and keeps the server's timeouts. What is said on the wire is
// the same for all engines.
type engine interface {
	// take serves a connection from which first has arrived. h2 says that it is HTTP/2. The connection has neither a
	// handler nor a read timeout any more.
	take(c *tcp.Conn, first []byte, h2 bool)
	// drain has idle connections end, and the others after the answers to come, which say so.
	drain()
	// close waits for the engine's goroutines, when all connections have ended.
	close()
}

// preface is how HTTP/2 without ALPN begins.
const preface = "PRI * HTTP/2.0\r\n"

// began gives a connection from which data has arrived to the engine. A connection that has sent nothing yet is in the
// handler style, where it costs neither a goroutine of HTTP's nor a buffer, and ends by itself when the loop drains.
func (s *Server) began(c *tcp.Conn, data []byte) {
	before, _ := c.Value().([]byte)
	first := append(bytes.Clone(before), data...)
	h2 := false
	if state, ok := c.TLS(); ok {
		h2 = state.NegotiatedProtocol == "h2"
	} else if s.H2C {
		n := min(len(first), len(preface))
		h2 = string(first[:n]) == preface[:n]
		if h2 && n < len(preface) {
			c.SetValue(first)
			c.SetBusy(true) // when the server drains it is not idle
			return
		}
	}
	if c.SetHandler(tcp.Handler{}) != nil || c.SetTimeouts(0, s.lim.write) != nil {
		return // it has ended
	}
	c.SetValue(nil)
	s.engine.take(c, first, h2)
}
