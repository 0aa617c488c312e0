package httpx

import (
	"context"
	"net"
	"net/http"
	"strings"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
)

// pool is the connections of a client in one loop.
type pool struct {
	transport http.RoundTripper
	close     func() // closes the idle connections
}

// kindPool is the daemon that closes a loop's idle connections when it drains.
var kindPool = aio.NewKind("http.pool")

// transport returns what makes the requests of ctx's loop.
func (c *Client) transport(ctx context.Context) (http.RoundTripper, error) {
	if c.Transport != nil {
		return c.Transport, nil
	}
	l := aio.LoopOf(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.pools[l]; p != nil {
		return p.transport, nil
	}
	p := c.newPool()
	keeper := &poolKeeper{client: c, pool: p, loop: l}
	keeper.op.AsDaemon()
	if err := keeper.op.Start(aio.Detach(ctx), kindPool, "http pool", keeper); err != nil {
		return nil, err
	}
	if c.pools == nil {
		c.pools = make(map[*aio.Loop]*pool)
	}
	c.pools[l] = p
	l.AtExit(keeper.forget)
	return p.transport, nil
}

// CloseIdleConnections closes the connections that no request uses, in all loops.
func (c *Client) CloseIdleConnections() {
	if t, ok := c.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.pools {
		p.close()
	}
}

// newPool makes a pool.
func (c *Client) newPool() *pool {
	t := &http.Transport{
		Proxy:                  c.Proxy,
		DialContext:            c.dial,
		TLSHandshakeTimeout:    orDefault(c.Timeouts.TLS, 10*time.Second),
		ResponseHeaderTimeout:  orDefault(c.Timeouts.Header, 30*time.Second),
		IdleConnTimeout:        orDefault(c.Timeouts.Idle, 60*time.Second),
		MaxConnsPerHost:        c.MaxConnsPerHost,
		MaxIdleConnsPerHost:    c.MaxIdlePerHost,
		MaxResponseHeaderBytes: maxHeaderBytes,
		ExpectContinueTimeout:  time.Second,
		ForceAttemptHTTP2:      true,
	}
	if c.Proxy == nil {
		t.Proxy = http.ProxyFromEnvironment
	}
	if c.MaxIdlePerHost == 0 {
		t.MaxIdleConnsPerHost = 8
	}
	if c.Dialer != nil && c.Dialer.TLS != nil {
		t.TLSClientConfig = c.Dialer.TLS.Clone()
	}
	if c.H2C {
		t.Protocols = new(http.Protocols)
		t.Protocols.SetHTTP2(true)
		t.Protocols.SetUnencryptedHTTP2(true)
	}
	return &pool{t, t.CloseIdleConnections}
}

// maxHeaderBytes bounds a response's header block.
const maxHeaderBytes = 256 << 10

// dialer returns the Dialer of the pools.
func (c *Client) dialer() *tcp.Dialer {
	d := new(tcp.Dialer)
	if c.Dialer != nil {
		*d = *c.Dialer
	}
	d.TLS = nil // package net/http does it
	d.Background = true
	if c.Timeouts.Dial != 0 {
		d.Timeout = c.Timeouts.Dial
	}
	if c.Timeouts.Send != 0 || d.WriteTimeout == 0 {
		d.WriteTimeout = orDefault(c.Timeouts.Send, 30*time.Second)
	}
	if c.Guard != nil {
		d.Control = guarded(c.Guard, d.Control)
		if d.DialContext != nil {
			d.DialContext = guardedDial(c.Guard, d.DialContext)
		}
	}
	return d
}

var kindDial = aio.NewKind("http.dial")

// dial makes a connection for the pool of ctx's loop, as a child of the loop itself: a request may be done before it, and
// another use it. The dial itself ends with the request that it was begun for, which package net/http takes off ctx.
func (c *Client) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	hold, err := aio.Begin(aio.Detach(ctx), kindDial, addr) // the loop does not end before the dial's error was looked at
	if err != nil {
		return nil, err
	}
	defer hold.End(nil)
	f := c.dialer().Dial(aio.Detach(ctx), hostPort(addr))
	if attempt, ok := ctx.Value(attemptKey{}).(context.Context); ok {
		stop := context.AfterFunc(attempt, func() { f.Cancel(context.Cause(attempt)) })
		defer stop()
	}
	// To the end, so that no connection is lost. By Wait, f counts as looked at from now on: when nobody needs the
	// connection any more, its failure is nobody's loss.
	if err := aio.Wait(context.WithoutCancel(ctx), f); err != nil {
		return nil, err
	}
	return f.Result()
}

// hostPort keeps a host from being taken for one of the networks that tcp.Dial's addresses may begin with: the URL
// http://unix:80 is about a host, and not about a socket in the file system.
func hostPort(addr string) string {
	switch host, port, _ := strings.Cut(addr, ":"); host {
	case "unix", "tcp4", "tcp6":
		return host + ".:" + port // the same name, written in full
	}
	return addr
}

// attemptKey is the key under which a request's ctx has itself, with its cancellation.
type attemptKey struct{}

// poolKeeper is a daemon of its loop that closes the idle connections when the loop drains, or is empty.
type poolKeeper struct {
	op     aio.Op
	client *Client
	pool   *pool
	loop   *aio.Loop
}

// OpCancel comes when the loop drains, and when it is empty. Requests in progress go on; their connections are closed
// when they are done.
func (k *poolKeeper) OpCancel(error) {
	k.pool.close()
	k.op.End(nil)
}

// forget takes the pool of a loop that has ended off its client.
func (k *poolKeeper) forget() {
	k.pool.close()
	k.client.mu.Lock()
	defer k.client.mu.Unlock()
	delete(k.client.pools, k.loop)
}
