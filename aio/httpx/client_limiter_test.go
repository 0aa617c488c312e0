package httpx_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
	"goaio.example/aio/timer"
)

// limits is a limiter for all paths, which keeps what it was asked for.
type limits struct {
	mu    sync.Mutex
	asked []string
	wait  func(ctx context.Context, n int) error
}

func (l *limits) of(r *http.Request) timer.Limiter {
	if r.URL.Path == "/free" {
		return nil
	}
	return limitOf{l, r.URL.Path}
}

func (l *limits) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.asked)
}

type limitOf struct {
	*limits
	path string
}

func (l limitOf) Wait(ctx context.Context) error {
	l.mu.Lock()
	l.asked = append(l.asked, l.path)
	n := len(l.asked)
	l.mu.Unlock()
	if l.wait == nil {
		return nil
	}
	return l.wait(ctx, n)
}

// TestLimiter checks that each request waits for the Limiter before it is sent:
// redirects, repetitions and hedging too.
func TestLimiter(t *testing.T) {
	var l *limits
	var mu sync.Mutex
	seen := 0
	slow := make(chan struct{})
	base := origin(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if seen++; r.URL.Path != "/free" && len(l.all()) < seen {
			t.Errorf("request %d to %s was sent before its limiter let it", seen, r.URL.Path)
		}
		switch {
		case r.URL.Path == "/redirect":
			http.Redirect(w, r, "/last", http.StatusFound)
		case r.URL.Path == "/fails" && seen < 3:
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.URL.Path == "/slow" && seen == 1:
			mu.Unlock()
			<-slow
			mu.Lock()
		}
	})
	aiotest.Run(t, func(ctx context.Context) error {
		for path, want := range map[string]string{
			"/redirect": "[/redirect /last]", "/fails": "[/fails /fails /fails]", "/free": "[]", "/slow": "[/slow /slow]",
		} {
			mu.Lock()
			l, seen = new(limits), 0
			mu.Unlock()
			c := &httpx.Client{Limiter: l.of, Retry: httpx.Retry{Attempts: 5, Backoff: timer.Backoff{Initial: time.Millisecond}}}
			if path == "/slow" {
				c.Hedge.Delay = time.Millisecond
			}
			r, err := c.Get(ctx, base+path).Await(ctx)
			if path == "/slow" {
				close(slow)
			}
			wantBody(t, r, err, 200, "")
			if got := fmt.Sprint(l.all()); got != want {
				t.Errorf("%s: the limiter was asked for %v, want %v", path, got, want)
			}
		}
		return nil
	})
}

// TestLimiterFails checks that an error of the Limiter's is the request's, that
// it is not tried again, and that a body that was not sent is closed.
func TestLimiterFails(t *testing.T) {
	errLimit := fmt.Errorf("would take too long: %w", context.DeadlineExceeded)
	base := origin(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("got %s", r.URL) })
	aiotest.Run(t, func(ctx context.Context) error {
		l := &limits{wait: func(context.Context, int) error { return errLimit }}
		c := &httpx.Client{Limiter: l.of, Retry: httpx.Retry{Attempts: 5, Backoff: timer.Backoff{Initial: time.Millisecond}}}
		_, err := c.Get(ctx, base).Await(ctx)
		failsWith(t, err, httpx.PhaseLimit, errLimit)
		if errors.Is(err, aio.ErrConn) || len(l.all()) != 1 {
			t.Errorf("%v, asked for %v", err, l.all())
		}
		c = &httpx.Client{Limiter: new(limits).of, Transport: refusing{}}
		_, err = c.Get(ctx, base).Await(ctx)
		failsWith(t, err, httpx.PhaseDial, errRefusing)
		c = &httpx.Client{Limiter: l.of}
		body := &limitedBody{Reader: strings.NewReader("body")}
		_, err = c.Do(ctx, request(t, "POST", base, body)).Await(ctx)
		failsWith(t, err, httpx.PhaseLimit, errLimit)
		if !body.closed {
			t.Error("the body was not closed")
		}
		return nil
	})
}

var errRefusing = errors.New("refused")

// refusing is a RoundTripper that fails.
type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) { return nil, errRefusing }

// limitedBody is a body that keeps whether it was closed.
type limitedBody struct {
	io.Reader
	closed bool
}

func (c *limitedBody) Close() error { c.closed = true; return nil }

// TestLimiterCancelled checks that the wait ends with the request, and counts
// for Timeouts.Total and for no other.
func TestLimiterCancelled(t *testing.T) {
	errEnd := errors.New("the end")
	base := origin(t, func(http.ResponseWriter, *http.Request) {})
	aiotest.Run(t, func(ctx context.Context) error {
		waiting := make(chan struct{}, 1)
		l := &limits{wait: func(ctx context.Context, _ int) error {
			waiting <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		}}
		f := (&httpx.Client{Limiter: l.of}).Get(ctx, base)
		<-waiting
		f.Cancel(errEnd)
		_, err := f.Await(ctx)
		failsWith(t, err, httpx.PhaseLimit, errEnd)

		_, err = (&httpx.Client{Limiter: l.of, Timeouts: httpx.Timeouts{Total: time.Millisecond}}).Get(ctx, base).Await(ctx)
		failsWith(t, err, httpx.PhaseLimit, aio.ErrTimeout)
		return nil
	})
}
