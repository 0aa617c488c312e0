package httpx_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
	"goaio.example/aio/tcp"
)

// gate is a Network whose clients stop before or behind the write of what
// contains text, until it is opened.
type gate struct {
	*aiotest.Network
	text    string
	behind  bool
	once    sync.Once
	reached chan struct{}
	open    chan struct{}
}

func newGate(n *aiotest.Network, text string) *gate {
	return &gate{Network: n, text: text, reached: make(chan struct{}), open: make(chan struct{})}
}

// client returns c with its connections behind the gate.
func (g *gate) client(c *httpx.Client) *httpx.Client {
	c.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
	c.Dialer = &tcp.Dialer{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := g.DialContext(ctx, network, addr)
		return &gatedConn{conn, g}, err
	}}
	return c
}

type gatedConn struct {
	net.Conn
	g *gate
}

func (c *gatedConn) Write(p []byte) (int, error) {
	stops := bytes.Contains(p, []byte(c.g.text))
	if stops && !c.g.behind {
		c.stop()
	}
	n, err := c.Conn.Write(p)
	if stops && c.g.behind {
		c.stop()
	}
	return n, err
}

func (c *gatedConn) stop() {
	c.g.once.Do(func() { close(c.g.reached) })
	<-c.g.open
}

// gotConn returns ctx with a trace that sets got when a request gets its
// connection.
func gotConn(ctx context.Context, got *atomic.Bool) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { got.Store(true) }})
}

// TestEarlyAnswerBeforeLastBytes checks that a connection whose request was
// answered early is not given to another request before the last bytes of the
// first one are written, and is reused afterwards.
func TestEarlyAnswerBeforeLastBytes(t *testing.T) {
	for name, length := range map[string]int64{"with a length": 8, "chunked": -1} {
		t.Run(name, func(t *testing.T) {
			aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
				g := newGate(new(aiotest.Network), "last")
				if length < 0 {
					g.text = "0\r\n\r\n"
				}
				ln, err := g.Listen("origin:80")
				if err != nil {
					return err
				}
				body, answer := make(chan string, 1), make(chan struct{})
				defer scripted(ln, func(_ int, c net.Conn, r *bufio.Reader) {
					<-answer
					io.WriteString(c, "HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno")
					size := 8
					if length < 0 {
						size = len("4\r\nbody\r\n4\r\nlast\r\n0\r\n\r\n")
					}
					b := make([]byte, size)
					io.ReadFull(r, b)
					body <- string(b)
					if _, err := http.ReadRequest(r); err == nil {
						io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
					}
				})()
				c := g.client(&httpx.Client{MaxConnsPerHost: 1})
				req := request(t, "POST", "http://origin", opaque{io.MultiReader(strings.NewReader("body"), strings.NewReader("last"))})
				req.ContentLength = length
				first := c.Do(ctx, req)
				<-g.reached
				var got atomic.Bool
				second := c.Get(gotConn(ctx, &got), "http://origin")
				close(answer)
				r, err := first.Await(ctx)
				wantBody(t, r, err, 401, "no")
				synctest.Wait()
				if got.Load() {
					t.Error("the second request has the connection before the last bytes of the first are written")
				}
				close(g.open)
				r, err = second.Await(ctx)
				wantBody(t, r, err, 200, "hi")
				if s := <-body; strings.Contains(s, "GET") || !strings.Contains(s, "last") {
					t.Errorf("the server read the body %q", s)
				}
				return nil
			})
		})
	}
}
