package httpx

import (
	"context"
	"net/http"
	"net/http/httptrace"

	"goaio.example/aio"
)

// transport is the http.RoundTripper that makes an exchange's requests on the
// connections of the loop's pool.
type transport outgoing

// RoundTrip makes a request. A trip may have made the first one already.
func (tr *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ex := (*outgoing)(tr)
	if first := ex.first.Swap(nil); first != nil {
		closeBodyOf(req)
		if first.resp != nil {
			first.resp.Request = req
		}
		return first.resp, first.err
	}
	err := checkRequest(req)
	if err == nil { // its end is noticed later, in another goroutine
		err = context.Cause(req.Context())
	}
	if err != nil {
		closeBodyOf(req)
		return nil, err
	}
	var tries sharedTries
	for {
		w := &waiter{came: make(chan struct{})}
		w.trip.trace = httptrace.ContextClientTrace(req.Context())
		if err := w.trip.plan(ex, req, w, req.Context()); err != nil {
			closeBodyOf(req)
			return nil, err
		}
		resp, s, err := w.make(req.Context())
		if s == nil {
			return resp, err
		}
		resp, again, err := s.roundTrip(ex, req, &tries)
		if again == nil {
			return resp, err
		}
		if err := tries.pause(req.Context()); err != nil {
			closeBodyOf(again)
			return nil, err
		}
		req = again
	}
}

// closeBodyOf closes the body of a request that is not made.
func closeBodyOf(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

// plan fills in a trip. ctx has the request's values.
func (t *trip) plan(ex *outgoing, req *http.Request, to taker, ctx context.Context) error {
	t.ex, t.req, t.taker, t.values = ex, req, to, ctx
	var err error
	if t.pool, err = ex.client.poolOf(ex.op.Loop()); err != nil {
		return err
	}
	if t.key, t.proxy, err = ex.client.keyOf(req); err != nil {
		return err
	}
	if req.Body != nil && req.Body != http.NoBody {
		t.upload = newUpload(t)
	}
	return nil
}

// waiter is the taker of a trip whose response a goroutine waits for. The body
// is a stream.
type waiter struct {
	trip   trip
	came   chan struct{} // closed with one of the following
	resp   *http.Response
	err    error
	shared *sharedConns
}

// make makes the trip, and waits for its response.
func (w *waiter) make(ctx context.Context) (*http.Response, *sharedConns, error) {
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() { w.trip.fail(context.Cause(ctx)) })
		w.trip.mu.Lock()
		w.trip.detach = stop
		w.trip.mu.Unlock()
	}
	w.trip.start()
	<-w.came
	return w.resp, w.shared, w.err
}

func (w *waiter) head(t *trip, k *clientConn) (most int64, gather bool) {
	switch {
	case t.in.state == answerTunnel:
		w.resp = t.response(k, t.in.tunnel)
	case t.in.state == answerBody && t.in.left == 0:
		w.resp = t.response(k, http.NoBody)
		return 0, true
	default:
		w.resp = t.response(k, t.openStream(k))
	}
	close(w.came)
	return 0, false
}

func (w *waiter) whole(*trip, []byte) { close(w.came) }

func (w *waiter) failed(_ *trip, err error) {
	w.resp, w.err = nil, err
	close(w.came)
}

func (w *waiter) share(_ *trip, s *sharedConns) {
	w.shared = s
	close(w.came)
}

// RoundTrip makes a request once: without redirects, cookies, retries and
// hedging, which are up to the caller. It makes a Client an http.RoundTripper,
// so that a library that wants an http.Client can be given one with the Client
// as its Transport. The request's context must have a loop. The request is an
// operation of that loop, as those of Do are, until the response's body is
// closed or read to its end. The body of a 101 is an operation of the loop
// itself, "http.tunnel", until it is closed: as with net/http, the end of the
// request's context does not affect it. See Stream.Body for its type, and
// aio.WithLoop for contexts without a loop. The error is as for Do.
func (c *Client) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	op := new(aio.Op)
	ex := new(outgoing)
	ex.init(ctx, c, req, op)
	ex.once = true
	if err := op.Start(ctx, kindOut, "", &streamCall{ex: ex}); err != nil {
		ex.done()
		return nil, err
	}
	s, err := ex.stream()
	if err != nil {
		return nil, err
	}
	s.Std.Request = req
	return s.Std, nil
}

var _ http.RoundTripper = (*Client)(nil)
