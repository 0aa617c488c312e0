package httpx

import (
	"bytes"
	"context"
	"io"
	"net/http"
)

// A Request is a request to a Server's Handle, with its body. It is safe for
// concurrent use. If a Request is dropped without a response, the server
// answers it with 500, and ErrAbandoned is an event.
type Request struct {
	x   *inbound
	std *http.Request // made on first use; guarded by x's lock
}

// Std returns the request as an http.Request: http-request-c of cl-async. Its
// context is Context, and its body is Body. Keeping it does not keep the
// Request from being dropped.
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

// Context returns the request's context. Operations that are started with it
// are children of the request. It ends, with a cause, when the client is gone
// or the request is cancelled.
func (r *Request) Context() context.Context { return r.x.Context() }

// Method returns the method, such as "GET".
func (r *Request) Method() string { return r.x.side.method() }

// URI returns the method and the target, as cl-async's uri does, such as "GET
// /documents/45?format=json".
func (r *Request) URI() string { return r.x.side.method() + " " + r.x.side.target() }

// Resource returns the path as it was sent, such as "/documents/45". It may
// hold escapes, unlike Std().URL.Path.
func (r *Request) Resource() string { return r.x.side.path() }

// QueryString returns what follows the "?", such as "format=json".
func (r *Request) QueryString() string { return r.x.side.query() }

// Header returns the header. It must not be changed.
func (r *Request) Header() http.Header { return r.x.side.header() }

// Body returns the body, nil if there is none. Server.MaxBody bounds it.
func (r *Request) Body() []byte { return r.x.body }

// ID returns the request's ID: the one in its Server.RequestIDHeader field, or
// else one that the server makes.
func (r *Request) ID() string { return r.x.requestID() }

// Gone returns a channel that is closed when the client is gone and no longer
// waits for the response, or when the request is over.
// context.Cause(r.Context()) says why. On systems other than Linux, the server
// does not notice that an HTTP/1 client has left if the client has sent more
// after this request.
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
// A long stream should end then.
func (r *Request) Draining() <-chan struct{} { return r.x.s.draining }

// callHandle calls Handle. Only the program refers to the Request afterwards.
// callHandle reports whether the response is still to come, or to be ended.
//
//go:noinline
func (x *inbound) callHandle() (deferred bool) {
	// otherwise it is called when the operation begins
	if x.s.lim.response > 0 && len(x.body) > 0 {
		x.began = x.Op().Age()
	}
	r := &Request{x: x}
	x.call(func() { x.s.Handle(r) })
	return x.bound(r)
}
