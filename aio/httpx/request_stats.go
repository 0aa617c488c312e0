package httpx

import (
	"context"
	"net/http"
	"time"

	"goaio.example/aio"
)

// RequestStats describes a finished request to a Server, for Server.Done.
// Method, Path, Host, Proto and ID are the client's input, within the bounds of
// a header and of what the server accepts: do not use them as labels of a
// metric, and escape them in logs, as package slog does. Route is set by the
// program, and bounded by the number of its routes.
type RequestStats struct {
	Method string // any token, such as "GET"
	// as sent, with escapes, without the query: "/documents/4%205"
	Path   string
	Host   string // from the Host field, or :authority
	Proto  string // "HTTP/1.1"
	TLS    bool   // the connection has TLS
	Remote string // the client's address
	// ID is Request.ID. It is empty if Server.RequestIDHeader is not set and
	// nothing has asked for the ID.
	ID string

	// Route is the pattern that the request was routed by: the one given to
	// SetRoute, or else the Pattern that an http.ServeMux has set, such as "GET
	// /users/{id}", or Server.ReadyPath. It is empty if none was set.
	Route string
	// Status is the response's status. It is 0 if the connection ended without
	// a response, and 101 or 200 for a connection that was taken over.
	Status int
	// BytesIn is how much of the request's body was read: by the http.Handler,
	// or from the connection for Handle.
	BytesIn int64
	// BytesOut is how much of the response's body was sent, without the framing
	// of chunks. It is 0 for HEAD.
	BytesOut int64
	// Duration is the time from the end of the request's header until the
	// kernel had the response, or until the exchange ended in another way. For
	// a connection that was taken over, it ends at that moment.
	Duration time.Duration

	Outcome Outcome
	// Err is the error that the request's operation ends with: nil on success,
	// an *aio.PanicError, ErrAbandoned, ErrBadHeader, the cause of the
	// request's context, or the *aio.ConnError of a response that was not sent.
	Err error
	// Context is the request's context. Use it for its values; it may have
	// ended.
	Context context.Context
}

// tally holds an engine's figures about a finished exchange.
type tally struct {
	status  int
	in, out int64
	pattern string // of an http.ServeMux
	taken   bool   // the connection was taken over
}

// tellDone calls Server.Done for an exchange that ends with fail. A panic is an
// event of the request.
func (x *inbound) tellDone(fail error, outcome Outcome) {
	done := x.s.Done
	if done == nil {
		return
	}
	t := x.side.tally()
	if x.side.method() == http.MethodHead {
		t.out = 0
	}
	if t.taken && fail == nil && outcome == OutcomeAnswered {
		outcome = OutcomeHijacked
	}
	x.mu.Lock()
	id := x.id
	x.mu.Unlock()
	route := t.pattern
	if r := x.route.Load(); r != nil {
		route = *r
	}
	stats := RequestStats{
		Method: x.side.method(), Path: x.side.path(), Host: x.side.host(), Proto: x.side.proto(),
		TLS: x.s.tcp.TLS != nil, Remote: x.side.remote(), ID: id, Route: route,
		Status: t.status, BytesIn: t.in, BytesOut: t.out, Duration: x.Op().Age(),
		Outcome: outcome, Err: fail, Context: x.Context(),
	}
	x.Op().Call(func() { done(stats) }, func(error) {})
}

// tellAtOnce calls Server.Done for a request without an operation: one that is
// refused early, and, over HTTP/2, one for ReadyPath. It starts an operation
// for the call, so that a panic is an event and affects only one peer. ctx is
// the connection's.
func (s *Server) tellAtOnce(ctx context.Context, stats RequestStats) {
	if s.Done == nil {
		return
	}
	op := new(aio.Op)
	op.AsServed()
	if op.Start(ctx, kindRequestIn, "request", nil) != nil {
		return // the loop is done
	}
	defer op.End(nil)
	stats.TLS, stats.Context = s.tcp.TLS != nil, op.Context()
	op.Call(func() { s.Done(stats) }, func(error) {})
}

// SetRoute sets the pattern that the request was routed by, for
// RequestStats.Route. The last call counts. After the request's end it has no
// effect.
func (r *Request) SetRoute(pattern string) { r.x.route.Store(&pattern) }

// SetRoute is Request.SetRoute for an http.Handler: w is the handler's
// ResponseWriter. It is for routers other than http.ServeMux, and for
// middleware that gives the ServeMux a copy of the request, whose Pattern the
// server does not see. It reports false, and does nothing, if w does not belong
// to a Server and does not lead to one by methods Unwrap() http.ResponseWriter.
func SetRoute(w http.ResponseWriter, pattern string) bool {
	x := inboundOf(w)
	if x == nil {
		return false
	}
	x.route.Store(&pattern)
	return true
}
