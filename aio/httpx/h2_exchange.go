package httpx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"

	"goaio.example/aio"
	"goaio.example/aio/internal/bell"
	"goaio.example/aio/tcp"
)

// h2Exchange is a request over HTTP/2 and its response, in a goroutine of
// net/http's server.
type h2Exchange struct {
	inbound
	w       *h2Wire
	raw     *http.Request // net/http's
	req     *http.Request // for an http.Handler
	rw      plainWriter
	unwatch func() bool // stops watching the stream
	// rung when a parked exchange may continue; guarded by the exchange's lock
	wake   bell.Bell
	intake sync.Mutex // held while the body is read before Handle is called
}

var _ side = (*h2Exchange)(nil)

func (x *h2Exchange) method() string           { return x.raw.Method }
func (x *h2Exchange) target() string           { return x.raw.RequestURI }
func (x *h2Exchange) proto() string            { return x.raw.Proto }
func (x *h2Exchange) host() string             { return x.raw.Host }
func (x *h2Exchange) path() string             { return x.raw.URL.EscapedPath() }
func (x *h2Exchange) query() string            { return x.raw.URL.RawQuery }
func (x *h2Exchange) field(name string) string { return x.raw.Header.Get(name) }
func (x *h2Exchange) header() http.Header      { return x.raw.Header }
func (x *h2Exchange) remote() string           { return x.raw.RemoteAddr }
func (x *h2Exchange) request() *http.Request   { return x.raw.WithContext(x.Context()) }
func (x *h2Exchange) writer() pieceWriter      { return &x.rw }
func (x *h2Exchange) sent() (int, int64)       { return int(x.rw.status), x.rw.bytes }
func (x *h2Exchange) checks() bool             { return true }
func (x *h2Exchange) awaitGone()               {} // paceStream does it
func (x *h2Exchange) changedLocked()           { x.wake.Ring() }
func (x *h2Exchange) changed()                 {}
func (x *h2Exchange) ends(error)               {}

// cancelled ends reading the body.
func (x *h2Exchange) cancelled() {
	if !x.intake.TryLock() {
		// It has no effect on a stream that has ended.
		http.NewResponseController(x.rw.rw).SetReadDeadline(bell.Past)
		return
	}
	x.intake.Unlock()
}

func (x *h2Exchange) upgrade(http.Header) (*tcp.Conn, error) {
	return nil, fmt.Errorf("httpx: upgrade of %s %s: %w", x.raw.Method, x.raw.Proto, http.ErrNotSupported)
}

// exchange answers a request over HTTP/2 that net/http has read. It returns
// when the response was passed to rw.
func (s *Server) exchange(rw http.ResponseWriter, r *http.Request, w *h2Wire) {
	if !validH2(r) {
		s.refuse(rw, r, w, http.StatusBadRequest)
		return
	}
	if s.ReadyPath != "" && r.URL.Path == s.ReadyPath {
		s.serveReady(rw, r, w)
		return
	}
	if countFields(r.Header) > s.lim.headerFields {
		s.refuse(rw, r, w, http.StatusRequestHeaderFieldsTooLarge)
		return
	}
	r.TLS = w.tls
	x := &h2Exchange{w: w, raw: r}
	x.rw.x, x.rw.rw = x, rw
	x.running = true
	died, err := x.start(&w.connCtx, s, x)
	if err != nil {
		// the loop is done
		http.Error(rw, http.StatusText(http.StatusServiceUnavailable), http.StatusServiceUnavailable)
		return
	}
	x.serve(died)
}

// refuse answers a request without handling it.
func (s *Server) refuse(rw http.ResponseWriter, r *http.Request, w *h2Wire, status int) {
	text := http.StatusText(status)
	http.Error(rw, text, status)
	s.tellAtOnce(&w.connCtx, RequestStats{
		Status: status, BytesOut: int64(len(text) + 1), Remote: r.RemoteAddr, Outcome: OutcomeRefused,
	})
}

func countFields(h http.Header) (n int) {
	for _, v := range h {
		n += len(v)
	}
	return n
}

