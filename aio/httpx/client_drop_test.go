package httpx_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// TestRedirectMute checks that the client does not wait for the body of a
// redirect, whether the redirect is followed or exceeds MaxRedirects.
func TestRedirectMute(t *testing.T) {
	for name, answer := range map[string]string{
		"length":  "HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 10\r\n\r\nx",
		"chunked": "HTTP/1.1 302 Found\r\nLocation: /next\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nx",
	} {
		for how, do := range map[string]func(ctx context.Context, c *httpx.Client) error{
			"Do": func(ctx context.Context, c *httpx.Client) error {
				r, err := c.Get(ctx, "http://origin/").Await(ctx)
				wantBody(t, r, err, 200, "/next")
				return nil
			},
			"Do with a jar": func(ctx context.Context, c *httpx.Client) error {
				c.Jar = httpx.NewJar()
				r, err := c.Get(ctx, "http://origin/").Await(ctx)
				wantBody(t, r, err, 200, "/next")
				return nil
			},
			"Stream": func(ctx context.Context, c *httpx.Client) error {
				s, err := c.Stream(ctx, request(t, "GET", "http://origin/", nil)).Await(ctx)
				if err == nil {
					readsAs(t, s, "/next")
				}
				return err
			},
			"too many": func(ctx context.Context, c *httpx.Client) error {
				c.MaxRedirects = 1
				_, err := c.Get(ctx, "http://origin/again").Await(ctx)
				failsWith(t, err, httpx.PhaseHeader, httpx.ErrRedirects)
				return nil
			},
		} {
			t.Run(name+"/"+how, func(t *testing.T) {
				bubbleRequests(t, func(_ int, c net.Conn, r *bufio.Reader, req *http.Request) {
					if req.URL.Path == "/next" && how != "too many" {
						answerPath(c, "/next")
						return
					}
					io.WriteString(c, answer)
					io.Copy(io.Discard, r)
				}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
					begin := time.Now()
					own, cancel := context.WithTimeout(ctx, time.Hour)
					defer cancel()
					if err := do(own, inMemory(new(httpx.Client), n)); err != nil {
						t.Errorf("do: %v", err)
					}
					if d := time.Since(begin); d > time.Second {
						t.Errorf("it took %v", d)
					}
					if k := aio.LoopOf(ctx).Stats().HTTPRequests; k != 0 {
						t.Errorf("%d requests are left", k)
					}
					return nil
				})
			})
		}
	}
}
