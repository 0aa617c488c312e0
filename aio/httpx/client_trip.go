package httpx

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"time"
)

// trip is a request made once, on a connection of our own. It may go to another
// one if a kept connection turns out to be closed.
//
//	waiting ──a connection──▶ placed ──▶ sending ──head──▶ giving ──▶ answered ──body whole──▶ over
//	   ▲                         │          │
//	   └───the connection was stale─────────┘
//	any ──cancelled, failed──▶ over
//
// Whoever brings it to over under its lock tells its taker, once. While the
// head is given to the taker, which is the taker's turn already, a failure is
// recorded instead, and told behind the head.
type trip struct {
	ex     *outgoing
	req    *http.Request
	small  []byte // the body, if it is sent together with the head
	taker  taker
	key    hostKey
	proxy  *url.URL
	values context.Context // of the request
	trace  *httptrace.ClientTrace
	pool   *pool
	host   *host

	// The pool's lock guards these.
	prev, next *trip
	queued     bool
	since      time.Duration // when it has begun to wait, as the pool's clock has it
	turn       uint64        // its place among those that wait; 0: it has not looked for a connection
	dial       *dialing

	mu      sync.Mutex
	state   tripState
	conn    *clientConn // of placed to answered
	reused  bool        // conn was kept, so that it may be stale
	failure error       // what the trip failed with while the head was given
	upload  *upload     // nil unless the body is being sent piece by piece
	sent    bool        // the kernel has all of the request
	held    *clientConn // that is given back then; see keeps
	unwatch func() bool // has the context that cancels the trip forget it; may be nil

	telling sync.Mutex // of trips with a trace; see inOrder

	in arrival // only callbacks of conn touch it
}

type tripState uint8

const (
	tripWaiting  tripState = iota
	tripPlaced             // on a connection, which has got nothing of the request
	tripSending            // the server may have got some of the request
	tripGiving             // the taker is being given the answer's head
	tripAnswered           // it has it
	tripOver
)

// taker is who gets what a trip brings. Its methods are called by callbacks of
// connections, and must not wait.
type taker interface {
	// head is called when the answer's head has come, with the rest of the
	// answer to come. It returns how much of the body is gathered in memory,
	// and false if the body is to be a stream.
	head(t *trip, k *clientConn) (most int64, gather bool)
	// whole is called when a gathered body is complete: the trip is over.
	whole(t *trip, body []byte)
	// failed is called when the trip has failed, before the head or while the
	// body was gathered.
	failed(t *trip, err error)
	// share is called instead if the host speaks HTTP/2.
	share(t *trip, s *sharedConns)
}

var errNotNeeded = errors.New("httpx: the connection is not needed any more")

// start looks for a connection, and begins.
func (t *trip) start() {
	if t.trace != nil && t.trace.GetConn != nil {
		t.trace.GetConn((&host{key: t.key, proxy: t.proxy}).target())
	}
	t.ex.setPhase(atDial)
	t.seek()
}

// seek looks for a connection until there is one that is alive, or the trip
// waits for one.
func (t *trip) seek() {
	for {
		k, shared := t.pool.find(t)
		switch {
		case shared != nil:
			t.toShared(shared)
			return
		case k == nil:
			t.leaveIfOver()
			return
		case k.begin(t):
			return
		}
	}
}

// place places the trip on a connection, whose lock is held, so that the two
// know of each other from the same moment on. It reports false if the trip is
// over.
func (t *trip) place(k *clientConn, reused bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state == tripOver {
		return false
	}
	t.state, t.conn, t.reused = tripPlaced, k, reused
	return true
}

// sends notes that the request begins to be sent on a connection. It reports
// false if the trip is not on that any more: nothing is to be sent.
func (t *trip) sends(k *clientConn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conn != k || t.state != tripPlaced {
		return false
	}
	t.state, t.sent = tripSending, false
	return true
}

// unsent reports whether nothing of the request was sent on its connection, so
// that what comes on that is no answer to it.
func (t *trip) unsent() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state == tripPlaced
}

// uploadOn returns what sends the request's body, nil without one. It reports
// false if the trip is not on the connection any more.
func (t *trip) uploadOn(k *clientConn) (*upload, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.upload, t.conn == k
}

// leaveIfOver ends the waiting of a trip that was cancelled just before that
// began.
func (t *trip) leaveIfOver() {
	t.mu.Lock()
	over := t.state == tripOver
	t.mu.Unlock()
	if over {
		t.pool.leave(t)
	}
}

// toShared hands the request over to the host's HTTP/2.
func (t *trip) toShared(s *sharedConns) {
	if t.finish() {
		t.taker.share(t, s)
	}
}

// finish makes the trip be over. It reports false if it was.
func (t *trip) finish() bool {
	t.mu.Lock()
	if t.state == tripOver {
		t.mu.Unlock()
		return false
	}
	t.state, t.conn = tripOver, nil
	t.mu.Unlock()
	t.forget()
	return true
}

