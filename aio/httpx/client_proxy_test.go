package httpx_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
	"goaio.example/aio/tcp"
)

// TestNothingDialed checks that a request with an invalid URL or proxy fails
// before the client connects to anything: a host with a space or a line's end
// would otherwise end the line that it is written to, of a CONNECT say.
func TestNothingDialed(t *testing.T) {
	const smuggles = "origin:443 HTTP/1.1\r\nHost: origin\r\n\r\nGET http://internal/ HTTP/1.1\r\nX: y"
	for name, x := range map[string]struct{ scheme, host, proxy string }{
		"a request in the host, CONNECT":     {"https", smuggles, "http://proxy"},
		"a request in the host, SOCKS5":      {"http", smuggles, "socks5://proxy"},
		"a request in the host, HTTP proxy":  {"http", smuggles, "http://proxy"},
		"a request in the host, no proxy":    {"http", smuggles, ""},
		"a request in the zone":              {"https", "[fe80::1%" + smuggles + "]:443", "http://proxy"},
		"a line's end in the host":           {"https", "ori\ngin", "http://proxy"},
		"a space in the host":                {"https", "ori gin", "http://proxy"},
		"a path in the host, CONNECT":        {"https", "origin/x", "http://proxy"},
		"a proxy of a scheme that is no one": {"http", "origin", "ftp://proxy"},
	} {
		t.Run(name, func(t *testing.T) {
			aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
				c := &httpx.Client{Dialer: &tcp.Dialer{DialContext: func(_ context.Context, _, addr string) (net.Conn, error) {
					t.Errorf("%q was dialed", addr)
					return nil, net.ErrClosed
				}}}
				c.Proxy = func(*http.Request) (*url.URL, error) {
					if x.proxy == "" {
						return nil, nil
					}
					return url.Parse(x.proxy)
				}
				req := request(t, "GET", "http://replaced", nil)
				req.URL = &url.URL{Scheme: x.scheme, Host: x.host, Path: "/"}
				_, err := c.Do(ctx, req).Await(ctx)
				failsWith(t, err, httpx.PhaseRequest, err)
				req = req.WithContext(ctx)
				_, err = c.RoundTrip(req)
				failsWith(t, err, httpx.PhaseRequest, err)
				return nil
			})
		})
	}
}

// TestConnectWithoutZone checks that a proxy is not told the zone of an
// address.
func TestConnectWithoutZone(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		var n aiotest.Network
		ln, err := n.Listen("proxy:80")
		if err != nil {
			return err
		}
		defer ln.Close()
		told := make(chan string, 1)
		go func() {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			if req, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				told <- req.RequestURI + " " + req.Host
			}
			io.WriteString(c, "HTTP/1.1 502 No\r\n\r\n")
		}()
		c := inMemory(new(httpx.Client), &n)
		c.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy"})
		_, err = c.Get(ctx, "https://[fe80::1%25eth0]/").Await(ctx)
		failsWith(t, err, httpx.PhaseDial, err)
		if got, want := <-told, "[fe80::1]:443 [fe80::1]:443"; got != want {
			t.Errorf("the proxy was told %q, not %q", got, want)
		}
		return nil
	})
}
