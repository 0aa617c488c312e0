package httpx

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/idna"

	"goaio.example/aio"
)

// pool holds a client's connections in one loop. Its lock also guards its
// hosts.
type pool struct {
	client *Client
	loop   *aio.Loop
	op     aio.Op // a daemon of the loop; see OpCancel
	top    context.Context

	mu      sync.Mutex
	hosts   map[hostKey]*host
	turns   uint64 // number of turns given to trips
	drained bool   // the loop drains, or is empty: no connection is kept
	// CloseIdleConnections was called, and no request came since: no connection
	// is kept
	emptied bool
}

// kindPool is the kind of the daemon that closes a loop's idle connections when
// it drains.
var kindPool = aio.NewKind("http.pool")

// poolOf returns the client's pool in a loop.
func (c *Client) poolOf(l *aio.Loop) (*pool, error) {
	c.mu.Lock()
	made := c.pools[l]
	c.mu.Unlock()
	if made != nil {
		return made, nil
	}
	p := &pool{client: c, loop: l, top: aio.WithLoop(context.Background(), l), hosts: make(map[hostKey]*host)}
	p.op.AsDaemon()
	if err := p.op.Start(p.top, kindPool, "http pool", p); err != nil {
		return nil, err
	}
	if first := c.enter(p); first != p { // another request made one meanwhile
		p.op.End(nil)
		return first, nil
	}
	l.AtExit(p.forget)
	return p, nil
}

// enter registers p as its loop's pool, unless there is one. It returns the
// registered pool.
func (c *Client) enter(p *pool) *pool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if first := c.pools[p.loop]; first != nil {
		return first
	}
	if c.pools == nil {
		c.pools = make(map[*aio.Loop]*pool)
	}
	c.pools[p.loop] = p
	return p
}

// OpCancel is called when the loop drains, and when it is empty. Requests in
// progress go on; their connections are closed when they are done.
func (p *pool) OpCancel(error) {
	p.mu.Lock()
	p.drained = true
	p.mu.Unlock()
	p.closeIdle()
	p.op.End(nil)
}

// forget removes the pool of a loop that has ended from its client.
func (p *pool) forget() {
	p.client.mu.Lock()
	defer p.client.mu.Unlock()
	delete(p.client.pools, p.loop)
}

// CloseIdleConnections closes the idle connections in all loops. Connections
// that become idle later are closed too, until the next request.
func (c *Client) CloseIdleConnections() {
	if t, ok := c.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
	c.mu.Lock()
	pools := make([]*pool, 0, len(c.pools))
	for _, p := range c.pools {
		pools = append(pools, p)
	}
	c.mu.Unlock()
	for _, p := range pools {
		p.closeIdle()
	}
}

// closeIdle closes the pool's idle connections.
func (p *pool) closeIdle() {
	var idle []*clientConn
	var shared []*sharedConns
	p.mu.Lock()
	p.emptied = true
	for _, h := range p.hosts {
		for k := h.popIdle(); k != nil; k = h.popIdle() {
			idle = append(idle, k)
		}
		if h.shared != nil {
			shared = append(shared, h.shared)
		}
	}
	p.mu.Unlock()
	for _, k := range idle {
		k.close()
	}
	for _, s := range shared {
		s.closeIdle()
	}
}

// hostKey identifies the requests that can use the same connections.
type hostKey struct {
	// name and port are "" if requests to all hosts are sent to the proxy
	scheme, name, port string
	proxy              string // its URL, "" for none
	old                bool   // HTTP/2 is not offered
}

// keyOf returns the key of a request, and its proxy.
func (c *Client) keyOf(req *http.Request) (hostKey, *url.URL, error) {
	find := c.Proxy
	if find == nil {
		find = http.ProxyFromEnvironment
	}
	proxy, err := find(req)
	if err != nil {
		return hostKey{}, nil, fmt.Errorf("no proxy: %w", err)
	}
	key := hostKey{scheme: req.URL.Scheme, old: req.URL.Scheme == "https" && asksUpgrade(req)}
	if proxy != nil {
		if !isProxy(proxy.Scheme) {
			return key, nil, fmt.Errorf("unsupported proxy scheme %q", proxy.Scheme)
		}
		if key.proxy = proxy.String(); key.scheme == "http" && isHTTP(proxy.Scheme) {
			return key, proxy, nil
		}
	}
	if key.name, err = asciiName(req.URL.Hostname()); err != nil {
		return key, nil, err
	}
	if key.port = req.URL.Port(); key.port == "" {
		key.port = portOf(key.scheme)
	}
	// the proxy is told the host
	if proxy != nil && !httpguts.ValidHostHeader(key.addr()) {
		return key, nil, errors.New("invalid host in the request's URL")
	}
	return key, proxy, nil
}

// isProxy reports whether the scheme is that of a supported proxy.
func isProxy(scheme string) bool {
	return isHTTP(scheme) || scheme == "socks5" || scheme == "socks5h"
}

func isHTTP(scheme string) bool { return scheme == "http" || scheme == "https" }

func portOf(scheme string) string {
	switch scheme {
	case "https":
		return "443"
	case "socks5", "socks5h":
		return "1080"
	}
	return "80"
}

// asciiName returns a host's name in ASCII.
func asciiName(name string) (string, error) {
	for i := range len(name) {
		if name[i] >= 0x80 {
			return idna.Lookup.ToASCII(name)
		}
	}
	return name, nil
}

// addr returns the address to connect to: host and port.
func (k *hostKey) addr() string { return net.JoinHostPort(k.name, k.port) }

// hostPort returns addr for tcp.Dial, whose addresses may begin with a network.
// It keeps a host from being taken for one: the URL http://unix:80 names a
// host, not a socket in the file system.
func hostPort(addr string) string {
	switch host, port, _ := strings.Cut(addr, ":"); host {
	case "unix", "tcp4", "tcp6":
		return host + ".:" + port // the same name, fully qualified
	}
	return addr
}
