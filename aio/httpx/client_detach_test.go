package httpx_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// TestWholeBodyFreesConnection checks that a connection serves the next request
// when the whole body has arrived, although nothing of it was read and so much
// of it waits that reading was paused.
func TestWholeBodyFreesConnection(t *testing.T) {
	for _, size := range []int{1, 32 << 10, 64<<10 - 1, 64 << 10} {
		body := strings.Repeat("x", size)
		handler := func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/body" {
				io.WriteString(w, body)
				return
			}
			io.WriteString(w, "next")
		}
		bubble(t, handler, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
			c := inMemory(&httpx.Client{MaxConnsPerHost: 1, Timeouts: httpx.Timeouts{Header: time.Second, Wait: time.Second}}, n)
			s, err := c.Stream(ctx, request(t, "GET", "http://origin/body", nil)).Await(ctx)
			if err != nil {
				return err
			}
			synctest.Wait()
			r, err := c.Get(ctx, "http://origin/next").Await(ctx)
			wantBody(t, r, err, 200, "next")
			readsAs(t, s, body)
			return nil
		})
	}
}

// TestAnsweredBeforeTaken checks that a connection whose response has arrived
// before the server took the whole request serves the next one when the request
// was taken a moment later.
func TestAnsweredBeforeTaken(t *testing.T) {
	for _, x := range []struct {
		pause time.Duration // before the server takes the rest
		conns int
	}{{0, 1}, {50 * time.Millisecond, 1}, {time.Second, 2}} {
		var conns atomic.Int32
		bubbleRequests(t, func(n int, c net.Conn, r *bufio.Reader, req *http.Request) {
			conns.Store(int32(n))
			for {
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
				time.Sleep(x.pause)
				if _, err := io.Copy(io.Discard, req.Body); err != nil {
					return
				}
				var err error
				if req, err = http.ReadRequest(r); err != nil {
					return
				}
			}
		}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
			c := inMemory(new(httpx.Client), n)
			for range 2 {
				r, err := c.Post(ctx, "http://origin", "x/y", make([]byte, 1<<20)).Await(ctx)
				wantBody(t, r, err, 200, "hi")
				time.Sleep(2 * time.Second)
			}
			if k := conns.Load(); int(k) != x.conns {
				t.Errorf("taken after %v: %d connections, want %d", x.pause, k, x.conns)
			}
			return nil
		})
	}
}
