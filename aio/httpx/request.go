package httpx

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"goaio.example/aio"
)

// Request is a request to a Server's Handle, with its body. All methods may be called from any goroutine. A Request that
// is dropped without a response is answered with 500, and ErrAbandoned is an event.
type Request struct {
	x   *inbound
	std *http.Request // made when it is asked for; guarded by x's lock
}

// Std returns the request as net/http has it: http-request-c of cl-async. Its ctx is Context, its body is Body. It alone
// does not keep the Request from being dropped.
func (r *Request) Std() *http.Request {
	x := r.x
	x.mu.Lock()
	defer x.mu.Unlock()
	if r.std == nil {
		r.std = x.raw.WithContext(x.Context())
		if x.body != nil {
			r.std.Body = io.NopCloser(bytes.NewReader(x.body))
		}
	}
	return r.std
}

// Context returns the request's context: what is started with it is the request's child. It ends when the client is gone
// or the request was cancelled, with the cause.
func (r *Request) Context() context.Context { return r.x.Context() }

// Method returns the method: "GET".
func (r *Request) Method() string { return r.x.raw.Method }

// URI returns method and target, as cl-async's uri does: "GET /documents/45?format=json".
func (r *Request) URI() string { return r.x.raw.Method + " " + r.x.raw.RequestURI }

// Resource returns the path as it was sent: "/documents/45". It may hold escapes, which Std().URL.Path does not.
func (r *Request) Resource() string { return r.x.raw.URL.EscapedPath() }

// QueryString returns what is behind the "?", without it: "format=json".
func (r *Request) QueryString() string { return r.x.raw.URL.RawQuery }

// Header returns the header. It must not be changed.
func (r *Request) Header() http.Header { return r.x.raw.Header }

// Body returns the body, nil without one. Server.MaxBody bounds it.
func (r *Request) Body() []byte { return r.x.body }

// ID returns the request's ID: the one that came with it in Server.RequestIDHeader, else one of the server's own.
func (r *Request) ID() string { return r.x.requestID() }

// Gone returns a channel that is closed when the client is gone, so that nobody waits for the response any more; or when
// the request is over. context.Cause(r.Context()) says why. A client that has sent another request behind this one is
// not seen to leave.
func (r *Request) Gone() <-chan struct{} {
	x := r.x
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.gone == nil {
		x.gone = make(chan struct{})
		switch {
		case x.left:
			close(x.gone)
		case !x.w.h2:
			x.w.ask()
		}
	}
	return x.gone
}

// Draining returns a channel that is closed when the loop or the server drains: a stream that would go on for long should
// end then.
func (r *Request) Draining() <-chan struct{} { return r.x.s.draining }

// handleRequest reads the body, calls Handle, and waits for the response.
func (x *inbound) handleRequest() {
	if !x.readBody() {
		return
	}
	x.callHandle()
	if wake := x.park(); wake != nil {
		if !x.w.h2 {
			x.w.ask()
		}
		<-wake
	}
}

// readBody reads the body whole. It reports false if the request was refused because of it.
func (x *inbound) readBody() bool {
	if x.bodyless() {
		return true
	}
	limit := x.s.lim.bodyBytes
	if x.raw.ContentLength > limit {
		x.abandon(http.StatusRequestEntityTooLarge, nil, false)
		return false
	}
	var buf bytes.Buffer
	if n := x.raw.ContentLength; n > 0 {
		buf.Grow(int(min(n, 64<<10)) + bytes.MinRead) // what is promised need not come
	}
	_, err := buf.ReadFrom(io.LimitReader(x.raw.Body, limit+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		x.abandon(http.StatusRequestTimeout, nil, false)
	case errors.Is(err, aio.ErrConn) || errors.Is(err, io.ErrUnexpectedEOF):
		x.abort(err, true)
	case err != nil:
		x.abandon(http.StatusBadRequest, nil, false)
	case int64(buf.Len()) > limit:
		x.abandon(http.StatusRequestEntityTooLarge, nil, false)
	default:
		if x.raw.ContentLength != 0 {
			x.body = buf.Bytes()
		}
		return true
	}
	return false
}

// callHandle calls Handle. Nobody but the user has the Request afterwards.
//
//go:noinline
func (x *inbound) callHandle() {
	r := &Request{x: x}
	x.call(func() { x.s.Handle(r) })
	x.watch(r)
}

// park prepares for waiting for a response. It returns nil if there is nothing to wait for.
func (x *inbound) park() <-chan struct{} {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.state != inboundOpen && x.state != inboundStream {
		return nil
	}
	wake := x.wake.C()
	if x.cause != nil {
		x.cancelledLocked()
	}
	return wake
}

// setAlarm sets the alarm for the time by which there must be a response.
func (x *inbound) setAlarm() {
	age := x.Op().Age()
	next := time.Duration(-1)
	for _, d := range []time.Duration{x.s.lim.response, x.s.lim.request} {
		if d > 0 && (next < 0 || d-age < next) {
			next = max(d-age, 0)
		}
	}
	if next >= 0 {
		x.alarmAfter(next)
	}
}
