package httpx_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// bubbleTLS runs main in a bubble, with a client of https://origin, which fn
// serves. fn has each connection behind its handshake, and its number, which
// protocols has the protocols for.
func bubbleTLS(t *testing.T, protocols func(n int) []string, fn func(n int, c *tls.Conn), main func(ctx context.Context, t *testing.T, c *httpx.Client, n *aiotest.Network) error) {
	t.Helper()
	cert, err := tls.X509KeyPair(certificate(t, "origin"))
	if err != nil {
		t.Fatalf("tls.X509KeyPair: %v", err)
	}
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		var n aiotest.Network
		ln, err := n.Listen("origin:443")
		if err != nil {
			return err
		}
		defer serveConns(ln, func(n int, c net.Conn) {
			defer c.Close()
			s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: protocols(n)})
			if s.Handshake() == nil {
				fn(n, s)
			}
		})()
		c := inMemory(new(httpx.Client), &n)
		c.Dialer.TLS = &tls.Config{InsecureSkipVerify: true}
		return main(ctx, t, c, &n)
	})
}

func alwaysHTTP2(int) []string { return []string{"h2", "http/1.1"} }

// slowWrites has the first three writes of each of a client's connections take
// a second: those of the handshake, and HTTP/2's preface.
func slowWrites(c *httpx.Client, n *aiotest.Network) {
	c.Dialer.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := n.DialContext(ctx, network, addr)
		return &slowConn{Conn: conn}, err
	}
}

type slowConn struct {
	net.Conn
	writes atomic.Int32
}

func (c *slowConn) Write(p []byte) (int, error) {
	if c.writes.Add(1) <= 3 {
		time.Sleep(time.Second)
	}
	return c.Conn.Write(p)
}

// TestSharedFirst checks that requests to an unknown host share the first
// connection that turns out to speak HTTP/2, whenever they are made, and that
// no other one is left, or made beyond MaxConnsPerHost.
func TestSharedFirst(t *testing.T) {
	for _, most := range []int{0, 1} {
		for later := range 12 {
			t.Run(fmt.Sprint(most, " later by ", later), func(t *testing.T) {
				var conns atomic.Int32
				bubbleTLS(t, alwaysHTTP2, func(_ int, c *tls.Conn) {
					conns.Add(1)
					if p := newFramePeer(c); p != nil {
						p.answersAll()
					}
				}, func(ctx context.Context, t *testing.T, c *httpx.Client, n *aiotest.Network) error {
					c.MaxConnsPerHost = most
					slowWrites(c, n)
					first := c.Get(ctx, "https://origin/1")
					time.Sleep(time.Duration(later) * time.Second / 2)
					second := c.Get(ctx, "https://origin/2")
					r, err := first.Await(ctx)
					wantBody(t, r, err, 200, "/1")
					r, err = second.Await(ctx)
					wantBody(t, r, err, 200, "/2")
					synctest.Wait()
					time.Sleep(5 * time.Second)
					if outgoing(ctx) != 1 || most == 1 && conns.Load() != 1 {
						t.Errorf("%d connections are left, of %d", outgoing(ctx), conns.Load())
					}
					return nil
				})
			})
		}
	}
}

// TestSharedNoMore checks that a request that the server has refused over
// HTTP/2 is made with its whole body over HTTP/1.1, if that is what the server
// speaks by then, and that it fails if its body cannot be sent again.
func TestSharedNoMore(t *testing.T) {
	for name, body := range map[string]io.Reader{"again": strings.NewReader("body"), "once": opaque{strings.NewReader("body")}, "none": http.NoBody} {
		t.Run(name, func(t *testing.T) {
			protocols := func(n int) []string {
				if n > 1 {
					return []string{"http/1.1"}
				}
				return []string{"h2"}
			}
			bubbleTLS(t, protocols, func(n int, c *tls.Conn) {
				if n == 1 {
					p := newFramePeer(c)
					if r, ok := p.request(); ok {
						p.answer(r.id, r.path)
					}
					if r, ok := p.request(); ok {
						p.WriteGoAway(r.id-2, http2.ErrCodeNo, nil)
						p.frame()
					}
					return
				}
				r := bufio.NewReader(c)
				for {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					b, _ := io.ReadAll(req.Body)
					answerPath(c, "HTTP/1.1 "+string(b))
				}
			}, func(ctx context.Context, t *testing.T, c *httpx.Client, _ *aiotest.Network) error {
				r, err := c.Get(ctx, "https://origin/1").Await(ctx)
				wantBody(t, r, err, 200, "/1")
				req := request(t, "POST", "https://origin/2", body)
				r, err = c.Do(ctx, req).Await(ctx)
				switch name {
				case "again":
					wantBody(t, r, err, 200, "HTTP/1.1 body")
				case "none":
					wantBody(t, r, err, 200, "HTTP/1.1 ")
				default:
					if err == nil {
						t.Errorf("got %v", r)
					}
				}
				r, err = c.Get(ctx, "https://origin/3").Await(ctx)
				wantBody(t, r, err, 200, "HTTP/1.1 ")
				synctest.Wait()
				if n := outgoing(ctx); n != 1 {
					t.Errorf("%d connections are left", n)
				}
				return nil
			})
		})
	}
}

// TestSharedFickle holds that a request to a server that speaks HTTP/2 on every
// other connection, and answers on none, fails after some connections.
func TestSharedFickle(t *testing.T) {
	protocols := func(n int) []string {
		if n%2 == 0 {
			return []string{"http/1.1"}
		}
		return []string{"h2"}
	}
	var conns atomic.Int32
	bubbleTLS(t, protocols, func(n int, c *tls.Conn) {
		conns.Add(1)
		if n%2 == 0 {
			http.ReadRequest(bufio.NewReader(c))
			return
		}
		if p := newFramePeer(c); p != nil {
			if _, ok := p.request(); ok {
				p.WriteGoAway(0, http2.ErrCodeNo, nil)
				p.frame()
			}
		}
	}, func(ctx context.Context, t *testing.T, c *httpx.Client, _ *aiotest.Network) error {
		r, err := c.Get(ctx, "https://origin/").Await(ctx)
		if err == nil {
			t.Errorf("a request that no connection answers: got %v, want an error", r)
		}
		if n := conns.Load(); n < 3 || n > 20 {
			t.Errorf("the request took %d connections, want 3 to 20: %v", n, err)
		}
		return nil
	})
}
