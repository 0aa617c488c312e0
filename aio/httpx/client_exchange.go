package httpx

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"goaio.example/aio"
)

// outgoing is a client's request with all its attempts: redirects, retries and
// hedged requests.
type outgoing struct {
	client *Client
	req    *http.Request
	// the body, if given to the client as bytes; req has none then, until
	// giveBody
	small   []byte
	op      *aio.Op // in progress
	at      atomic.Int32
	meter   *progressMeter
	once    bool        // a RoundTrip: no redirects, cookies and retries
	bounded bool        // see bounds
	earned  bool        // it was counted for Retry.Budget
	sent    atomic.Bool // the transport has the request's own body
	url     *url.URL    // URL that the response came from
	stall   *stall      // alarm of the response's body
	endless bool        // an endless stream of events: see Client.EventsFunc
	gathers bool        // each attempt reads the response's body into memory
	taken   *http.Response
	body    []byte                  // body of taken, if gathers
	first   atomic.Pointer[outcome] // result of a trip made before; taken once

	mu     sync.Mutex
	over   bool
	why    error           // the cause that ended the exchange
	trip   *trip           // the trip made without a goroutine
	tunnel io.Closer       // see hold
	ctx    context.Context // see context
	cancel context.CancelCauseFunc
	stops  []func()
}

// outcome is the result of a request made once.
type outcome struct {
	resp *http.Response
	err  error
}

// init initializes ex for a request whose operation will begin as op under ctx.
// The caller must call done when the request is over, and end when the
// operation is cancelled.
func (ex *outgoing) init(ctx context.Context, c *Client, req *http.Request, op *aio.Op) {
	ex.client, ex.req, ex.op, ex.meter = c, req, op, meterOf(ctx)
	if c.Transport != nil {
		ex.setPhase(atDial) // a foreign Transport may not report phases
	}
}

// context returns a context that ends when op is cancelled, when req's own
// context ends, or when the request takes too long. The first call makes it.
func (ex *outgoing) context() context.Context {
	ex.mu.Lock()
	defer ex.mu.Unlock()
	if ex.ctx == nil {
		ex.ctx, ex.cancel = context.WithCancelCause((*outgoingValues)(ex))
		if ex.why != nil {
			ex.cancel(ex.why)
		}
	}
	return ex.ctx
}

// end ends the exchange with a cause.
func (ex *outgoing) end(cause error) {
	if cause == nil {
		cause = context.Canceled
	}
	ex.mu.Lock()
	if ex.why == nil {
		ex.why = cause
	}
	cancel, t, tunnel := ex.cancel, ex.trip, ex.tunnel
	ex.tunnel = nil
	ex.mu.Unlock()
	if cancel != nil {
		cancel(cause)
	}
	if t != nil {
		t.fail(cause)
	}
	if tunnel != nil {
		tunnel.Close()
	}
}

// hold makes the end of the exchange close a connection that HTTP has ended on,
// unless letGo is called before.
func (ex *outgoing) hold(tunnel io.Closer) {
	ex.mu.Lock()
	over := ex.why != nil
	if !over {
		ex.tunnel = tunnel
	}
	ex.mu.Unlock()
	if over {
		tunnel.Close()
	}
}

// letGo undoes hold.
func (ex *outgoing) letGo() {
	ex.mu.Lock()
	defer ex.mu.Unlock()
	ex.tunnel = nil
}

// attach makes the end of the exchange end the trip. It returns the cause if
// the exchange has ended.
func (ex *outgoing) attach(t *trip) error {
	ex.mu.Lock()
	defer ex.mu.Unlock()
	ex.trip = t
	return ex.why
}

// outgoingValues provides the values of an exchange's context: those of the
// operation and, behind them, those of the request's own context. It never
// ends: the operation's driver ends the exchange.
type outgoingValues outgoing

func (v *outgoingValues) Done() <-chan struct{}       { return nil }
func (v *outgoingValues) Err() error                  { return nil }
func (v *outgoingValues) Deadline() (time.Time, bool) { return v.op.Context().Deadline() }

func (v *outgoingValues) Value(key any) any {
	if found := v.op.Context().Value(key); found != nil {
		return found
	}
	return v.req.Context().Value(key)
}

func (ex *outgoing) setPhase(p int32) { ex.at.Store(p) }

// passPhase advances from one phase to the next. It ignores events of a
// connection that is not the request's own.
func (ex *outgoing) passPhase(from, to int32) { ex.at.CompareAndSwap(from, to) }

func (ex *outgoing) phase() Phase { return phases[ex.at.Load()] }

// The numbers of the phases. Package net/http checks the request before it asks
// for a connection.
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

// cause returns why this side ended the exchange, nil if it did not. The
// operation's context may see that a foreign context has ended a moment before
// the exchange is cancelled.
func (ex *outgoing) cause() error {
	ex.mu.Lock()
	why := ex.why
	ex.mu.Unlock()
	if why != nil {
		return why
	}
	return context.Cause(ex.op.Context())
}

// errTotal and errStalled are the causes of requests that took too long.
var (
	errTotal   error = timeoutError("the request took longer than Timeouts.Total")
	errStalled error = timeoutError("the response's body made no progress for Timeouts.Body")
)

// timeoutError is a net.Error that reports a timeout.
type timeoutError string

func (e timeoutError) Error() string { return string(e) }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return false }

// onDone registers fn to be called when the exchange is done.
func (ex *outgoing) onDone(fn func()) {
	ex.mu.Lock()
	defer ex.mu.Unlock()
	ex.stops = append(ex.stops, fn)
}