// serve answers the request, with 500 if there was a panic before.
func (x *h2Exchange) serve(died *aio.PanicError) {
	x.paceStream()
	defer x.rw.rw.(*pacedWriter).body.end()
	if x.s.lim.request > 0 {
		x.alarmAfter(x.s.lim.request)
	}
	defer x.finish()
	if died != nil {
		x.fault(died)
		return
	}
	if x.s.Handle != nil && !x.readBody() {
		return
	}
	if !x.s.enter() {
		x.refuseBusy()
		return
	}
	defer x.s.leave()
	if x.s.Handle != nil {
		x.callHandle()
		if wake := x.park(); wake != nil {
			<-wake
		}
		return
	}
	x.req = x.request()
	x.call(func() { x.s.Handler.ServeHTTP(&x.rw, x.req) })
	x.handlerReturned()
}

// park prepares to wait for a response. It returns nil if there is nothing to
// wait for.
func (x *h2Exchange) park() <-chan struct{} {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.state != inboundOpen && x.state != inboundStream {
		return nil
	}
	x.running = false
	wake := x.wake.C()
	if x.cause != nil && x.cancelledLocked() {
		x.wake.Ring()
	}
	return wake
}

// readBody reads the whole body. It reports false if the request was refused
// because of the body.
func (x *h2Exchange) readBody() bool {
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
		// the client need not send what it announced
		buf.Grow(int(min(n, 64<<10)) + bytes.MinRead)
	}
	x.intake.Lock()
	_, err := buf.ReadFrom(io.LimitReader(x.raw.Body, limit+1))
	x.intake.Unlock()
	switch {
	case errors.Is(context.Cause(x.Context()), errRequestTime):
		x.abandon(http.StatusServiceUnavailable, errRequestTime, false)
	case errors.Is(err, os.ErrDeadlineExceeded):
		x.abandon(http.StatusRequestTimeout, nil, false)
	case errors.Is(err, aio.ErrConn) || errors.Is(err, io.ErrUnexpectedEOF):
		x.abort(err, true, OutcomeGone)
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

// lockWriting locks wmu. If the response is aborted, it first fails a Write in
// progress: the client may not be reading, and nothing else would end the Write
// soon.
func (x *h2Exchange) lockWriting(state inboundState) {
	if state != inboundAborted {
		x.wmu.Lock()
		return
	}
	if x.wmu.TryLock() {
		return
	}
	x.rw.rw.(*pacedWriter).cut()
	x.wmu.Lock()
}

// finish writes the rest of the response and ends the operation.
func (x *h2Exchange) finish() {
	// A client that leaves after its response does not cancel what waits for
	// the operation's end.
	x.unwatch()
	x.mu.Lock()
	state, a, fail := x.state, x.answer, x.fail
	x.stopAlarm()
	x.mu.Unlock()
	switch state {
	case inboundOpen: // a function that did not return
		state, a, fail = inboundAnswered, plainAnswer(http.StatusInternalServerError), aio.ErrGoexit
		fallthrough
	case inboundAnswered:
		if err := x.rw.send(a); err != nil && !x.mayHaveHead() {
			state = inboundAborted
			if fail == nil {
				fail = x.writeFailure(err)
			}
		}
	default:
		if err := x.rw.end(); err != nil && fail == nil {
			state, fail = inboundAborted, err
		}
	}
	// a stream's Write has returned, and no other will begin
	x.lockWriting(state)
	outcome, told, _ := x.over(fail, state != inboundAborted && (x.raw.Context().Err() == nil || x.mayHaveHead()))
	x.wmu.Unlock()
	x.rw.rw.(*pacedWriter).last()
	x.logAccess()
	defer func() { // also if Done calls runtime.Goexit
		x.end(x.rw.bytes, fail, told)
		if state == inboundAborted {
			panic(http.ErrAbortHandler) // makes net/http reset the stream
		}
	}()
	x.tellDone(fail, outcome)
}

// mayHaveHead reports whether a client that has reset the stream may have got
// the whole response. A client that asked only for the header often resets the
// stream once that has arrived.
func (x *h2Exchange) mayHaveHead() bool {
	return x.raw.Method == http.MethodHead && x.rw.wrote && !x.rw.rw.(*pacedWriter).late()
}

// tally returns the figures for Server.Done.
func (x *h2Exchange) tally() tally {
	t := tally{status: int(x.rw.status), out: x.rw.bytes, in: int64(len(x.body))}
	if b, ok := x.raw.Body.(*pacedBody); ok {
		t.in = b.read.Load()
	}
	if x.req != nil {
		t.pattern = x.req.Pattern
	}
	return t
}
