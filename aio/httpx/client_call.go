package httpx

import (
	"net/http"
	"slices"

	"goaio.example/aio"
	"goaio.example/aio/internal/stack"
)

// call is a request whose response is read into memory.
//
// It begins without a goroutine: as a trip, whose response the connection's
// callbacks gather. If the response is a redirect, has to be unpacked, or is to
// be retried, a goroutine continues with the trip's result. Requests with
// cookies, with hedging or with a body that must be read have a goroutine from
// the start.
type call struct {
	aio.Promise[*Response]
	ex   outgoing
	trip trip
}

// direct reports whether the request begins as a trip. It does not if
// net/http's Client would add something to it or refuse it.
func (ex *outgoing) direct() bool {
	c, req := ex.client, ex.req
	switch {
	case c.Transport != nil, c.Jar != nil, c.Limiter != nil, c.Wrap != nil, c.Hedge.Delay > 0, c.H2C, ex.meter != nil, len(ex.small) > directBody:
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

// directBody bounds the bodies that are sent in one call. What the kernel does
// not accept is copied.
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

// goOn starts a goroutine that makes the request, or continues with the trip's
// result.
func (p *call) goOn() { p.Op().Go(p.run, p.died) }

// run makes the request.
func (p *call) run() {
	stack.To16K() // net/http needs it
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

// reject ends the request with an error of the trip.
func (p *call) reject(err error) {
	err = p.ex.wrap(err)
	p.ex.done()
	p.Reject(err)
}

// OpCancel ends the request.
func (p *call) OpCancel(cause error) { p.ex.end(cause) }

// OpName names the request.
func (p *call) OpName() string { return requestName(p.ex.req) }

// head decides whether the response is final and can be gathered.
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

// handOver starts a goroutine that continues with a response whose head has
// arrived: at once, or, if the response has no body, when the trip is complete.
// head calls it and returns its results.
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

// final reports whether the trip's response is the request's final one and
// needs no unpacking.
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

// whole resolves the request with its response. If the response is not final,
// and has no body, a goroutine continues now that the connection is free.
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

// failed rejects the request, or retries it if it may.
func (p *call) failed(_ *trip, err error) {
	if p.ex.client.Retry.Attempts >= 2 && err != errStalled { //nolint:errorlint // which ends a request
		p.ex.first.Store(&outcome{err: err})
		p.goOn()
		return
	}
	p.reject(err)
}

// share starts a goroutine that makes the request over HTTP/2.
func (p *call) share(*trip, *sharedConns) { p.goOn() }
