package httpx

import (
	"net/http"
	"slices"

	"goaio.example/aio"
)

// call is a request whose response is read into memory.
//
// It is made without a goroutine: as a trip whose answer is gathered by the
// connection's callbacks. If that is not all, because the answer is a redirect,
// has to be unpacked, or is worth another attempt, a goroutine goes on with
// what the trip has brought. Requests with cookies, with hedging or with a body
// that must be read have a goroutine from the start.
type call struct {
	aio.Promise[*Response]
	ex   outgoing
	trip trip
}

// direct reports whether the request begins as a trip. What package net/http's
// Client would add to it, or refuse, is left to that.
func (ex *outgoing) direct() bool {
	c, req := ex.client, ex.req
	switch {
	case c.Transport != nil, c.Jar != nil, c.Limiter != nil, c.Wrap != nil, c.Hedge.Delay > 0, c.H2C, ex.watch != nil, len(ex.small) > directBody:
		return false
	case req.URL == nil, req.Header == nil, req.RequestURI != "":
		return false
	case req.Body != nil && req.Body != http.NoBody, req.ContentLength != 0:
		return false
	case req.URL.User != nil, req.Header["Host"] != nil:
		return false
	}
	return isHTTP(req.URL.Scheme)
}

// directBody is how large a body may be that is sent at once. What the kernel
// does not take is copied.
const directBody = 1 << 20

// begin begins the trip.
func (p *call) begin() {
	ex := &p.ex
	ex.bounds()
	ex.earn()
	err := checkRequest(ex.req)
	if err == nil {
		err = p.trip.plan(ex, ex.req, p, (*outgoingValues)(ex))
	}
	if err != nil {
		p.reject(err)
		return
	}
	p.trip.small = ex.small
	if err := ex.attach(&p.trip); err != nil {
		p.reject(err)
		return
	}
	p.trip.start()
}

// goOn has a goroutine make the request, or go on with what the trip has
// brought.
func (p *call) goOn() { p.Op().Go(p.run, p.died) }

// run makes the request.
func (p *call) run() {
	growStack()
	r, err := p.ex.whole()
	p.ex.done()
	if err != nil {
		p.Reject(err)
	} else {
		p.Resolve(r)
	}
}

// died ends the request after a panic.
func (p *call) died(err error) {
	p.ex.done()
	p.Reject(err)
}

// reject ends the request with an error of the trip's.
func (p *call) reject(err error) {
	err = p.ex.wrap(err)
	p.ex.done()
	p.Reject(err)
}

// OpCancel ends the request.
func (p *call) OpCancel(cause error) { p.ex.end(cause) }

// OpName names the request.
func (p *call) OpName() string { return requestName(p.ex.req) }

// head decides whether the answer is final: whether it is the response, which
// can be gathered.
func (p *call) head(t *trip, k *clientConn) (most int64, gather bool) {
	if p.final(t) {
		p.ex.setPhase(atBody)
		if most = p.ex.client.MaxBody; most == 0 {
			most = defaultMaxBody
		}
		if most < 0 {
			most = 1<<63 - 1
		}
		return most, true
	}
	return p.ex.handOver(t, k, p.goOn)
}

// handOver has a goroutine go on with an answer whose head has come: at once,
// or when the trip is complete, which its taker is told of. It is called by
// head, and returns what that returns.
func (ex *outgoing) handOver(t *trip, k *clientConn, goOn func()) (most int64, gather bool) {
	var resp *http.Response
	switch {
	case t.in.state == answerTunnel:
		resp = t.response(k, t.in.tunnel)
	case t.in.state == answerBody && t.in.left == 0:
		ex.first.Store(&outcome{resp: t.response(k, http.NoBody)})
		return 0, true
	default:
		resp = t.response(k, t.openStream(k))
	}
	ex.first.Store(&outcome{resp: resp})
	goOn()
	return 0, false
}

// final reports whether the trip's answer is the response, and is not packed.
func (p *call) final(t *trip) bool {
	c := p.ex.client
	if t.in.state == answerTunnel || t.packed() {
		return false
	}
	if t.in.redirects() && c.MaxRedirects >= 0 {
		return false
	}
	return c.Retry.Attempts < 2 || !slices.Contains(c.Retry.statuses(), t.in.parsed.Status)
}

// whole resolves the request with its response. An answer that is not final,
// and has no body, is gone on with now that its connection is free.
func (p *call) whole(t *trip, body []byte) {
	if p.ex.first.Load() != nil {
		p.goOn()
		return
	}
	if body == nil {
		body = []byte{}
	}
	in := &t.in
	r := &Response{Status: in.parsed.Status, Proto: in.parsed.Proto(), Header: headerOf(&in.parsed), Body: body, URL: t.req.URL}
	if in.chunks != nil {
		delete(r.Header, "Transfer-Encoding")
		delete(r.Header, "Content-Length")
		if r.Trailer = declaredTrailerOf(r.Header); len(in.chunks.Trailer) > 0 {
			if r.Trailer == nil {
				r.Trailer = make(http.Header)
			}
			addTrailer(r.Trailer, in.chunks.Trailer)
		}
	}
	p.ex.doneWhole()
	p.Resolve(r)
}

// failed rejects the request, or has it made again if it may be.
func (p *call) failed(_ *trip, err error) {
	if p.ex.client.Retry.Attempts >= 2 && err != errStalled { //nolint:errorlint // which ends a request
		p.ex.first.Store(&outcome{err: err})
		p.goOn()
		return
	}
	p.reject(err)
}

// share has a goroutine make the request by HTTP/2.
func (p *call) share(*trip, *sharedConns) { p.goOn() }
