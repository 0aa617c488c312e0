package httpx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
	"goaio.example/aio/internal/bell"
)

var kindRequestIn = aio.NewKind("http.request.in")

// inbound is a request and its response. It is an operation, whose result is the number of bytes of the response's body.
type inbound struct {
	aio.Promise[int]
	s      *Server
	w      *wire
	raw    *http.Request // the engine's; an http.Handler gets it, and may change it
	method string        // raw's, as they came
	url    *url.URL
	body   []byte
	id     string
	alarm  *alarm.Alarm // nil before it is set
	rw     fullWriter

	unwatch func() bool // ends the watching over an HTTP/2 stream

	wmu sync.Mutex // held while the response is written by a stream, and when that is over

	mu     sync.Mutex // guards what follows
	state  inboundState
	own    bool          // the user has answered, or begun to
	told   bool          // fail has been told of
	left   bool          // gone is closed, or to be closed when it is made
	answer *answer       // nil while there is none
	cause  error         // why the operation was cancelled
	fail   error         // what the operation ends with
	wake   bell.Bell     // rung when a parked exchange may go on
	gone   chan struct{} // closed when the client is gone, or the exchange over; made by who waits for it
}

// inboundState is how far the response has come.
type inboundState uint8

const (
	inboundOpen     inboundState = iota // there is none
	inboundAnswered                     // it is in answer
	inboundStream                       // it is being written by a StreamWriter
	inboundEnded                        // nothing is to be written any more
	inboundAborted                      // the connection is to be closed
)

// answer is a response that is to be sent.
type answer struct {
	status int
	header http.Header
	body   []byte
	close  bool
	length [1]string // the Content-Length
}

// errRequestTime is the cause of a request's ctx that has had all its time.
var errRequestTime = fmt.Errorf("httpx: the request took longer than RequestTimeout: %w", aio.ErrTimeout)

// exchange has the server answer a request that the engine has read. It returns when the response was handed to rw.
func (s *Server) exchange(rw http.ResponseWriter, r *http.Request, w *wire) {
	if r.ProtoMajor > 1 && !validH2(r) {
		refuse(rw, http.StatusBadRequest)
		return
	}
	if s.ReadyPath != "" && r.URL.Path == s.ReadyPath {
		s.serveReady(rw)
		return
	}
	if r.ProtoMajor > 1 && countFields(r.Header) > s.lim.headerFields {
		refuse(rw, http.StatusRequestHeaderFieldsTooLarge)
		return
	}
	if s.MaxInFlight > 0 {
		defer s.inFlight.Add(-1)
		if s.inFlight.Add(1) > int64(s.MaxInFlight) {
			rw.Header().Set("Retry-After", "1")
			refuse(rw, http.StatusServiceUnavailable)
			return
		}
	}
	r.TLS = w.tls
	x := &inbound{s: s, w: w, raw: r, method: r.Method, url: r.URL}
	x.rw.x, x.rw.rw = x, rw
	x.AsCallback()
	x.Op().AsServed()
	if x.Start((*wireCtx)(w), kindRequestIn, "", (*inboundDriver)(x)) != nil {
		rw.Header().Set("Connection", "close")
		refuse(rw, http.StatusServiceUnavailable) // the loop is done
		return
	}
	x.takeID()
	x.serve()
}

// refuse answers a request that is not handled.
func refuse(rw http.ResponseWriter, status int) {
	http.Error(rw, http.StatusText(status), status)
}

func countFields(h http.Header) (n int) {
	for _, v := range h {
		n += len(v)
	}
	return n
}

// serve answers the request, and sees to the end.
func (x *inbound) serve() {
	if x.w.h2 {
		x.paceStream()
	} else {
		x.w.begin(x)
	}
	if x.s.lim.request > 0 {
		x.alarmAfter(x.s.lim.request)
	}
	defer x.finish()
	if x.s.Handle != nil {
		x.handleRequest()
	} else {
		r := x.request()
		x.call(func() { x.s.Handler.ServeHTTP(x.writer(), r) })
		x.handlerReturned()
	}
}

