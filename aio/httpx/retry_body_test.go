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
	"time"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// breaksOff answers the first calls with a body that breaks off, and then with
// one that is whole.
func breaksOff(calls *atomic.Int32, times int32, broken string) func(int, net.Conn, *bufio.Reader) {
	return func(_ int, c net.Conn, _ *bufio.Reader) {
		if calls.Add(1) <= times {
			io.WriteString(c, broken)
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nwhole")
	}
}

// TestRetryBody checks that a request whose response's body breaks off is made
// again if it may be, however the body is read into memory, and as often as
// Retry says.
func TestRetryBody(t *testing.T) {
	const short, chunks = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n"
	retry := httpx.Retry{Attempts: 3, Backoff: exactly}
	for name, x := range map[string]struct {
		client *httpx.Client
		method string
		broken string
		times  int32
		calls  int32
		fails  bool
	}{
		"short":            {client: &httpx.Client{Retry: retry}, broken: short, times: 2, calls: 3},
		"chunked":          {client: &httpx.Client{Retry: retry}, broken: chunks, times: 1, calls: 2},
		"read by a reader": {client: &httpx.Client{Retry: retry, Jar: httpx.NewJar()}, broken: short, times: 2, calls: 3},
		"hedged":           {client: &httpx.Client{Retry: retry, Hedge: httpx.Hedge{Delay: time.Hour}}, broken: short, times: 2, calls: 3},
		"attempts used up": {client: &httpx.Client{Retry: retry}, broken: short, times: 3, calls: 3, fails: true},
		"reader used up":   {client: &httpx.Client{Retry: retry, Jar: httpx.NewJar()}, broken: short, times: 3, calls: 3, fails: true},
		"POST":             {client: &httpx.Client{Retry: retry}, method: "POST", broken: short, times: 3, calls: 1, fails: true},
		"off":              {client: new(httpx.Client), broken: short, times: 3, calls: 1, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			bubbleScript(t, breaksOff(&calls, x.times, x.broken), func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
				own, ch := httpx.WithProgress(ctx)
				if name == "short" {
					own = ctx
				}
				begin := time.Now()
				r, err := inMemory(x.client, n).Do(own, request(t, x.method, "http://origin/", nil)).Await(ctx)
				if x.fails {
					failsWith(t, err, httpx.PhaseBody, io.ErrUnexpectedEOF)
				} else {
					wantBody(t, r, err, 200, "whole")
				}
				if calls.Load() != x.calls {
					t.Errorf("%d requests, not %d", calls.Load(), x.calls)
				}
				if d, want := time.Since(begin), time.Second*time.Duration(1<<(x.calls-1)-1); d != want {
					t.Errorf("it took %v, not %v", d, want)
				}
				if name == "short" {
					return nil
				}
				var last httpx.Progress
				for p := range ch {
					last = p
				}
				if !x.fails && last.Received != 5 {
					t.Errorf("received %d bytes", last.Received)
				}
				return nil
			})
		})
	}
}

// TestRetryBodyNot checks which bodies are not asked for again: one that the
// program reads itself, one that stalls, and one that is too large.
func TestRetryBodyNot(t *testing.T) {
	for _, jar := range []http.CookieJar{nil, httpx.NewJar()} {
		var calls atomic.Int32
		bubbleScript(t, func(n int, c net.Conn, r *bufio.Reader) {
			calls.Add(1)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart")
			if n > 1 {
				silent(n, c, r)
			}
		}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
			c := inMemory(&httpx.Client{Retry: httpx.Retry{Attempts: 3, Backoff: exactly}, Jar: jar}, n)
			s, err := c.Stream(ctx, request(t, "GET", "http://origin/", nil)).Await(ctx)
			if err != nil {
				return err
			}
			b, err := io.ReadAll(s.Body)
			failsWith(t, err, httpx.PhaseBody, io.ErrUnexpectedEOF)
			if string(b) != "part" {
				t.Errorf("got %q", b)
			}
			begin := time.Now()
			_, err = c.Get(ctx, "http://origin/").Await(ctx)
			if d := time.Since(begin); d != 30*time.Second || err == nil || !strings.Contains(err.Error(), "no progress") {
				t.Errorf("after %v: %v", d, err)
			}
			c.MaxBody = 8
			_, err = c.Get(ctx, "http://origin/").Await(ctx)
			failsWith(t, err, httpx.PhaseBody, httpx.ErrBodyTooLarge)
			if calls.Load() != 3 {
				t.Errorf("%d requests", calls.Load())
			}
			return nil
		})
	}
}
