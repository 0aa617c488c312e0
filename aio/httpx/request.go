package httpx

import (
	"bytes"
	"context"
	"io"
	"net/http"
)

// Request is a request to a Server's Handle, with its body. All methods may be
// called from any goroutine. A Request that is dropped without a response is
// answered with 500, and ErrAbandoned is an event.
type Request struct {
	x   *inbound
	std *http.Request // made when it is asked for; guarded by x's lock
}

// Std returns the request as net/http has it: http-request-c of cl-async. Its
// ctx is Context, and its body is Body. To keep it does not keep the Request
// from being dropped.
func (r *Request) Std() *http.Request {
	x := r.x
	std := x.side.request()
	if x.body != nil {
		std.Body = io.NopCloser(bytes.NewReader(x.body))
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if r.std == nil {
		r.std = std
	}
	return r.std
}

// Context returns the request's context. What is started with it is the
// request's child. It ends when the client is gone or the request was
// cancelled, with the cause.
func (r *Request) Context() context.Context { return r.x.Context() }

// Method returns the method: "GET".
func (r *Request) Method() string { return r.x.side.method() }

// URI returns method and target, as cl-async's uri does:
// "GET /documents/45?format=json".
func (r *Request) URI() string { return r.x.side.method() + " " + r.x.side.target() }

// Resource returns the path as it was sent: "/documents/45". It may hold
// escapes, which Std().URL.Path does not.
func (r *Request) Resource() string { return r.x.side.path() }

// QueryString returns what is behind the "?", without it: "format=json".
func (r *Request) QueryString() string { return r.x.side.query() }

// Header returns the header. It must not be changed.
func (r *Request) Header() http.Header { return r.x.side.header() }

// Body returns the body, nil without one. Server.MaxBody bounds it.
func (r *Request) Body() []byte { return r.x.body }

// ID returns the request's ID: the one that came with it in
// Server.RequestIDHeader, else one of the server's own.
func (r *Request) ID() string { return r.x.requestID() }

// Gone returns a channel that is closed when the client is gone and does not
// wait for the response any more, or when the request is over.
// context.Cause(r.Context()) says why. On systems other than Linux a client
// that has sent more behind this request over HTTP/1 is not seen to leave.
func (r *Request) Gone() <-chan struct{} {
	x := r.x
	x.side.awaitGone()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.gone == nil {
		x.gone = make(chan struct{})
		if x.left {
			close(x.gone)
		}
	}
	return x.gone
}

// Draining returns a channel that is closed when the loop or the server drains.
// A stream that would go on for long should end then.
func (r *Request) Draining() <-chan struct{} { return r.x.s.draining }

// callHandle calls Handle. Only the program has the Request afterwards. It
// reports whether the response is still to come, or to be ended.
//
//go:noinline
func (x *inbound) callHandle() (deferred bool) {
	if x.s.lim.response > 0 && len(x.body) > 0 { // else it is called when the operation begins
		x.began = x.Op().Age()
	}
	r := &Request{x: x}
	x.call(func() { x.s.Handle(r) })
	return x.watch(r)
}
