package dnsx

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// client makes the requests to one server that is asked by HTTPS. It knows the
// connections that it has, so that none is left once it is closed and its last
// request has ended.
type client struct {
	http.Transport
	mu     sync.Mutex
	conns  map[*clientConn]struct{}
	busy   int  // requests under way
	closed bool // the last request takes the connections with it
}

// newClient returns a client for one request that is about to begin or, to be
// kept, for more.
func newClient(t *transport, u *upstream, keep bool) *client {
	h := &client{busy: 1, closed: !keep, conns: map[*clientConn]struct{}{}}
	h.Transport = http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return h.dial(ctx, t, network, u.addr)
		},
		TLSClientConfig:        t.tlsFor(u),
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idleTime,
		MaxResponseHeaderBytes: 16 << 10,
	}
	return h
}

// dial connects to the server's address, whatever the URL says.
func (h *client) dial(ctx context.Context, t *transport, network, addr string) (net.Conn, error) {
	dial := t.dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	raw, err := dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	conn := &clientConn{raw, h}
	h.mu.Lock()
	h.conns[conn] = struct{}{}
	h.mu.Unlock()
	h.sweep() // the request may have given up
	return conn, nil
}

// begin says that a request begins, end that it has ended.
func (h *client) begin() {
	h.mu.Lock()
	h.busy++
	h.mu.Unlock()
}

func (h *client) end() {
	h.mu.Lock()
	h.busy--
	h.mu.Unlock()
	h.sweep()
}

// close has the connections closed, those in use once the requests have ended.
func (h *client) close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.sweep()
}

// sweep closes the connections if it is time to.
func (h *client) sweep() {
	h.mu.Lock()
	if !h.closed || h.busy > 0 {
		h.mu.Unlock()
		return
	}
	conns := h.conns
	h.conns = map[*clientConn]struct{}{}
	h.mu.Unlock()
	h.CloseIdleConnections()
	for c := range conns {
		c.Conn.Close()
	}
}

// clientConn is a connection that its client knows.
type clientConn struct {
	net.Conn
	client *client
}

// Close closes the connection.
func (c *clientConn) Close() error {
	c.client.mu.Lock()
	delete(c.client.conns, c)
	c.client.mu.Unlock()
	return c.Conn.Close()
}
