package httpx

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/net/proxy"

	"goaio.example/aio"
	"goaio.example/aio/internal/http1"
	"goaio.example/aio/tcp"
)

// throughProxy makes a connection through the host's proxy. Connecting to the
// proxy and the exchange with it together may take Timeouts.Dial.
func (d *dialing) throughProxy(ctx context.Context) (*tcp.Conn, error) {
	h := d.host
	td := d.dialer(ctx)
	if limit := orDefault(td.Timeout, 30*time.Second); limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, errProxy)
		defer cancel()
	}
	c, err := d.await(ctx, td.Dial(d.values, hostPort(h.firstHop())))
	if err != nil {
		return nil, err
	}
	if h.proxy.Scheme == "https" {
		if _, err := d.secure(ctx, c, h.proxy.Hostname(), []string{"http/1.1"}); err != nil {
			return nil, err
		}
		d.phase(atDial)
	}
	if h.key.name == "" {
		return c, nil
	}
	// fails only on a connection that has ended
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	err = d.askProxy(ctx, c)
	if !stop() && err == nil {
		err = os.ErrDeadlineExceeded
	}
	if err != nil {
		c.Abort()
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, err
	}
	if h.proxy.Scheme == "https" && h.key.scheme == "https" {
		return d.nest(ctx, c)
	}
	return c, nil
}

// errProxy is the error if a proxy takes too long.
var errProxy error = timeoutError("the proxy did not connect within Timeouts.Dial")

// askProxy asks the proxy to connect to the host.
func (d *dialing) askProxy(ctx context.Context, c *tcp.Conn) error {
	if isHTTP(d.host.proxy.Scheme) {
		return d.connectBy(ctx, c)
	}
	return d.socks(ctx, c)
}

// socks speaks SOCKS5.
func (d *dialing) socks(ctx context.Context, c *tcp.Conn) error {
	var auth *proxy.Auth
	if u := d.host.proxy.User; u != nil {
		auth = &proxy.Auth{User: u.Username()}
		auth.Password, _ = u.Password()
	}
	sd, err := proxy.SOCKS5("tcp", d.host.firstHop(), auth, givenConn{c})
	if err != nil {
		return err
	}
	_, err = sd.(proxy.ContextDialer).DialContext(context.WithoutCancel(ctx), "tcp", d.host.key.addr())
	return err
}

// givenConn is a proxy.Dialer that returns an existing connection.
type givenConn struct{ c net.Conn }

func (g givenConn) Dial(_, _ string) (net.Conn, error) { return g.c, nil }
func (g givenConn) DialContext(context.Context, string, string) (net.Conn, error) {
	return g.c, nil
}

// connectBy asks for a tunnel with CONNECT.
func (d *dialing) connectBy(_ context.Context, c *tcp.Conn) error {
	addr := withoutZone(d.host.key.addr())
	req := "CONNECT " + addr + " HTTP/1.1\r\nHost: " + addr + "\r\nUser-Agent: Go-http-client/1.1\r\n"
	if auth := proxyAuth(d.host.proxy); auth != "" {
		req += "Proxy-Authorization: " + auth + "\r\n"
	}
	if _, err := c.Write([]byte(req + "\r\n")); err != nil {
		return err
	}
	resp, err := readHead(c)
	switch {
	case err != nil:
		return err
	case resp.Status/100 != 2:
		return &proxyError{resp.Status, resp.Reason}
	}
	return nil
}

// readHead reads the head of a response, skipping interim responses. The bytes
// after it stay in c.
func readHead(c *tcp.Conn) (*http1.Response, error) {
	var buf []byte
	piece := make([]byte, 1<<10)
	for {
		n, err := c.Read(piece)
		buf = append(buf, piece[:n]...)
		for {
			resp := new(http1.Response)
			end, fault := resp.ParseResponse(buf, 0, http1.Limits{Bytes: 16 << 10, Fields: maxHeaderFields})
			if fault != nil {
				return nil, fault
			}
			if end == 0 {
				break
			}
			if buf = buf[end:]; resp.Status >= 200 {
				c.Unread(buf)
				return resp, nil
			}
		}
		if err != nil {
			return nil, aio.NewConnError("connect", "tcp", c.RemoteAddr().String(), -1, err)
		}
	}
}

// proxyError is the error if a proxy refuses to connect.
type proxyError struct {
	status int
	reason string
}

func (e *proxyError) Error() string {
	if e.reason != "" {
		return fmt.Sprintf("the proxy answered %d %s", e.status, e.reason)
	}
	return fmt.Sprintf("the proxy answered %d %s", e.status, http.StatusText(e.status))
}

// nest returns a connection over inner, which has TLS, on which TLS can begin
// again.
func (d *dialing) nest(ctx context.Context, inner *tcp.Conn) (*tcp.Conn, error) {
	td := d.host.pool.client.dialer()
	td.Control = nil
	td.DialContext = func(context.Context, string, string) (net.Conn, error) { return inner, nil }
	c, err := d.await(ctx, td.Dial(d.values, hostPort(d.host.key.addr())))
	if err != nil {
		inner.Abort() // a dial that is cancelled early does not take it over
	}
	return c, err
}