// request returns the request as a handler gets it. HTTP/1's is the engine's own, which has no use for its ctx any more:
// so the engine sees what the handler does to it, and removes a form's files.
func (x *inbound) request() *http.Request {
	if x.w.h2 {
		return x.raw.WithContext(x.Context())
	}
	*x.raw = *x.raw.WithContext(x.Context())
	return x.raw
}

// writer returns the response's writer as a handler may use it.
func (x *inbound) writer() http.ResponseWriter {
	if x.w.h2 {
		return &x.rw.plainWriter
	}
	return &x.rw
}

// call calls the user's function, contained. http.ErrAbortHandler is no panic.
func (x *inbound) call(fn func()) {
	err := x.Op().Call(func() {
		defer func() {
			switch v := recover(); v {
			case nil:
			case http.ErrAbortHandler:
				x.abort(http.ErrAbortHandler, true)
			default:
				panic(v)
			}
		}()
		fn()
	}, x.died)
	if err != nil {
		x.died(err)
	}
}

// died sees to a function that panicked or called runtime.Goexit: 500 if nothing was sent, and the end of the connection.
func (x *inbound) died(err error) {
	var p *aio.PanicError
	x.mu.Lock()
	defer x.mu.Unlock()
	x.fail, x.told = err, errors.As(err, &p)
	if x.rw.wrote {
		x.state = inboundAborted
	} else {
		x.state = inboundAnswered
		x.answer = plainAnswer(http.StatusInternalServerError)
	}
}

// plainAnswer is a response that says no more than its status, and ends the connection.
func plainAnswer(status int) *answer {
	return &answer{
		status: status, close: true,
		header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}},
		body:   []byte(http.StatusText(status) + "\n"),
	}
}

// handling reports whether an http.Handler may still write the response.
func (x *inbound) handling() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.state == inboundOpen
}

// handlerReturned ends the response of an http.Handler.
func (x *inbound) handlerReturned() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.state != inboundOpen {
		return
	}
	x.state = inboundEnded
	if x.rw.wrote || x.rw.hijacked {
		return
	}
	if errors.Is(context.Cause(x.Context()), errRequestTime) { // the driver may not have been told yet
		x.state, x.answer = inboundAnswered, plainAnswer(http.StatusServiceUnavailable)
		return
	}
	x.rw.WriteHeader(http.StatusOK)
}

// abort has the connection closed, and the operation end with err.
func (x *inbound) abort(err error, told bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.abortLocked(err, told)
}

func (x *inbound) abortLocked(err error, told bool) {
	if x.state == inboundEnded || x.state == inboundAborted {
		return
	}
	x.state, x.fail, x.told = inboundAborted, err, told
	x.wakeLocked()
}

// abandon answers a request in the user's stead, if he has not answered it. It reports whether it did.
func (x *inbound) abandon(status int, err error, told bool) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.state != inboundOpen {
		return false
	}
	x.state, x.answer = inboundAnswered, plainAnswer(status)
	x.fail, x.told = err, told
	x.wakeLocked()
	return true
}

// wakeLocked lets a parked exchange go on. The lock is held.
func (x *inbound) wakeLocked() {
	x.wake.Ring()
}

// clientGone notes that nobody waits for the response any more.
func (x *inbound) clientGone(cause error) {
	x.mu.Lock()
	x.leaveLocked()
	x.mu.Unlock()
	x.Op().Cancel(cause)
}

// leaveLocked closes gone. The lock is held.
func (x *inbound) leaveLocked() {
	if !x.left && x.gone != nil {
		close(x.gone)
	}
	x.left = true
}

// inboundDriver is an exchange as its operation's driver.
type inboundDriver inbound

