package memnet

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// Dial is DialContext without a context: it waits without a limit.
func (n *Network) Dial(network, addr string) (net.Conn, error) {
	return n.DialContext(context.Background(), network, addr)
}

// DialContext connects to the listener on addr, a "host:port"; no host means
// loopback. It fits http.Transport.DialContext and the like. It blocks for
// Latency, while the accept queue is full, and for a black hole, but no longer
// than ctx; afterwards ctx has no influence. The connection, a *Conn, can be
// used before it is accepted. Errors: syscall.ECONNREFUSED if there is no
// listener, ctx.Err(), *net.AddrError, and net.UnknownNetworkError unless
// network is "tcp", "tcp4" or "tcp6".
func (n *Network) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	e, err := parseTarget(addr)
	if err == nil {
		err = e.fits(network)
	}
	if err != nil {
		return nil, opError("dial", "", nil, nil, err)
	}
	c, err := n.dial(ctx, e)
	if err != nil {
		return nil, opError("dial", "connect", nil, e.addr(), err)
	}
	return c, nil
}

func (n *Network) dial(ctx context.Context, e endpoint) (*Conn, error) {
	if err := n.travel(ctx); err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for {
		wake := &n.healed
		if !n.holes[e] {
			l := n.find(e)
			if l == nil {
				return nil, syscall.ECONNREFUSED
			}
			if len(l.queue) < n.backlog() {
				return n.connect(l, e), nil
			}
			wake = &l.bell
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		wake.WaitOr(&n.mu, ctx.Done())
	}
}

// travel waits for the network's latency.
func (n *Network) travel(ctx context.Context) error {
	if err := ctx.Err(); err != nil || n.Latency <= 0 {
		return err
	}
	t := time.NewTimer(n.Latency)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// connect puts a new connection into l's queue and returns the dialer's end.
// The mutex is held.
func (n *Network) connect(l *Listener, e endpoint) *Conn {
	from := endpoint{loopback, n.clientPort()}
	if _, err := netip.ParseAddr(e.host); err == nil {
		from.host = e.host
	}
	client, server := newLink(n.bufferSize(), from.addr(), e.addr())
	l.queue = append(l.queue, server)
	l.bell.Ring()
	return client
}

// parseTarget is parseEndpoint for an address to dial.
func parseTarget(addr string) (endpoint, error) {
	e, err := parseEndpoint(addr)
	if e.host == "" {
		e.host = loopback
	}
	return e, err
}
