package httpx_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
)

// TestRetryClosesResponses checks that a response that is not the last one
// gives its connection back before the next attempt: the connection serves that
// if the rest of the body is short and there, and is closed otherwise.
func TestRetryClosesResponses(t *testing.T) {
	for name, x := range map[string]struct {
		body  string // of each failure
		stays bool   // it does not end
		conns int    // for 3 failures and a success
	}{
		"empty":  {conns: 1},
		"short":  {body: "busy", conns: 1},
		"64 KiB": {body: strings.Repeat("x", 64<<10-1), conns: 1},
		"long":   {body: strings.Repeat("x", 1<<20), conns: 4},
		"stalls": {body: "busy", stays: true, conns: 4},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			var calls atomic.Int32
			handler := func(w http.ResponseWriter, r *http.Request) {
				if calls.Add(1) > 3 {
					io.WriteString(w, "whole")
					return
				}
				w.WriteHeader(http.StatusServiceUnavailable)
				io.WriteString(w, x.body)
				if x.stays {
					http.NewResponseController(w).Flush()
					<-r.Context().Done()
				}
			}
			bubble(t, handler, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
				// an attempt gets no connection while another one has it
				c := inMemory(&httpx.Client{MaxConnsPerHost: 1, Retry: httpx.Retry{Attempts: 4, Backoff: exactly}}, n)
				conns, dial := 0, c.Dialer.DialContext
				c.Dialer.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
					conns++
					return dial(ctx, network, addr)
				}
				begin := time.Now()
				r, err := c.Get(ctx, "http://origin").Await(ctx)
				wantBody(t, r, err, 200, "whole")
				if d := time.Since(begin); d < 7*time.Second || d > 8*time.Second {
					t.Errorf("c.Get took %v, want 7s and less than 1s more", d)
				}
				if conns != x.conns {
					t.Errorf("%d connections for 4 attempts, want %d", conns, x.conns)
				}
				return nil
			})
		})
	}
}

// TestRetryBudgetCap checks that success earns retries only up to a bound: 100
// times Budget, but 10 at least.
func TestRetryBudgetCap(t *testing.T) {
	for _, x := range []struct {
		budget  float64
		retries int32 // of 20 failures after 200 successes
	}{{0, 10 + 2}, {0.05, 10 + 1}, {0.15, 15 + 3}} {
		t.Run(fmt.Sprint(x.budget), func(t *testing.T) {
			var calls atomic.Int32
			var fails atomic.Bool
			handler := func(w http.ResponseWriter, _ *http.Request) {
				calls.Add(1)
				if fails.Load() {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			}
			bubble(t, handler, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
				c := inMemory(&httpx.Client{Retry: httpx.Retry{Attempts: 2, Backoff: exactly, Budget: x.budget}}, n)
				for i := range 220 {
					if i == 200 {
						calls.Store(0)
						fails.Store(true)
					}
					if _, err := c.Get(ctx, "http://origin").Await(ctx); err != nil {
						t.Errorf("c.Get: %v", err)
					}
				}
				if k := calls.Load() - 20; k < x.retries-1 || k > x.retries {
					t.Errorf("%d retries of 20 requests, want %d or one less", k, x.retries)
				}
				return nil
			})
		})
	}
}

// TestRetryNotSpent checks that a request that this side has ended is not
// repeated, and takes nothing of the budget.
func TestRetryNotSpent(t *testing.T) {
	why := errors.New("why")
	gone := aio.NewConnError("read", "tcp", "peer", -1, aio.ErrReset)
	for name, x := range map[string]struct {
		timeouts httpx.Timeouts
		cancel   error
		is       error
	}{
		"Total":                   {timeouts: httpx.Timeouts{Total: time.Second}, is: aio.ErrTimeout},
		"cancelled":               {cancel: why, is: why},
		"cancelled with an error": {cancel: gone, is: gone},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			var calls atomic.Int32
			bubbleScript(t, func(n int, c net.Conn, r *bufio.Reader) {
				if calls.Add(1) <= 20 {
					silent(n, c, r)
					return
				}
				if calls.Load() == 21 {
					io.WriteString(c, "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
					return
				}
				io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nwhole")
			}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
				c := inMemory(&httpx.Client{Timeouts: x.timeouts, Retry: httpx.Retry{Attempts: 2, Backoff: exactly, Budget: 1e-9}}, n)
				for range 20 {
					f := c.Get(ctx, "http://origin")
					if x.cancel != nil {
						time.AfterFunc(time.Second, func() { f.Cancel(x.cancel) })
					}
					begin := time.Now()
					_, err := f.Await(ctx)
					failsWith(t, err, httpx.PhaseHeader, x.is)
					if d := time.Since(begin); d != time.Second {
						t.Errorf("c.Get failed after %v, want 1s", d)
					}
				}
				c.Timeouts.Total = 0
				r, err := c.Get(ctx, "http://origin").Await(ctx)
				wantBody(t, r, err, 200, "whole")
				return nil
			})
		})
	}
}

// TestRetryBlocked checks that a request that Client.Guard has blocked is not
// repeated, and that one that it fails with a condition is.
func TestRetryBlocked(t *testing.T) {
	for name, x := range map[string]struct {
		err   error
		calls int
		after time.Duration
	}{
		"blocked":   {httpx.ErrBlocked, 1, 0},
		"wrapped":   {fmt.Errorf("%w: not this one", httpx.ErrBlocked), 1, 0},
		"condition": {aio.NewConnError("dial", "tcp", "peer", -1, aio.ErrRefused), 3, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
				calls := 0
				c := inMemory(&httpx.Client{Retry: httpx.Retry{Attempts: 3, Backoff: exactly}}, new(aiotest.Network))
				c.Guard = func(context.Context, netip.AddrPort) error {
					calls++
					return x.err
				}
				begin := time.Now()
				_, err := c.Get(ctx, "http://192.0.2.1/").Await(ctx)
				failsWith(t, err, httpx.PhaseDial, x.err)
				if d := time.Since(begin); calls != x.calls || d != x.after {
					t.Errorf("%d attempts in %v, want %d in %v", calls, d, x.calls, x.after)
				}
				return nil
			})
		})
	}
}

// TestRetryKeepsHost checks that each attempt, also of a hedged request, is for
// the host in the request's header, and that the program's header stays as it
// is.
func TestRetryKeepsHost(t *testing.T) {
	for name, c := range map[string]*httpx.Client{
		"retried": {Retry: httpx.Retry{Attempts: 3, Backoff: exactly}},
		"hedged":  {Hedge: httpx.Hedge{Delay: time.Second, Max: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			handler := func(w http.ResponseWriter, r *http.Request) {
				n := calls.Add(1)
				if r.Host != "other.example" {
					t.Errorf("attempt %d is for %q, want other.example", n, r.Host)
				}
				switch {
				case n == 3:
				case name == "hedged":
					<-r.Context().Done()
				default:
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			}
			bubble(t, handler, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
				req := request(t, "GET", "http://origin", nil)
				req.Header.Set("Host", "other.example")
				r, err := inMemory(c, n).Do(ctx, req).Await(ctx)
				wantBody(t, r, err, 200, "")
				if k := calls.Load(); k != 3 {
					t.Errorf("%d attempts, want 3", k)
				}
				if got := req.Header.Get("Host"); got != "other.example" || req.Host != "origin" {
					t.Errorf("the request has the Host field %q and the Host %q behind it", got, req.Host)
				}
				return nil
			})
		})
	}
}
