package httpx

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/url"
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
	sent   atomic.Bool // package net/http has the request's own body
	url    *url.URL    // that the response came from

	mu    sync.Mutex
	stops []func()
}

// newOutgoing makes the record of a request under ctx. done must be called when it is over.
func (c *Client) newOutgoing(ctx context.Context, req *http.Request) *outgoing {
	ex := &outgoing{client: c, req: req, watch: watchOf(ctx)}
	ex.onDone(ex.watch.end)
	ex.setPhase(PhaseRequest) // package net/http checks it before it asks for a connection
	if c.Transport != nil {
		ex.setPhase(PhaseDial) // which may not tell of phases
	}
	ex.onDone(ex.closeBody)
	return ex
}

func (ex *outgoing) setPhase(p Phase) { ex.at.Store(p) }

// passPhase goes on to the next phase. What comes from a connection that is not the request's own is no matter.
func (ex *outgoing) passPhase(from, to Phase) { ex.at.CompareAndSwap(from, to) }

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
		return nil, &Error{methodOf(ex.req), "", PhaseRequest, errors.New("the request has no URL")}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	ex.ctx, ex.cancel = ctx, cancel
	ex.onDone(func() { cancel(nil) })
	if own := ex.req.Context(); own.Done() != nil {
		stop := context.AfterFunc(own, func() { cancel(context.Cause(own)) })
		ex.onDone(func() { stop() })
	}
	if d := orDefault(ex.client.Timeouts.Total, 0); d > 0 {
		t := time.AfterFunc(d, func() { cancel(errTotal) })
		ex.onDone(func() { t.Stop() })
	}
	rt, err := ex.client.transport(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := ex.attempts(&http.Client{Transport: rt, CheckRedirect: ex.checkRedirect, Jar: ex.client.Jar})
	if err != nil {
		return nil, ex.wrap(err)
	}
	ex.setPhase(PhaseBody)
	ex.url = resp.Request.URL
	ex.bound(resp)
	return resp, nil
}

// once makes the request once, redirects included, under ctx.
func (ex *outgoing) once(ctx context.Context, hc *http.Client) (*http.Response, error) {
	ctx = httptrace.WithClientTrace(both{ctx, ex.req.Context()}, &httptrace.ClientTrace{
		GetConn:           func(string) { ex.setPhase(PhaseDial) },
		TLSHandshakeStart: func() { ex.passPhase(PhaseDial, PhaseTLS) },
		GotConn:           func(httptrace.GotConnInfo) { ex.setPhase(PhaseSend) },
		WroteRequest: func(i httptrace.WroteRequestInfo) {
			if i.Err == nil {
				ex.passPhase(PhaseSend, PhaseHeader)
			}
		},
		GotFirstResponseByte: func() { ex.passPhase(PhaseSend, PhaseHeader) },
	})
	ctx = context.WithValue(ctx, attemptKey{}, ctx)
	req := ex.req.WithContext(ctx)
	host := req.Header.Get("Host")
	if host != "" || hc.Jar != nil { // which would change the headers
		req = ex.req.Clone(ctx)
	}
	if host != "" {
		req.Host = host
		req.Header.Del("Host")
	}
	ex.watch.upload(req)
	if ex.req.Body != nil && req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		req.Body = body
	} else {
		ex.sent.Store(true)
	}
	return hc.Do(req)
}

// closeBody closes the request's own body, unless package net/http has it, which does so.
func (ex *outgoing) closeBody() {
	if ex.req.Body != nil && !ex.sent.Load() {
		ex.req.Body.Close()
	}
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

// ErrRedirects is the error of a request that was redirected more than Client.MaxRedirects times.
var ErrRedirects = errors.New("httpx: too many redirects")

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
		return ErrRedirects
	}
	return nil
}
