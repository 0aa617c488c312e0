package httpx_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// answerPath answers a request with its path.
func answerPath(c net.Conn, path string) {
	fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(path), path)
}

// answersPaths answers the requests of a connection, of which path is the first
// one, with their paths.
func answersPaths(c net.Conn, r *bufio.Reader, path string) {
	for {
		answerPath(c, path)
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		io.Copy(io.Discard, req.Body)
		path = req.URL.Path
	}
}

// slowSecondDial has the client's second dial take 10 s, and be made by dial.
func slowSecondDial(c *httpx.Client, n *aiotest.Network, dial func(ctx context.Context, network, addr string) (net.Conn, error)) {
	inMemory(c, n)
	var dials atomic.Int32
	c.Dialer.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if dials.Add(1) != 2 {
			return n.DialContext(ctx, network, addr)
		}
		time.Sleep(10 * time.Second)
		return dial(ctx, network, addr)
	}
}

// TestDeadSpare checks that a new connection that no request needs any more,
// and that the server has closed by then, is closed.
func TestDeadSpare(t *testing.T) {
	bubble(t, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Second)
		echoes(w, r)
	}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
		c := new(httpx.Client)
		slowSecondDial(c, n, func(context.Context, string, string) (net.Conn, error) {
			dead, peer := net.Pipe()
			return dead, peer.Close()
		})
		first := c.Get(ctx, "http://origin/1")
		synctest.Wait()
		second := c.Get(ctx, "http://origin/2")
		if _, err := aio.All(ctx, first, second).Await(ctx); err != nil {
			return err
		}
		time.Sleep(20 * time.Second)
		if n := outgoing(ctx); n != 1 {
			t.Errorf("%d connections are open, not 1", n)
		}
		r, err := c.Get(ctx, "http://origin/3").Await(ctx)
		wantBody(t, r, err, 200, "/3\n")
		return nil
	})
}

// TestStaleSpare checks that a request is repeated on another connection if the
// server closes one that was kept as it was dialed, without any request before.
func TestStaleSpare(t *testing.T) {
	var conns atomic.Int32
	bubbleScript(t, func(n int, c net.Conn, r *bufio.Reader) {
		switch conns.Store(int32(n)); n {
		case 1: // for two requests
			time.Sleep(time.Second)
			answerPath(c, "/1")
			if _, err := http.ReadRequest(r); err == nil {
				answerPath(c, "/2")
			}
		case 3:
			answerPath(c, "/3")
		}
	}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
		c := new(httpx.Client)
		slowSecondDial(c, n, n.DialContext)
		first := c.Get(ctx, "http://origin/1")
		synctest.Wait()
		second := c.Get(ctx, "http://origin/2")
		r, err := first.Await(ctx)
		wantBody(t, r, err, 200, "/1")
		r, err = second.Await(ctx)
		wantBody(t, r, err, 200, "/2")
		time.Sleep(20 * time.Second)
		r, err = c.Get(ctx, "http://origin/3").Await(ctx)
		wantBody(t, r, err, 200, "/3")
		if n := conns.Load(); n != 3 {
			t.Errorf("%d connections got a request, not 3", n)
		}
		return nil
	})
}

// TestAnswerBeforeRequest checks that bytes that arrive before a request is
// sent are not taken for its response: their connection is closed, and the
// request is sent on another one, whatever its method and its body.
func TestAnswerBeforeRequest(t *testing.T) {
	for name, begin := range map[string]func() *http.Request{
		"GET":            func() *http.Request { return request(t, "GET", "http://origin/2", nil) },
		"POST":           func() *http.Request { return request(t, "POST", "http://origin/2", strings.NewReader("x")) },
		"opaque body":    func() *http.Request { return request(t, "POST", "http://origin/2", opaque{strings.NewReader("x")}) },
		"POST, no bytes": func() *http.Request { return request(t, "POST", "http://origin/2", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			// of the bubble
			poison := sync.OnceValue(func() chan struct{} { return make(chan struct{}) })
			bubbleScript(t, func(n int, c net.Conn, r *bufio.Reader) {
				if n == 1 {
					answerPath(c, "/1")
					<-poison()
					answerPath(c, "/poison")
					io.Copy(io.Discard, r)
					return
				}
				answersPaths(c, r, "/2")
			}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
				c := inMemory(new(httpx.Client), n)
				r, err := c.Get(ctx, "http://origin/1").Await(ctx)
				wantBody(t, r, err, 200, "/1")
				synctest.Wait()
				var told atomic.Bool
				traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
					if told.CompareAndSwap(false, true) {
						close(poison())
						synctest.Wait()
					}
				}})
				r, err = c.Do(traced, begin()).Await(ctx)
				wantBody(t, r, err, 200, "/2")
				return nil
			})
		})
	}
}

// TestPostOnce checks that a POST that the server has got is not sent again
// when its connection ends, even if the write has not returned by then.
func TestPostOnce(t *testing.T) {
	for name, post := range map[string]func(ctx context.Context, c *httpx.Client) *aio.Future[*httpx.Response]{
		"bytes": func(ctx context.Context, c *httpx.Client) *aio.Future[*httpx.Response] {
			return c.Post(ctx, "http://origin/", "", []byte("hello"))
		},
		"reader": func(ctx context.Context, c *httpx.Client) *aio.Future[*httpx.Response] {
			return c.Do(ctx, request(t, "POST", "http://origin/", strings.NewReader("hello")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
				g := newGate(new(aiotest.Network), "hello")
				g.behind = true
				ln, err := g.Listen("origin:80")
				if err != nil {
					return err
				}
				var posts atomic.Int32
				defer scripted(ln, func(n int, c net.Conn, r *bufio.Reader) {
					if n > 1 {
						posts.Add(1)
						return
					}
					answerPath(c, "/")
					if req, err := http.ReadRequest(r); err == nil {
						io.Copy(io.Discard, req.Body)
						posts.Add(1)
					}
				})()
				c := g.client(new(httpx.Client))
				r, err := c.Get(ctx, "http://origin/").Await(ctx)
				wantBody(t, r, err, 200, "/")
				r, err = post(ctx, c).Await(ctx)
				if err == nil {
					t.Errorf("got %v from a server that does not answer", r)
				}
				close(g.open)
				synctest.Wait()
				if n := posts.Load(); n != 1 {
					t.Errorf("the server got the POST %d times, not once", n)
				}
				return nil
			})
		})
	}
}
