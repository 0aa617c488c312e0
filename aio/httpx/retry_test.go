package httpx_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
	"goaio.example/aio/timer"
)

// unsteady answers with each of the statuses in turn, and 200 afterwards. A
// negative one breaks the connection.
func unsteady(calls *atomic.Int32, header http.Header, statuses ...int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n := int(calls.Add(1))
		if n > len(statuses) {
			echoes(w, r)
			return
		}
		if statuses[n-1] < 0 {
			panic(http.ErrAbortHandler)
		}
		for k, v := range header {
			w.Header()[k] = v
		}
		w.WriteHeader(statuses[n-1])
	}
}

// exactly waits 1 s, 2 s, 4 s.
var exactly = timer.Backoff{Initial: time.Second, Jitter: -1}

// TestRetry checks what is repeated, how often, and after what time.
func TestRetry(t *testing.T) {
	opaque := func() io.Reader { return io.MultiReader(strings.NewReader("body")) }
	for name, x := range map[string]struct {
		retry    httpx.Retry
		method   string
		body     io.Reader
		header   http.Header // of the request
		says     http.Header // of the failures
		statuses []int
		status   int // 0: an error
		calls    int32
		after    time.Duration
	}{
		"off":                   {statuses: []int{503}, status: 503, calls: 1},
		"status":                {retry: httpx.Retry{Attempts: 3}, statuses: []int{503, 429}, status: 200, calls: 3, after: 3 * time.Second},
		"all statuses":          {retry: httpx.Retry{Attempts: 9}, statuses: []int{429, 502, 503, 504}, status: 200, calls: 5, after: 15 * time.Second},
		"attempts used up":      {retry: httpx.Retry{Attempts: 3}, statuses: []int{503, 503, 503}, status: 503, calls: 3, after: 3 * time.Second},
		"other status":          {retry: httpx.Retry{Attempts: 3}, statuses: []int{500}, status: 500, calls: 1},
		"own statuses":          {retry: httpx.Retry{Attempts: 3, Statuses: []int{500}}, statuses: []int{500, 503}, status: 503, calls: 2, after: time.Second},
		"broken":                {retry: httpx.Retry{Attempts: 3}, statuses: []int{-1, -1}, status: 200, calls: 3, after: 3 * time.Second},
		"broken for good":       {retry: httpx.Retry{Attempts: 2}, statuses: []int{-1, -1, -1}, calls: 2, after: time.Second},
		"PUT with a body":       {retry: httpx.Retry{Attempts: 3}, method: "PUT", body: strings.NewReader("body"), statuses: []int{503}, status: 200, calls: 2, after: time.Second},
		"PUT with opaque body":  {retry: httpx.Retry{Attempts: 3}, method: "PUT", body: opaque(), statuses: []int{503}, status: 503, calls: 1},
		"POST":                  {retry: httpx.Retry{Attempts: 3}, method: "POST", statuses: []int{503}, status: 503, calls: 1},
		"POST broken":           {retry: httpx.Retry{Attempts: 3}, method: "POST", statuses: []int{-1}, calls: 1},
		"PATCH broken":          {retry: httpx.Retry{Attempts: 3}, method: "PATCH", statuses: []int{-1}, calls: 1},
		"unknown method":        {retry: httpx.Retry{Attempts: 3}, method: "BREW", statuses: []int{-1}, calls: 1},
		"POST with key":         {retry: httpx.Retry{Attempts: 3}, method: "POST", header: http.Header{"Idempotency-Key": {"1"}}, statuses: []int{503}, status: 200, calls: 2, after: time.Second},
		"Retry-After":           {retry: httpx.Retry{Attempts: 3}, says: http.Header{"Retry-After": {"7"}}, statuses: []int{503}, status: 200, calls: 2, after: 7 * time.Second},
		"Retry-After less":      {retry: httpx.Retry{Attempts: 3}, says: http.Header{"Retry-After": {"0"}}, statuses: []int{503}, status: 200, calls: 2, after: time.Second},
		"Retry-After date":      {retry: httpx.Retry{Attempts: 3}, says: http.Header{"Retry-After": {"Sat, 01 Jan 2000 00:00:09 GMT"}}, statuses: []int{503}, status: 200, calls: 2, after: 9 * time.Second},
		"Retry-After past":      {retry: httpx.Retry{Attempts: 3}, says: http.Header{"Retry-After": {"Sat, 01 Jan 1990 00:00:09 GMT"}}, statuses: []int{503}, status: 200, calls: 2, after: time.Second},
		"Retry-After nonsense":  {retry: httpx.Retry{Attempts: 3}, says: http.Header{"Retry-After": {"soon"}}, statuses: []int{503}, status: 200, calls: 2, after: time.Second},
		"Retry-After too long":  {retry: httpx.Retry{Attempts: 3}, says: http.Header{"Retry-After": {"31"}}, statuses: []int{503}, status: 503, calls: 1},
		"Retry-After unbounded": {retry: httpx.Retry{Attempts: 3, MaxWait: -1}, says: http.Header{"Retry-After": {"3600"}}, statuses: []int{503}, status: 200, calls: 2, after: time.Hour},
		"MaxWait":               {retry: httpx.Retry{Attempts: 3, MaxWait: time.Second}, says: http.Header{"Retry-After": {"2"}}, statuses: []int{503}, status: 503, calls: 1},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			bubble(t, unsteady(&calls, x.says, x.statuses...), func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
				x.retry.Backoff = exactly
				c := inMemory(&httpx.Client{Retry: x.retry}, n)
				if x.method == "" {
					x.method = "GET"
				}
				req := request(t, x.method, "http://origin/", x.body)
				for k, v := range x.header {
					req.Header[k] = v
				}
				begin := time.Now()
				r, err := c.Do(ctx, req).Await(ctx)
				if d := time.Since(begin); d != x.after {
					t.Errorf("it took %v, not %v", d, x.after)
				}
				if x.status == 0 {
					failsWith(t, err, httpx.PhaseHeader, aio.ErrEOF)
				} else if err != nil || r.Status != x.status {
					t.Errorf("got %v, %v, not %d", r, err, x.status)
				} else if x.status == 200 && x.body != nil && string(r.Body) != "/\nbody" {
					t.Errorf("got %q", r.Body)
				}
				if k := calls.Load(); k != x.calls {
					t.Errorf("%d requests, not %d", k, x.calls)
				}
				return nil
			})
		})
	}
}

