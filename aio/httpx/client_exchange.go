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

	"goaio.example/aio"
)

// outgoing is a request of a client's with all that is done for it: redirects, retries, hedging.
type outgoing struct {
	client *Client
	req    *http.Request
	op     *aio.Op // in progress
	at     atomic.Int32
	ctx    context.Context // ends when op is cancelled, req's own context ends, or the request takes too long
	cancel context.CancelCauseFunc
	watch  *progressWatch
	sent   atomic.Bool // package net/http has the request's own body
	url    *url.URL    // that the response came from
	stall  stall

	mu    sync.Mutex
	over  bool
	stops []func()
}

// newOutgoing makes the record of a request whose operation is about to be begun as op under ctx. done must be called
// when it is over, and cancel when the operation is cancelled.
func (c *Client) newOutgoing(ctx context.Context, req *http.Request, op *aio.Op) *outgoing {
	ex := &outgoing{client: c, req: req, op: op, watch: watchOf(ctx)}
	if c.Transport != nil {
		ex.setPhase(atDial) // which may not tell of phases
	}
	ex.ctx, ex.cancel = context.WithCancelCause((*outgoingValues)(ex))
	return ex
}

// outgoingValues is what an exchange's ctx has its values from: the operation and, behind that, the request's own context.
// It has no end of its own: the operation's driver cancels the exchange.
type outgoingValues outgoing

func (v *outgoingValues) Done() <-chan struct{}       { return nil }
func (v *outgoingValues) Err() error                  { return nil }
func (v *outgoingValues) Deadline() (time.Time, bool) { return v.op.Context().Deadline() }

func (v *outgoingValues) Value(key any) any {
	if key == (attemptKey{}) {
		return v.ctx
	}
	if found := v.op.Context().Value(key); found != nil {
		return found
	}
	return v.req.Context().Value(key)
}

func (ex *outgoing) setPhase(p int32) { ex.at.Store(p) }

// passPhase goes on to the next phase. What comes from a connection that is not the request's own is no matter.
func (ex *outgoing) passPhase(from, to int32) { ex.at.CompareAndSwap(from, to) }

func (ex *outgoing) phase() Phase { return phases[ex.at.Load()] }

// The phases by their numbers. Package net/http checks the request before it asks for a connection.
const (
	_ int32 = iota
	atDial
	atTLS
	atSend
	atHeader
	atBody
	atLimit
)

var phases = [...]Phase{PhaseRequest, PhaseDial, PhaseTLS, PhaseSend, PhaseHeader, PhaseBody, PhaseLimit}

// cause is why the exchange was ended from this side, nil if it was not. The operation's ctx may know of the end of a
// foreign one a moment before the exchange is cancelled.
func (ex *outgoing) cause() error {
	if ex.ctx.Err() != nil {
		return context.Cause(ex.ctx)
	}
	return context.Cause(ex.op.Context())
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
	stops, over := ex.stops, ex.over
	ex.stops, ex.over = nil, true
	ex.mu.Unlock()
	if over {
		return
	}
	ex.watch.end()
	ex.closeBody()
	ex.stall.stop()
	for _, stop := range stops {
		stop()
	}
	ex.cancel(nil)
}

// do makes the request. The response's body is still to be read; the exchange bounds that.
func (ex *outgoing) do() (*http.Response, error) {
	if ex.req.URL == nil {
		return nil, &Error{methodOf(ex.req), "", PhaseRequest, errors.New("the request has no URL")}
	}
	if own := ex.req.Context(); own.Done() != nil {
		stop := context.AfterFunc(own, func() { ex.cancel(context.Cause(own)) })
		ex.onDone(func() { stop() })
	}
	if d := orDefault(ex.client.Timeouts.Total, 0); d > 0 {
		t := time.AfterFunc(d, func() { ex.cancel(errTotal) })
		ex.onDone(func() { t.Stop() })
	}
	rt, err := ex.client.transport(ex.ctx)
	if err != nil {
		return nil, err
	}
	resp, err := ex.attempts(&http.Client{Transport: ex.limited(rt), CheckRedirect: ex.checkRedirect, Jar: ex.client.Jar})
	if err != nil {
		return nil, ex.wrap(err)
	}
	ex.setPhase(atBody)
	ex.url = resp.Request.URL
	ex.bound(resp)
	return resp, nil
}

// once makes the request once, redirects included, under ctx, which is the exchange's or derived from that.
func (ex *outgoing) once(ctx context.Context, hc *http.Client) (*http.Response, error) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:           func(string) { ex.setPhase(atDial) },
		TLSHandshakeStart: func() { ex.passPhase(atDial, atTLS) },
		GotConn:           func(httptrace.GotConnInfo) { ex.setPhase(atSend) },
		WroteRequest: func(i httptrace.WroteRequestInfo) {
			if i.Err == nil {
				ex.passPhase(atSend, atHeader)
			}
		},
		GotFirstResponseByte: func() { ex.passPhase(atSend, atHeader) },
	})
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
