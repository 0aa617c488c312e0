package httpx_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// TestGetBodyDoesNotReturn checks that a request ends whose GetBody panics,
// calls Goexit or fails, when its body is needed again because its connection
// has turned out to be closed.
func TestGetBodyDoesNotReturn(t *testing.T) {
	why := errors.New("why")
	for name, fails := range map[string]func() error{
		"panics":       func() error { panic("GetBody") },
		"calls Goexit": func() error { runtime.Goexit(); return nil },
		"fails":        func() error { return why },
	} {
		for _, h2 := range []bool{false, true} {
			t.Run(name+protocolName(h2), func(t *testing.T) {
				bubbleClosing(t, h2, func(_ context.Context, t *testing.T, c *httpx.Client) error {
					l := &aio.Loop{CatchPanics: true, OnEvent: func(aio.Event) {}}
					// which may fail with the panic
					l.Run(context.Background(), func(ctx context.Context) error {
						r, err := c.Get(ctx, "http://origin").Await(ctx)
						wantBody(t, r, err, 200, "")
						req := request(t, "POST", "http://origin", strings.NewReader("body"))
						req.Header.Set("Idempotency-Key", "1")
						get, calls := req.GetBody, 0
						req.GetBody = func() (io.ReadCloser, error) {
							// the first is the client's for its first attempt
							if calls++; calls == 2 {
								return nil, fails()
							}
							return get()
						}
						own, cancel := context.WithTimeout(context.Background(), time.Hour)
						defer cancel()
						_, err = c.Do(ctx, req).Await(own)
						if err == nil || own.Err() != nil || name == "fails" && !errors.Is(err, why) {
							t.Errorf("got %v", err)
						}
						return nil
					})
					return nil
				})
			})
		}
	}
}

func protocolName(h2 bool) string {
	if h2 {
		return " by HTTP/2"
	}
	return " by HTTP/1.1"
}

// bubbleClosing runs main with a client of a server that answers the first
// request of its first connection, and closes that when the second has come.
func bubbleClosing(t *testing.T, h2 bool, main func(ctx context.Context, t *testing.T, c *httpx.Client) error) {
	t.Helper()
	if h2 {
		bubbleFrames(t, nil, func(n int, p *framePeer) {
			if r, ok := p.request(); ok && n == 1 {
				p.answer(r.id, "")
				p.request()
			}
		}, func(ctx context.Context, t *testing.T, c *httpx.Client, _ *aiotest.Network) error {
			return main(ctx, t, c)
		})
		return
	}
	bubbleScript(t, func(n int, c net.Conn, r *bufio.Reader) {
		if n == 1 {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			if req, err := http.ReadRequest(r); err == nil {
				io.Copy(io.Discard, req.Body)
			}
		}
	}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
		return main(ctx, t, inMemory(new(httpx.Client), n))
	})
}