// TestRetryConditions checks that a request that can only fail again is not
// repeated, and that one that is cancelled ends.
func TestRetryConditions(t *testing.T) {
	var calls atomic.Int32
	bubble(t, unsteady(&calls, nil, 503, 503, 503), func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
		c := inMemory(&httpx.Client{Retry: httpx.Retry{Attempts: 3, Backoff: exactly}}, n)
		begin := time.Now()
		_, err := c.Get(ctx, "foo://origin").Await(ctx)
		failsWith(t, err, httpx.PhaseRequest, err)
		if d := time.Since(begin); d != 0 {
			t.Errorf("an invalid request took %v", d)
		}
		_, err = c.Get(ctx, "http://origin:81").Await(ctx)
		failsWith(t, err, httpx.PhaseDial, aio.ErrRefused)
		if d := time.Since(begin); d != 3*time.Second {
			t.Errorf("3 refused requests took %v", d)
		}
		f := c.Get(ctx, "http://origin")
		time.Sleep(time.Second / 2)
		why := errors.New("why")
		f.Cancel(why)
		_, err = f.Await(ctx)
		failsWith(t, err, httpx.PhaseHeader, why)
		if k := calls.Load(); k != 1 {
			t.Errorf("%d requests", k)
		}
		c = inMemory(&httpx.Client{Retry: c.Retry, Timeouts: httpx.Timeouts{Total: 2 * time.Second}}, n)
		_, err = c.Get(ctx, "http://origin").Await(ctx)
		failsWith(t, err, httpx.PhaseHeader, aio.ErrTimeout)
		return nil
	})
}

// TestRetryBudget checks that a failing server gets little more than its load,
// and that success earns new repetitions.
func TestRetryBudget(t *testing.T) {
	for _, x := range []struct {
		budget float64
		calls  int32
	}{{0, 100 + 10 + 10}, {0.5, 100 + 10 + 50}, {-1, 300}} {
		t.Run(fmt.Sprint(x.budget), func(t *testing.T) {
			var calls atomic.Int32
			bubble(t, func(w http.ResponseWriter, _ *http.Request) {
				calls.Add(1)
				w.WriteHeader(503)
			}, func(ctx context.Context, t *testing.T, n *aiotest.Network) error {
				c := inMemory(&httpx.Client{Retry: httpx.Retry{Attempts: 3, Backoff: exactly, Budget: x.budget}}, n)
				for range 100 {
					r, err := c.Get(ctx, "http://origin").Await(ctx)
					wantBody(t, r, err, 503, "")
				}
				if k := calls.Load(); k < x.calls-12 || k > x.calls+1 {
					t.Errorf("%d requests, not about %d", k, x.calls)
				}
				return nil
			})
		})
	}
}
