package transport

import (
	"crypto/tls"
	"net"
)

// overTLS sends the query over a TLS connection, an idle one of the pool or a
// new one. After the answer the pool keeps the connection. If an idle
// connection turns out to be broken, the query is sent once more over a new
// one.
func (c *Call) overTLS() ([]byte, error) {
	if conn := c.Pool.take(c.Server); conn != nil {
		msg, err := c.stream(conn)
		if err == nil {
			c.Pool.put(c.Server, conn)
			return msg, nil
		}
		shut(conn)
		if IsTimeout(err) {
			return nil, err
		}
	}
	conn, err := c.dialTLS()
	if err != nil {
		return nil, err
	}
	msg, err := c.stream(conn)
	if err != nil {
		shut(conn)
		return nil, err
	}
	c.Pool.put(c.Server, conn)
	return msg, nil
}

// dialTLS opens a connection. The server must have a certificate for its name
// or, if it was given without a name, for its address.
func (c *Call) dialTLS() (*tls.Conn, error) {
	raw, err := c.connect("tcp")
	if err != nil {
		return nil, err
	}
	setDeadline(raw, c.Deadline)
	if err := c.Stop.hold(raw); err != nil {
		raw.Close()
		return nil, err
	}
	conn := tls.Client(raw, c.Network.tlsFor(c.Server))
	err = conn.Handshake()
	c.Stop.release(raw)
	if err != nil {
		raw.Close()
		return nil, err
	}
	return conn, nil
}

// tlsFor returns the TLS configuration for a server.
func (n *Network) tlsFor(s *Server) *tls.Config {
	cfg := new(tls.Config)
	if n.TLS != nil {
		cfg = n.TLS.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName = s.name
	}
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	return cfg
}

// shut closes a connection. It sends no close_notify, which could block.
func shut(conn net.Conn) {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	conn.Close()
}
