package httpx

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/timer"
)

// Retry repeats requests that failed, or were answered with one of Statuses.
// Only requests that may be repeated are: those with an idempotent method (RFC
// 9110, 9.2.2) or an Idempotency-Key header, whose body, if there is one, can
// be sent again (http.Request.GetBody).
//
// If a response's body breaks off while the client reads it, the request has
// failed: a request of Do is repeated. A request of Stream is not, because the
// program has part of the body by then. A request is not repeated either if its
// context, its Timeouts.Total or, within the body, its Timeouts.Body has ended
// it, or if its body is larger than MaxBody.
type Retry struct {
	// Attempts is how often a request is made in total. 0 and 1 mean once.
	Attempts int
	// Backoff is how long to wait before each retry, with full jitter. Its own
	// Attempts and Limiter have no effect.
	Backoff timer.Backoff
	// Statuses are the statuses for which a request is repeated. nil means 429,
	// 502, 503 and 504.
	Statuses []int
	// MaxWait is the longest Retry-After to wait for; a response that asks for
	// more is returned. 0 means 30 s; negative: no bound.
	MaxWait time.Duration
	// Budget is the number of retries allowed per request, over all requests of
	// the client to all hosts. It keeps a failing server from getting a
	// multiple of its load. The first 10 retries are free. 0 means 0.1;
	// negative: no bound.
	Budget float64
}

// budget is what a client may still spend on retries.
type budget struct {
	mu     sync.Mutex
	tokens float64
	begun  bool
}

const freeRetries = 10

// earn adds the share of one request.
func (b *budget) earn(rate float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.begun {
		b.begun, b.tokens = true, freeRetries
	}
	b.tokens = min(b.tokens+rate, max(freeRetries, 100*rate))
}

// spend takes one retry. It reports false if none is left.
func (b *budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// attempts makes the request, and repeats it as Retry says.
func (ex *outgoing) attempts(hc *http.Client) (*http.Response, error) {
	r := &ex.client.Retry
	rate := r.Budget
	if rate == 0 {
		rate = 0.1
	}
	if ex.endless { // the stream reconnects itself
		return ex.try(ex.context(), hc)
	}
	ex.earn()
	if r.Attempts < 2 || !ex.repeatable() {
		return ex.hedged(hc)
	}
	backoff := r.Backoff
	backoff.Attempts = r.Attempts
	var resp *http.Response
	var err error
	var asked time.Duration
	for n, wait := range backoff.Delays() {
		if n > 1 {
			if rate >= 0 && !ex.client.spent.spend() {
				return resp, err
			}
			drop(resp)
			ex.stall.stop()
			ex.meter.again()
			if perr := pause(ex.context(), max(wait, asked)); perr != nil {
				return nil, perr
			}
		}
		if resp, err = ex.hedged(hc); err == nil && !slices.Contains(r.statuses(), resp.StatusCode) {
			if err = ex.take(resp); err != nil {
				resp = nil
			}
		}
		if n >= r.Attempts || !ex.retryable(resp, err) {
			return resp, err
		}
		var ok bool
		if asked, ok = r.retryAfter(resp); !ok {
			return resp, err
		}
	}
	return resp, err
}

// earn counts the request for Retry.Budget, once.
func (ex *outgoing) earn() {
	if ex.earned || ex.client.Retry.Attempts < 2 {
		return
	}
	ex.earned = true
	rate := ex.client.Retry.Budget
	if rate == 0 {
		rate = 0.1
	}
	ex.client.spent.earn(max(rate, 0))
}

// repeatable reports whether the request may be made more than once.
func (ex *outgoing) repeatable() bool {
	if ex.req.Body != nil && ex.req.Body != http.NoBody && ex.req.GetBody == nil {
		return false
	}
	switch ex.req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return ex.req.Header.Get("Idempotency-Key") != ""
}

// retryable reports whether an outcome is worth another attempt.
func (ex *outgoing) retryable(resp *http.Response, err error) bool {
	if err != nil {
		return ex.cause() == nil && ex.worthwhile(err)
	}
	return slices.Contains(ex.client.Retry.statuses(), resp.StatusCode)
}

// worthwhile reports whether another attempt may succeed after one has failed
// with err. It may not after a bad certificate, for example.
func (ex *outgoing) worthwhile(err error) bool {
	var conn *aio.ConnError
	return errors.As(ex.condition(err), &conn) && !errors.Is(err, ErrBlocked)
}

// statuses returns the statuses for which a request is repeated.
func (r *Retry) statuses() []int {
	if r.Statuses == nil {
		return retryStatuses
	}
	return r.Statuses
}

var retryStatuses = []int{http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}

// retryAfter returns how long a response asks to wait (RFC 9110, 10.2.3). It
// reports false if that is too long.
func (r *Retry) retryAfter(resp *http.Response) (time.Duration, bool) {
	if resp == nil {
		return 0, true
	}
	v := resp.Header.Get("Retry-After")
	var d time.Duration
	if s, err := strconv.ParseUint(v, 10, 31); err == nil {
		d = time.Duration(s) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		d = time.Until(at)
	}
	limit := r.MaxWait
	if limit == 0 {
		limit = 30 * time.Second
	}
	return max(d, 0), d <= limit || limit < 0
}

// drop discards a response. It reads a little of the body, for a moment, so
// that the connection can be used again.
func drop(resp *http.Response) {
	if resp == nil {
		return
	}
	t := time.AfterFunc(100*time.Millisecond, func() { resp.Body.Close() })
	defer t.Stop()
	io.CopyN(io.Discard, resp.Body, 64<<10)
	resp.Body.Close()
}

// pause waits for d. It returns the cause if ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	if _, err := timer.After(ctx, d).Await(ctx); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	return nil
}
