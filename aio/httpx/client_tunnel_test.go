package httpx_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// tunnels are the requests that can end HTTP, with the answers that do.
var tunnels = map[string]struct {
	answer string
	make   func(ctx context.Context, t *testing.T) *http.Request
}{
	"101": {
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
		func(ctx context.Context, t *testing.T) *http.Request {
			req := request(t, "GET", "http://origin", nil).WithContext(ctx)
			req.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"echo"}}
			return req
		},
	},
	"CONNECT": {
		"HTTP/1.1 200 OK\r\n\r\n",
		func(ctx context.Context, t *testing.T) *http.Request {
			req := request(t, "CONNECT", "http://origin", nil).WithContext(ctx)
			req.URL = &url.URL{Scheme: "http", Host: "origin", Opaque: "other:80"}
			return req
		},
	},
}

// TestTunnelEnds checks that a Stream's connection that HTTP has ended on is
// closed when Timeouts.Total has passed, or the request's own context has
// ended, and by nothing else: not by Timeouts.Body.
func TestTunnelEnds(t *testing.T) {
	for name, x := range tunnels {
		for _, how := range []string{"Total", "own context", "ctx"} {
			t.Run(name+"/"+how, func(t *testing.T) {
				bubbleScript(t, func(n int, c net.Conn, r *bufio.Reader) {
					io.WriteString(c, x.answer)
					silent(n, c, r)
				}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
					c := inMemory(new(httpx.Client), n)
					own, cancel := context.WithCancel(context.Background())
					defer cancel()
					outer, cancelOuter := context.WithCancel(ctx)
					defer cancelOuter()
					begin := time.Now()
					switch how {
					case "Total":
						c.Timeouts.Total = time.Hour
					case "own context":
						time.AfterFunc(time.Hour, cancel)
					case "ctx":
						time.AfterFunc(time.Hour, cancelOuter)
					}
					s, err := c.Stream(outer, x.make(own, t)).Await(ctx)
					if err != nil {
						return err
					}
					if _, err := s.Body.Read(make([]byte, 1)); err == nil || time.Since(begin) != time.Hour {
						t.Errorf("Read ended after %v, not an hour: %v", time.Since(begin), err)
					}
					s.Body.Close()
					synctest.Wait()
					if n := outgoing(ctx); n != 0 {
						t.Errorf("%d connections are left", n)
					}
					return nil
				})
			})
		}
	}
}

// TestTunnelOfDo checks that Do, which has no use for a connection that HTTP
// has ended on, returns the response without a body and closes that at once.
func TestTunnelOfDo(t *testing.T) {
	for name, x := range tunnels {
		t.Run(name, func(t *testing.T) {
			bubbleScript(t, func(n int, c net.Conn, r *bufio.Reader) {
				io.WriteString(c, x.answer+"what follows")
				if _, err := io.ReadAll(r); err != nil && !errors.Is(err, net.ErrClosed) {
					t.Logf("the client's end: %v", err)
				}
			}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
				c := inMemory(&httpx.Client{MaxConnsPerHost: 1}, n)
				for range 2 {
					begin := time.Now()
					r, err := c.Do(ctx, x.make(ctx, t)).Await(ctx)
					if err != nil {
						return err
					}
					wantBody(t, r, err, r.Status, "")
					if synctest.Wait(); outgoing(ctx) != 0 || time.Since(begin) != 0 {
						t.Errorf("%d connections are left after %v", outgoing(ctx), time.Since(begin))
					}
				}
				return nil
			})
		})
	}
}

// TestConnectBody checks that the body of a CONNECT is sent as it is, before
// and behind the answer, as package net/http does, and that it is closed with
// the tunnel.
func TestConnectBody(t *testing.T) {
	for name, ours := range map[string]bool{"net/http": false, "httpx": true} {
		t.Run(name, func(t *testing.T) {
			bubbleScript(t, func(_ int, c net.Conn, r *bufio.Reader) {
				io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
				io.Copy(c, r)
			}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
				std := &http.Transport{DialContext: n.DialContext}
				defer std.CloseIdleConnections()
				var rt http.RoundTripper = std
				if ours {
					rt = inMemory(new(httpx.Client), n)
				}
				body, w := io.Pipe()
				req := request(t, "CONNECT", "http://origin", body).WithContext(ctx)
				resp, err := rt.RoundTrip(req)
				if err != nil {
					return err
				}
				defer resp.Body.Close()
				b := make([]byte, 5)
				for _, text := range []string{"hello", "again"} {
					io.WriteString(w, text)
					if _, err := io.ReadFull(resp.Body, b); err != nil || string(b) != text {
						t.Errorf("got %q, %v", b, err)
					}
				}
				resp.Body.Close()
				synctest.Wait()
				if ours {
					if _, err := io.WriteString(w, "x"); !errors.Is(err, io.ErrClosedPipe) {
						t.Errorf("the body was not closed: %v", err)
					}
				}
				w.Close()
				return nil
			})
		})
	}
}
