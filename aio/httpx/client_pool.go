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

// pool is the connections of a client in one loop. Its lock also guards its
// hosts.
type pool struct {
	client *Client
	loop   *aio.Loop
	op     aio.Op // a daemon of the loop; see OpCancel
	top    context.Context

	mu      sync.Mutex
	hosts   map[hostKey]*host
	turns   uint64 // that trips were given
	drained bool   // the loop drains, or is empty: no connection is kept
	emptied bool   // CloseIdleConnections was called, and no request has come since: likewise
}

// kindPool is the daemon that closes a loop's idle connections when it drains.
var kindPool = aio.NewKind("http.pool")

// poolOf returns the pool of a loop.
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
	if first := c.enter(p); first != p { // another request has made one meanwhile
		p.op.End(nil)
		return first, nil
	}
	l.AtExit(p.forget)
	return p, nil
}

// enter enters a loop's pool, unless there is one. It returns the pool that is
// entered.
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

// OpCancel comes when the loop drains, and when it is empty. Requests in
// progress go on; their connections are closed when they are done.
func (p *pool) OpCancel(error) {
	p.mu.Lock()
	p.drained = true
	p.mu.Unlock()
	p.closeIdle()
	p.op.End(nil)
}

// forget takes the pool of a loop that has ended off its client.
func (p *pool) forget() {
	p.client.mu.Lock()
	defer p.client.mu.Unlock()
	delete(p.client.pools, p.loop)
}

// CloseIdleConnections closes the connections that no request uses, in all
// loops. Those that come to be idle are closed too, until the next request.
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

// hostKey says which requests can use the same connections.
type hostKey struct {
	scheme, name, port string // name and port are "" for all hosts behind a proxy that is sent their requests
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
	if proxy != nil && !httpguts.ValidHostHeader(key.addr()) { // which a proxy is told
		return key, nil, errors.New("invalid host in the request's URL")
	}
	return key, proxy, nil
}

// isProxy reports whether proxies of a scheme are known.
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

// addr returns the key's address: host and port.
func (k *hostKey) addr() string { return net.JoinHostPort(k.name, k.port) }

// hostPort keeps a host from being taken for one of the networks that
// tcp.Dial's addresses may begin with: the URL http://unix:80 is about a host,
// and not about a socket in the file system.
func hostPort(addr string) string {
	switch host, port, _ := strings.Cut(addr, ":"); host {
	case "unix", "tcp4", "tcp6":
		return host + ".:" + port // the same name, written in full
	}
	return addr
}