// forget has the context that cancels the trip forget it.
func (t *trip) forget() {
	t.mu.Lock()
	unwatch := t.unwatch
	t.mu.Unlock()
	if unwatch != nil {
		unwatch()
	}
}

// fail ends the trip with an error from this side, wherever it is. Its
// connection is aborted.
func (t *trip) fail(err error) {
	t.mu.Lock()
	if t.state == tripOver {
		t.mu.Unlock()
		return
	}
	k, up, old := t.conn, t.upload, t.state
	t.state, t.conn = tripOver, nil
	if old == tripGiving {
		t.failure = err
	}
	t.mu.Unlock()
	t.forget()
	if k != nil {
		k.abandon(t)
	} else {
		t.pool.leave(t)
	}
	if up != nil {
		up.stop()
	}
	if old != tripGiving {
		t.tellFailed(err)
	}
}

// tellFailed tells who reads the answer, or waits for it, that the trip has
// failed.
func (t *trip) tellFailed(err error) {
	if s := t.in.stream.Load(); s != nil {
		s.end(err)
		return
	}
	t.taker.failed(t, err)
}

// give gives the answer's head to the taker. It reports false if the trip is
// over.
func (t *trip) give(k *clientConn) (most int64, gather, ok bool) {
	t.mu.Lock()
	if t.state == tripOver {
		t.mu.Unlock()
		return 0, false, false
	}
	t.state = tripGiving
	t.mu.Unlock()
	most, gather = t.taker.head(t, k)
	t.mu.Lock()
	ok = t.state == tripGiving
	if ok {
		t.state = tripAnswered
	}
	err := t.failure
	t.mu.Unlock()
	if !ok {
		t.tellFailed(err)
	}
	return most, gather, ok
}

// lost ends the trip's stay on a connection that has ended with err, or has it
// look for another one.
func (t *trip) lost(k *clientConn, err error) {
	t.mu.Lock()
	if t.conn != k {
		t.mu.Unlock()
		return
	}
	if !t.reused || !t.repeatable() {
		t.mu.Unlock()
		t.fail(err)
		return
	}
	up := t.upload
	t.state, t.conn = tripWaiting, nil
	t.mu.Unlock()
	if up != nil && up.begun() {
		up.stop()
		if err := t.rewind(); err != nil {
			t.fail(err)
			return
		}
	}
	t.ex.setPhase(atDial)
	t.seek()
}

// repeatable reports whether the request may be sent again, of which nothing is
// known but that the connection has ended: nothing of it was sent, or to repeat
// it does no harm. The lock is held.
func (t *trip) repeatable() bool {
	if t.upload != nil && t.upload.begun() && t.req.GetBody == nil {
		return false
	}
	return t.state == tripPlaced || t.state == tripSending && !t.in.begun && idempotent(t.req)
}

// idempotent reports whether to make a request twice does no harm.
func idempotent(req *http.Request) bool {
	switch methodOf(req) {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	_, key := req.Header["Idempotency-Key"]
	_, other := req.Header["X-Idempotency-Key"]
	return key || other
}

// errGetBody is the error of a trip whose request's GetBody has panicked.
var errGetBody = errors.New("httpx: the request's GetBody did not return")

// rewind gives the request a new body.
func (t *trip) rewind() error {
	done := false
	defer func() {
		if !done {
			t.fail(errGetBody)
		}
	}()
	body, err := t.req.GetBody()
	done = true
	if err != nil {
		return err
	}
	again := *t.req
	again.Body = body
	t.req = &again
	up := newUpload(t)
	t.mu.Lock()
	t.upload = up
	over := t.state == tripOver
	t.mu.Unlock()
	if over {
		up.stop()
	}
	return nil
}

// sentWhole notes that the request is sent.
func (t *trip) sentWhole(err error) {
	if t.trace != nil && t.trace.WroteRequest != nil {
		t.trace.WroteRequest(httptrace.WroteRequestInfo{Err: err})
	}
	if err == nil {
		t.ex.passPhase(atSend, atHeader)
	}
}

// inOrder keeps a trip's trace from being told of the answer before it was told
// that the request is sent. It returns what ends that.
func (t *trip) inOrder() func() {
	if t.trace == nil {
		return nothing
	}
	t.telling.Lock()
	return t.telling.Unlock
}

// gotConn tells the trace of the connection.
func (t *trip) gotConn(k *clientConn, reused bool) {
	t.ex.setPhase(atSend)
	if t.trace == nil || t.trace.GotConn == nil {
		return
	}
	info := httptrace.GotConnInfo{Conn: k.c, Reused: reused, WasIdle: reused}
	if info.WasIdle {
		k.mu.Lock()
		info.IdleTime = k.clock() - k.since
		k.mu.Unlock()
	}
	t.trace.GotConn(info)
}

// peerGone is the error of a connection that the server has closed.
func (t *trip) peerGone() error {
	if t.in.begun {
		return io.ErrUnexpectedEOF
	}
	return io.EOF
}
