package httpx_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// TestWait checks how long a request waits for one of MaxConnsPerHost: for
// Timeouts.Wait, while no other request gets a connection.
func TestWait(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		for name, x := range map[string]struct {
			timeouts httpx.Timeouts
			each     time.Duration // that the requests before take
			before   int
			fails    time.Duration // 0: the request is answered
		}{
			"by default":      {each: time.Hour, before: 1, fails: 3 * time.Minute},
			"set":             {timeouts: httpx.Timeouts{Wait: time.Second}, each: time.Hour, before: 1, fails: time.Second},
			"none":            {timeouts: httpx.Timeouts{Wait: -1}, each: time.Hour, before: 1},
			"the queue moves": {each: 2 * time.Minute, before: 5},
			"it moves and does not": {
				timeouts: httpx.Timeouts{Wait: 90 * time.Second}, each: time.Minute, before: 3, fails: 2*time.Minute + 90*time.Second,
			},
		} {
			t.Run(name+protocolName(h2), func(t *testing.T) {
				takes := func(path string) time.Duration {
					if name == "it moves and does not" && path == "/2" {
						return time.Hour
					}
					return x.each
				}
				bubblePatient(t, h2, takes, func(ctx context.Context, t *testing.T, c *httpx.Client) error {
					c.MaxConnsPerHost = 1
					unbounded := x.timeouts
					unbounded.Header, unbounded.Body = -1, -1
					c.Timeouts = unbounded
					if h2 { // which brings the settings
						r, err := c.Get(ctx, "http://origin/settings").Await(ctx)
						wantBody(t, r, err, 200, "/settings")
					}
					begin := time.Now()
					var before []*aio.Future[*httpx.Response]
					for i := range x.before {
						before = append(before, c.Get(ctx, fmt.Sprint("http://origin/", i)))
						synctest.Wait()
					}
					r, err := c.Get(ctx, "http://origin/last").Await(ctx)
					d := time.Since(begin)
					if x.fails == 0 {
						wantBody(t, r, err, 200, "/last")
					} else if failsWith(t, err, httpx.PhaseDial, aio.ErrTimeout); d.Truncate(2*time.Second) != x.fails.Truncate(2*time.Second) {
						t.Errorf("it took %v, not %v", d, x.fails)
					}
					for _, f := range before {
						f.Cancel(nil)
						f.Await(ctx)
					}
					// Nothing is left behind of those that have failed.
					r, err = c.Get(ctx, "http://origin/settings").Await(ctx)
					wantBody(t, r, err, 200, "/settings")
					return nil
				})
			})
		}
	}
}

// bubblePatient runs main with a client of a server that answers each request
// after what takes says for its path, and those for /settings and /last at
// once. It allows one request at a time.
func bubblePatient(t *testing.T, h2 bool, takes func(path string) time.Duration, main func(ctx context.Context, t *testing.T, c *httpx.Client) error) {
	t.Helper()
	wait := func(path string) {
		if path != "/settings" && path != "/last" {
			time.Sleep(takes(path))
		}
	}
	if h2 {
		bubbleFrames(t, streams(1), func(_ int, p *framePeer) {
			answersAfter(p, wait)
		}, func(ctx context.Context, t *testing.T, c *httpx.Client, _ *aiotest.Network) error {
			return main(ctx, t, c)
		})
		return
	}
	bubbleRequests(t, func(_ int, c net.Conn, r *bufio.Reader, req *http.Request) {
		for {
			wait(req.URL.Path)
			answerPath(c, req.URL.Path)
			var err error
			if req, err = http.ReadRequest(r); err != nil {
				return
			}
		}
	}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
		return main(ctx, t, inMemory(new(httpx.Client), n))
	})
}
