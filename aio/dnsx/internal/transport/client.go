package transport

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// client makes the requests to one HTTPS server. It keeps a list of its
// connections, so that it can close all of them when it is closed and its last
// request has ended.
type client struct {
	http.Transport
	mu     sync.Mutex
	conns  map[*clientConn]struct{}
	busy   int  // requests under way
	closed bool // the end of the last request closes the connections
}

// newClient returns a client with one request under way. Unless keep is set,
// that is its only request.
func newClient(n *Network, s *Server, keep bool) *client {
	h := &client{busy: 1, closed: !keep, conns: map[*clientConn]struct{}{}}
	h.Transport = http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return h.dial(ctx, n, network, s.addr)
		},
		TLSClientConfig:        n.tlsFor(s),
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idleTime,
		MaxResponseHeaderBytes: 16 << 10,
	}
	return h
}

// dial connects to the server's address, which may be another than the URL's.
func (h *client) dial(ctx context.Context, n *Network, network, addr string) (net.Conn, error) {
	dial := n.Dial
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

// begin counts a request that begins.
func (h *client) begin() {
	h.mu.Lock()
	h.busy++
	h.mu.Unlock()
}

// end counts a request that has ended.
func (h *client) end() {
	h.mu.Lock()
	h.busy--
	h.mu.Unlock()
	h.sweep()
}

// close closes the connections when no request is under way any longer.
func (h *client) close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.sweep()
}

// sweep closes the connections if the client is closed and no request is under
// way.
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

// clientConn is a connection in its client's list.
type clientConn struct {
	net.Conn
	client *client
}

// Close closes the connection and removes it from the list.
func (c *clientConn) Close() error {
	c.client.mu.Lock()
	delete(c.client.conns, c)
	c.client.mu.Unlock()
	return c.Conn.Close()
}
