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

// trip is a request made once, on a connection of the pool. It may move to
// another connection if a reused one turns out to be closed.
//
//	waiting ──a connection──▶ placed ──▶ sending ──head──▶ giving ──▶ answered ──body whole──▶ over
//	   ▲                         │          │
//	   └───the connection was stale─────────┘
//	any ──cancelled, failed──▶ over
//
// The goroutine that sets the state to over, under the trip's lock, notifies
// the taker, once. A failure while the head is being given to the taker is
// recorded instead, and reported after the head.
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
	since      time.Duration // when it began to wait, by the pool's clock
	// its place in the queue; 0: it has not looked for a connection yet
	turn uint64
	dial *dialing

	mu      sync.Mutex
	state   tripState
	conn    *clientConn // from placed to answered
	reused  bool        // conn was used before, so it may be stale
	failure error       // failure while the head was given to the taker
	upload  *upload     // nil unless the body is being sent piece by piece
	sent    bool        // the kernel has all of the request
	held    *clientConn // returned to the pool once sent is true; see keeps
	// unregisters from the context that cancels the trip; may be nil
	detach func() bool

	telling sync.Mutex // of trips with a trace; see inOrder

	in arrival // only callbacks of conn touch it
}

type tripState uint8

const (
	tripWaiting  tripState = iota
	tripPlaced             // on a connection, which has got none of the request
	tripSending            // the server may have got some of the request
	tripGiving             // the taker is being given the response's head
	tripAnswered           // the taker has it
	tripOver
)

// A taker receives a trip's result. Callbacks of connections call its methods,
// so they must not block.
type taker interface {
	// head is called when the response's head has arrived and the rest has not.
	// It returns true and the limit for the body if the body is to be gathered
	// in memory, and false if it is to be a stream.
	head(t *trip, k *clientConn) (most int64, gather bool)
	// whole is called when a gathered body is complete. The trip is over.
	whole(t *trip, body []byte)
	// failed is called if the trip fails before the head, or while the body is
	// gathered.
	failed(t *trip, err error)
	// share is called instead of the others if the host speaks HTTP/2.
	share(t *trip, s *sharedConns)
}

var errNotNeeded = errors.New("httpx: the connection is not needed any more")

// start calls the trace and looks for a connection.
func (t *trip) start() {
	if t.trace != nil && t.trace.GetConn != nil {
		t.trace.GetConn((&host{key: t.key, proxy: t.proxy}).target())
	}
	t.ex.setPhase(atDial)
	t.seek()
}

// seek looks for a connection until one begins the trip, or the trip waits for
// one.
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

// place places the trip on a connection, whose lock the caller holds, so that
// both refer to each other from the same moment on. It reports false if the
// trip is over.
func (t *trip) place(k *clientConn, reused bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state == tripOver {
		return false
	}
	t.state, t.conn, t.reused = tripPlaced, k, reused
	return true
}

// sends notes that sending the request on a connection begins. It reports false
// if the trip is no longer on that connection: nothing may be sent.
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
// that arriving bytes cannot be the response to it.
func (t *trip) unsent() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.state == tripPlaced
}

// uploadOn returns the upload of the request's body, nil if there is none. It
// reports false if the trip is no longer on the connection.
func (t *trip) uploadOn(k *clientConn) (*upload, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.upload, t.conn == k
}

// leaveIfOver removes the trip from the queue if it was cancelled just before
// it began to wait.
func (t *trip) leaveIfOver() {
	t.mu.Lock()
	over := t.state == tripOver
	t.mu.Unlock()
	if over {
		t.pool.leave(t)
	}
}

// toShared hands the request over to the host's HTTP/2 connections.
func (t *trip) toShared(s *sharedConns) {
	if t.finish() {
		t.taker.share(t, s)
	}
}

// finish sets the state to over. It reports false if it was over already.
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

// forget unregisters the trip from the context that cancels it.
func (t *trip) forget() {
	t.mu.Lock()
	detach := t.detach
	t.mu.Unlock()
	if detach != nil {
		detach()
	}
}

// fail ends the trip with an error of this side, in any state. It aborts the
// trip's connection.
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

// tellFailed tells the reader of the response, or the taker, that the trip has
// failed.
func (t *trip) tellFailed(err error) {
	if s := t.in.stream.Load(); s != nil {
		s.end(err)
		return
	}
	t.taker.failed(t, err)
}

// give gives the response's head to the taker. It reports false if the trip is
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

// lost handles the end of the trip's connection, whose error is err. The trip
// looks for another connection, or fails.
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

// repeatable reports whether the request may be sent again after its connection
// has ended: nothing of it was sent, or repeating it does no harm. The lock is
// held.
func (t *trip) repeatable() bool {
	if t.upload != nil && t.upload.begun() && t.req.GetBody == nil {
		return false
	}
	return t.state == tripPlaced || t.state == tripSending && !t.in.begun && idempotent(t.req)
}

// idempotent reports whether making a request twice does no harm.
func idempotent(req *http.Request) bool {
	switch methodOf(req) {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	_, key := req.Header["Idempotency-Key"]
	_, other := req.Header["X-Idempotency-Key"]
	return key || other
}

// errGetBody is the error of a trip whose request's GetBody panicked.
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

// inOrder makes the trip's trace see WroteRequest before the response. It
// returns a function that ends this.
func (t *trip) inOrder() func() {
	if t.trace == nil {
		return nothing
	}
	t.telling.Lock()
	return t.telling.Unlock
}

// gotConn calls the trace's GotConn.
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

// peerGone returns the error if the server has closed the connection.
func (t *trip) peerGone() error {
	if t.in.begun {
		return io.ErrUnexpectedEOF
	}
	return io.EOF
}
