package httpx_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// TestEarlyAnswerUnread checks that a connection whose request was answered,
// and is not read by the server, is not used for another one, which would wait
// behind the first.
func TestEarlyAnswerUnread(t *testing.T) {
	for name, post := range map[string]func(ctx context.Context, c *httpx.Client) (*httpx.Response, error){
		"bytes": func(ctx context.Context, c *httpx.Client) (*httpx.Response, error) {
			return c.Post(ctx, "http://origin/", "", make([]byte, 1<<20)).Await(ctx)
		},
		"many bytes": func(ctx context.Context, c *httpx.Client) (*httpx.Response, error) {
			return c.Post(ctx, "http://origin/", "", make([]byte, 4<<20)).Await(ctx)
		},
		"reader": func(ctx context.Context, c *httpx.Client) (*httpx.Response, error) {
			body := opaque{io.LimitReader(endlessly{}, 1<<20)}
			return c.Do(ctx, request(t, "POST", "http://origin/", body)).Await(ctx)
		},
		"a long header": func(ctx context.Context, c *httpx.Client) (*httpx.Response, error) {
			req := request(t, "GET", "http://origin/", nil)
			for i := range 20 {
				req.Header.Set("X-"+string(rune('A'+i)), strings.Repeat("x", 100<<10))
			}
			return c.Do(ctx, req).Await(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
				var n aiotest.Network
				ln, err := n.Listen("origin:80")
				if err != nil {
					return err
				}
				var conns atomic.Int32
				defer serveConns(ln, func(n int, c net.Conn) {
					defer c.Close()
					if conns.Add(1); n == 1 {
						io.ReadFull(c, make([]byte, 10))
						io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
						time.Sleep(time.Hour)
						return
					}
					r := bufio.NewReader(c)
					r.ReadString('\n')
					answerPath(c, "/next")
					io.Copy(io.Discard, r)
				})()
				c := inMemory(new(httpx.Client), &n)
				begin := time.Now()
				r, err := post(ctx, c)
				wantBody(t, r, err, 413, "no")
				r, err = c.Get(ctx, "http://origin/next").Await(ctx)
				wantBody(t, r, err, 200, "/next")
				if d := time.Since(begin); d != 0 || conns.Load() != 2 {
					t.Errorf("it took %v and %d connections, not 0 s and 2", d, conns.Load())
				}
				time.Sleep(time.Second)
				if n := outgoing(ctx); n != 1 {
					t.Errorf("%d connections are open, not 1", n)
				}
				return nil
			})
		})
	}
}

// TestHighWater checks that a request is sent whole, whatever the mark of the
// Dialer's.
func TestHighWater(t *testing.T) {
	bubbleScript(t, func(_ int, c net.Conn, r *bufio.Reader) {
		n, _ := io.Copy(io.Discard, io.LimitReader(r, 100_000))
		if n == 100_000 {
			answerPath(c, "whole")
		}
		io.Copy(io.Discard, r)
	}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
		c := inMemory(new(httpx.Client), n)
		c.Dialer.HighWater = 1
		ctx, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		r, err := c.Post(ctx, "http://origin/"+strings.Repeat("x", 300_000), "", make([]byte, 100_000)).Await(ctx)
		wantBody(t, r, err, 200, "whole")
		return nil
	})
}
