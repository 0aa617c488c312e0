package httpx

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"
)

// outgoing is a request of a client's with all that is done for it: redirects, retries, hedging.
type outgoing struct {
	client *Client
	req    *http.Request
	at     atomic.Value // Phase
	cancel context.CancelCauseFunc
	ctx    context.Context
	watch  *progressWatch

	mu    sync.Mutex
	stops []func()
}

func (c *Client) newOutgoing(req *http.Request) *outgoing {
	ex := &outgoing{client: c, req: req}
	ex.setPhase(PhaseDial)
	return ex
}

func (ex *outgoing) setPhase(p Phase) { ex.at.Store(p) }

func (ex *outgoing) phase() Phase { return ex.at.Load().(Phase) }

// cause is why the exchange was ended from this side, nil if it was not.
func (ex *outgoing) cause() error {
	if ex.ctx == nil || ex.ctx.Err() == nil {
		return nil
	}
	return context.Cause(ex.ctx)
}

// errTotal and errStalled are the causes of requests that took too long.
var (
	errTotal   = timeoutError("the request took longer than Timeouts.Total")
	errStalled = timeoutError("the response's body made no progress for Timeouts.Body")
)

// timeoutError is a net.Error of our own.
type timeoutError string

func (e timeoutError) Error() string { return string(e) }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return false }

// onDone has fn called when the exchange is done.
func (ex *outgoing) onDone(fn func()) {
	ex.mu.Lock()
	defer ex.mu.Unlock()
	ex.stops = append(ex.stops, fn)
}

// done lets go of all that the exchange holds.
func (ex *outgoing) done() {
	ex.mu.Lock()
	stops := ex.stops
	ex.stops = nil
	ex.mu.Unlock()
	for _, stop := range stops {
		stop()
	}
}

// do makes the request. The response's body is still to be read; the exchange bounds that.
func (ex *outgoing) do(ctx context.Context) (*http.Response, error) {
	if ex.req.URL == nil {
		return nil, &Error{ex.req.Method, "", PhaseRequest, errors.New("the request has no URL")}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	ex.ctx, ex.cancel = ctx, cancel
	ex.onDone(func() { cancel(nil) })
	own := ex.req.Context()
	stop := context.AfterFunc(own, func() { cancel(context.Cause(own)) })
	ex.onDone(func() { stop() })
	if d := orDefault(ex.client.Timeouts.Total, 0); d > 0 {
		t := time.AfterFunc(d, func() { cancel(errTotal) })
		ex.onDone(func() { t.Stop() })
	}
	rt, err := ex.client.transport(ctx)
	if err != nil {
		return nil, err
	}
	ex.watch = watchOf(ctx)
	ex.onDone(ex.watch.end)
	resp, err := ex.attempts(&http.Client{Transport: rt, CheckRedirect: ex.checkRedirect, Jar: ex.client.Jar})
	if err != nil {
		return nil, ex.wrap(err)
	}
	ex.bound(resp)
	return resp, nil
}

// once makes the request once, redirects included, under ctx.
func (ex *outgoing) once(ctx context.Context, hc *http.Client) (*http.Response, error) {
	ctx = httptrace.WithClientTrace(both{ctx, ex.req.Context()}, &httptrace.ClientTrace{
		GetConn:              func(string) { ex.setPhase(PhaseDial) },
		TLSHandshakeStart:    func() { ex.setPhase(PhaseTLS) },
		TLSHandshakeDone:     func(tls.ConnectionState, error) {},
		GotConn:              func(httptrace.GotConnInfo) { ex.setPhase(PhaseSend) },
		WroteRequest:         func(httptrace.WroteRequestInfo) { ex.setPhase(PhaseHeader) },
		GotFirstResponseByte: func() { ex.setPhase(PhaseHeader) },
	})
	req := ex.req.Clone(ctx)
	if ex.req.Body != nil && ex.req.GetBody != nil {
		body, err := ex.req.GetBody()
		if err != nil {
			return nil, err
		}
		req.Body = body
	} else {
		req.Body = ex.req.Body
	}
	ex.watch.upload(req)
	return hc.Do(req)
}

// both is ctx with the values of the request's own context behind its own.
type both struct {
	context.Context
	values context.Context
}

func (b both) Value(key any) any {
	if v := b.Context.Value(key); v != nil {
		return v
	}
	return b.values.Value(key)
}

// errRedirects is the error of a request that was redirected too often.
var errRedirects = errors.New("httpx: too many redirects")

// checkRedirect bounds the redirects.
func (ex *outgoing) checkRedirect(_ *http.Request, via []*http.Request) error {
	limit := ex.client.MaxRedirects
	if limit == 0 {
		limit = 10
	}
	switch {
	case limit < 0:
		return http.ErrUseLastResponse
	case len(via) > limit:
		return errRedirects
	}
	return nil
}