// OpCancel ends a request that nobody's function works on. One that a function works on ends when that returns.
func (d *inboundDriver) OpCancel(cause error) {
	x := (*inbound)(d)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.cause = cause
	if x.wake.Awaited() {
		x.cancelledLocked()
	}
}

// cancelledLocked ends a parked request that was cancelled. The lock is held.
func (x *inbound) cancelledLocked() {
	if x.cause == errRequestTime && x.state == inboundOpen {
		x.state, x.answer, x.fail = inboundAnswered, plainAnswer(http.StatusServiceUnavailable), x.cause
		x.wakeLocked()
		return
	}
	if x.state != inboundAnswered {
		x.abortLocked(x.cause, true)
	}
}

func (d *inboundDriver) OpName() string { return d.method + " " + clip(d.url.Path) }

// alarmAfter sets the exchange's alarm.
func (x *inbound) alarmAfter(d time.Duration) {
	if x.alarm == nil {
		x.alarm = new(alarm.Alarm)
		x.alarm.Init((*inboundAlarm)(x))
	}
	x.Op().Alarms().Set(x.alarm, d)
}

// inboundAlarm is an exchange as what its alarm calls.
type inboundAlarm inbound

func (a *inboundAlarm) Fire() {
	x := (*inbound)(a)
	age := x.Op().Age()
	if r := x.s.lim.request; r > 0 && age >= r {
		x.Op().Cancel(errRequestTime)
		return
	}
	if x.abandon(http.StatusServiceUnavailable, errLate, true) {
		x.Op().Report(errLate)
	}
}

// writeFailure is what an operation ends with whose response could not be sent: why it was cancelled, if it was.
func (x *inbound) writeFailure(err error) error {
	if cause := context.Cause(x.s.op.Context()); cause != nil {
		x.Op().Cancel(cause) // the cancellation closes the connection before it comes to the request
	}
	if cause := context.Cause(x.Context()); cause != nil {
		return cause
	}
	if errors.Is(err, ErrBadHeader) {
		return err
	}
	return aio.NewConnError("write", "tcp", x.raw.RemoteAddr, -1, err)
}

// lockWriting locks wmu. If the response is aborted it fails a Write that is
// under way: the client may not read, and nothing else would end it soon.
func (x *inbound) lockWriting(state inboundState) {
	if state != inboundAborted {
		x.wmu.Lock()
		return
	}
	if x.wmu.TryLock() {
		return
	}
	if x.w.h2 {
		x.rw.rw.(*pacedWriter).cut()
	} else {
		x.w.c.Close()
	}
	x.wmu.Lock()
}

// finish writes what is left to be written and ends the operation.
func (x *inbound) finish() {
	if x.alarm != nil {
		x.Op().Alarms().Stop(x.alarm)
	}
	if x.w.h2 { // a client that leaves when it has its answer is no reason to cancel what awaits that it is sent
		x.unwatch()
	} else {
		x.w.end()
	}
	x.mu.Lock()
	state, a, fail, told := x.state, x.answer, x.fail, x.told
	x.mu.Unlock()
	switch state {
	case inboundOpen: // a function that did not return
		state, a, fail = inboundAnswered, plainAnswer(http.StatusInternalServerError), aio.ErrGoexit
		fallthrough
	case inboundAnswered:
		if err := x.rw.send(a); err != nil {
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
	x.lockWriting(state) // a stream's Write has returned, and there will be no other
	x.mu.Lock()
	x.state = inboundEnded
	x.leaveLocked()
	x.mu.Unlock()
	x.wmu.Unlock()
	if x.w.h2 {
		x.rw.rw.(*pacedWriter).last()
	}
	x.logAccess()
	if told {
		x.Future() // it is no callback's error any more
		x.Op().Told()
	}
	if fail != nil {
		x.Reject(fail)
	} else {
		x.Resolve(int(x.rw.bytes))
	}
	if state == inboundAborted {
		panic(http.ErrAbortHandler) // has the engine close the connection, or the stream
	}
}
