package dnsx

import (
	"crypto/tls"
	"net"
)

// overTLS sends the query over a connection by TLS: one that the pool has, or a
// new one, which the pool then gets. A pooled one that turns out to be broken
// costs a second try only.
func (c *call) overTLS() ([]byte, error) {
	if conn := c.pool.take(c.up); conn != nil {
		msg, err := c.stream(conn)
		if err == nil {
			c.pool.put(c.up, conn)
			return msg, nil
		}
		shut(conn)
		if isTimeout(err) {
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
	c.pool.put(c.up, conn)
	return msg, nil
}

// dialTLS opens a connection. The server must have a certificate for its name
// or, without one, its address.
func (c *call) dialTLS() (*tls.Conn, error) {
	raw, err := c.connect("tcp")
	if err != nil {
		return nil, err
	}
	setDeadline(raw, c.deadline)
	if err := c.stop.hold(raw); err != nil {
		raw.Close()
		return nil, err
	}
	conn := tls.Client(raw, c.t.tlsFor(c.up))
	err = conn.Handshake()
	c.stop.release(raw)
	if err != nil {
		raw.Close()
		return nil, err
	}
	return conn, nil
}

// tlsFor returns the TLS configuration for a server.
func (t *transport) tlsFor(u *upstream) *tls.Config {
	cfg := new(tls.Config)
	if t.tls != nil {
		cfg = t.tls.Clone()
	}
	if cfg.ServerName == "" {
		cfg.ServerName = u.serverName
	}
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	return cfg
}

// shut closes a connection without a farewell, which may block.
func shut(conn net.Conn) {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	conn.Close()
}