// done releases everything that the exchange holds.
func (ex *outgoing) done() {
	ex.mu.Lock()
	stops, over := ex.stops, ex.over
	ex.stops, ex.over = nil, true
	ex.mu.Unlock()
	if over {
		return
	}
	ex.meter.end()
	ex.closeBody()
	ex.stall.stop()
	for _, stop := range stops {
		stop()
	}
	ex.end(nil)
}

// doneWhole is done for an exchange of a single trip that is over: it holds
// nothing.
func (ex *outgoing) doneWhole() {
	ex.mu.Lock()
	simple := !ex.over && ex.stops == nil && ex.cancel == nil
	if simple {
		ex.over = true
		if ex.why == nil {
			ex.why = context.Canceled
		}
	}
	ex.mu.Unlock()
	if !simple {
		ex.done()
	}
}

// bounds starts the exchange's total timeout, and makes the end of the
// request's own context end it: at once if the context has ended.
func (ex *outgoing) bounds() {
	if ex.bounded {
		return
	}
	ex.bounded = true
	own := ex.req.Context()
	switch {
	case own.Done() == nil:
	case own.Err() != nil: // the function of AfterFunc would run later
		ex.end(context.Cause(own))
	default:
		stop := context.AfterFunc(own, func() { ex.end(context.Cause(own)) })
		ex.onDone(func() { stop() })
	}
	if d := orDefault(ex.client.Timeouts.Total, 0); d > 0 && !ex.endless {
		t := time.AfterFunc(d, func() { ex.end(errTotal) })
		ex.onDone(func() { t.Stop() })
	}
}

// do makes the request. It returns before the response's body is read; the
// exchange bounds that.
func (ex *outgoing) do() (*http.Response, error) {
	if ex.req.URL == nil {
		return nil, &Error{methodOf(ex.req), "", PhaseRequest, errors.New("the request has no URL")}
	}
	ex.giveBody()
	ex.bounds()
	// a response that a trip has brought must be closed
	if err := ex.cause(); err != nil && ex.first.Load() == nil {
		return nil, ex.wrap(err)
	}
	rt := ex.client.Transport
	if rt == nil {
		rt = (*transport)(ex)
	}
	if ex.client.Wrap != nil {
		rt = ex.client.Wrap(rt)
	}
	rt = ex.limited(rt)
	hc := &http.Client{Transport: rt, CheckRedirect: ex.checkRedirect, Jar: ex.client.Jar}
	var resp *http.Response
	var err error
	if ex.once {
		resp, err = rt.RoundTrip(ex.onceRequest())
	} else {
		resp, err = ex.attempts(hc)
	}
	if err == nil {
		err = ex.take(resp)
	}
	if err != nil {
		return nil, ex.wrap(err)
	}
	return resp, nil
}

// take accepts resp as the request's response, once, and gathers its body if
// gathers is set.
func (ex *outgoing) take(resp *http.Response) error {
	if ex.taken == resp {
		return nil
	}
	ex.taken = resp
	ex.setPhase(atBody)
	ex.url = resp.Request.URL
	ex.bound(resp)
	tunnel := endsHTTP(resp)
	if !ex.gathers {
		if tunnel {
			ex.hold(resp.Body)
		}
		return nil
	}
	defer resp.Body.Close()
	if tunnel { // it has no end to wait for
		ex.body = []byte{}
		return nil
	}
	announced := resp.ContentLength
	if resp.Request.Method == http.MethodHead {
		announced = 0 // the length that a GET's body would have
	}
	limit := ex.client.MaxBody
	if limit == 0 {
		limit = defaultMaxBody
	}
	var err error
	ex.body, err = readAll(resp.Body, limit, announced)
	return err
}

// giveBody gives the request the body that the client got as bytes.
func (ex *outgoing) giveBody() {
	if ex.small == nil {
		return
	}
	body := ex.small
	ex.small = nil
	ex.req.ContentLength = int64(len(body))
	ex.req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	if ex.req.Body, _ = ex.req.GetBody(); len(body) == 0 {
		ex.req.Body = http.NoBody
	}
}

// try makes the request once, including redirects. ctx is the exchange's
// context or derived from it.
func (ex *outgoing) try(ctx context.Context, hc *http.Client) (*http.Response, error) {
	if ex.client.Transport != nil {
		ctx = ex.traced(ctx)
	}
	req := ex.req.WithContext(ctx)
	host := req.Header.Get("Host")
	if host != "" || hc.Jar != nil { // the header would change
		req = ex.req.Clone(ctx)
	}
	if host != "" {
		req.Host = host
		req.Header.Del("Host")
	}
	ex.meter.upload(req, ex.client.Hedge.Delay > 0 && ex.repeatable())
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

// onceRequest returns the request of a RoundTrip.
func (ex *outgoing) onceRequest() *http.Request {
	ctx := ex.context()
	if ex.client.Transport != nil {
		ctx = ex.traced(ctx)
	}
	ex.sent.Store(true)
	req := ex.req.WithContext(ctx)
	ex.meter.upload(req, false)
	return req
}

// traced returns a context whose trace follows the phases of a foreign
// Transport.
func (ex *outgoing) traced(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
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
}

// closeBody closes the request's own body, unless the transport has it and
// closes it.
func (ex *outgoing) closeBody() {
	if ex.req.Body != nil && !ex.sent.Load() {
		ex.req.Body.Close()
	}
}

// ErrRedirects is the error of a request that was redirected more than
// Client.MaxRedirects times.
var ErrRedirects = errors.New("httpx: too many redirects")
