package httpx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
	"goaio.example/aio/tcp"
)

var kindRequestIn = aio.NewKind("http.request.in")

// inbound is a request and its response. It is an operation whose result is the
// size of the response's body.
type inbound struct {
	aio.Promise[int]
	s    *Server
	side side
	// if sent, immutable once the operation has started; otherwise guarded by
	// mu
	id    string
	body  []byte        // the whole body, for Handle
	began time.Duration // the operation's age when Handle was called

	// wmu is held while a stream writes the response, and while the stream
	// ends.
	wmu sync.Mutex

	route atomic.Pointer[string] // nil unless SetRoute was called

	mu      sync.Mutex // guards the fields below
	state   inboundState
	outcome Outcome // see settleLocked
	// the user's function, or a goroutine of net/http's, is running
	running bool
	own     bool          // the user has answered, or started to
	told    bool          // fail has been reported
	left    bool          // gone is closed, or will be closed when it is made
	alarm   *alarm.Alarm  // nil until it is first set
	answer  *answer       // nil while there is none
	kept    answer        // the program's response
	cause   error         // why the operation was cancelled
	fail    error         // error of the operation
	gone    chan struct{} // for Request.Gone; nil until asked for
}

// side is an engine's side of an exchange.
type side interface {
	// The request's parts. header returns the same map each time, and request a
	// new http.Request with the exchange's context and no body.
	method() string
	target() string
	proto() string
	host() string
	path() string // escaped
	query() string
	field(name string) string
	header() http.Header
	remote() string
	request() *http.Request

	// writer writes the response piece by piece.
	writer() pieceWriter
	// sent returns the status that was sent, 0 for none, and the size of the
	// body. tally returns the figures for Server.Done, when the exchange is
	// over.
	sent() (status int, bytes int64)
	tally() tally
	// checks reports whether a response's header must be checked before it is
	// given. Otherwise the engine checks it when it sends it.
	checks() bool
	// upgrade ends HTTP on the connection, after a response with header.
	upgrade(header http.Header) (*tcp.Conn, error)
	// awaitGone makes the engine watch for the client leaving, if it does not
	// do so anyway.
	awaitGone()
	// changedLocked and changed continue the exchange after its state has
	// changed: the first is called with its lock held, the second without.
	changedLocked()
	changed()
	// ends makes the connection end with the response, because of err in a
	// function of the user's.
	ends(err error)
	// cancelled is called after OpCancel, without the lock.
	cancelled()
}

// pieceWriter is the http.ResponseWriter of an exchange.
type pieceWriter interface {
	http.ResponseWriter
	WriteString(s string) (int, error)
	FlushError() error
	// begun reports whether the response, or another use of the connection, has
	// begun.
	begun() bool
}

// inboundState is the progress of the response.
type inboundState uint8

const (
	inboundOpen     inboundState = iota // there is no response
	inboundAnswered                     // the response is in answer
	// a StreamWriter is writing the response
	inboundStream
	inboundEnded   // nothing more may be written
	inboundAborted // the connection is to be closed
)

// answer is a response to be sent.
type answer struct {
	status int
	header http.Header
	body   []byte
	close  bool
	isText bool // the body is text/plain, in addition to header
}

// errRequestTime is the cause if a request took longer than RequestTimeout.
var errRequestTime = fmt.Errorf("httpx: the request took longer than RequestTimeout: %w", aio.ErrTimeout)

// start starts the exchange's operation under ctx's, the connection's. It
// returns a panic in Server.RequestContext: the caller then ends the exchange
// with it, by calling fault.
func (x *inbound) start(ctx context.Context, s *Server, e side) (died *aio.PanicError, err error) {
	x.s, x.side = s, e
	x.AsCallback()
	x.Op().AsServed()
	x.Op().AsWatched()
	x.takeID()
	ctx, died = x.requestContext(ctx)
	return died, x.Start(ctx, kindRequestIn, "", (*inboundDriver)(x))
}

// fault ends the exchange as if the user's function had panicked.
func (x *inbound) fault(p *aio.PanicError) { x.call(func() { panic(p) }) }

// call calls a function of the user's and recovers from panics.
// http.ErrAbortHandler is not treated as a panic.
func (x *inbound) call(fn func()) {
	err := x.Op().Call(func() {
		defer func() {
			switch v := recover(); v {
			case nil:
			case http.ErrAbortHandler:
				x.side.ends(http.ErrAbortHandler)
				x.abort(http.ErrAbortHandler, true, OutcomeAborted)
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

// died handles a function that panicked or called runtime.Goexit: the request
// is answered with 500 if nothing was sent, and the connection closed.
func (x *inbound) died(err error) {
	var p *aio.PanicError
	begun := x.s.Handle == nil && x.side.writer().begun()
	x.side.ends(err)
	x.change(func() bool {
		open := x.state == inboundOpen && !begun
		if !x.abortLocked(err, errors.As(err, &p), OutcomePanicked) {
			return false
		}
		if open {
			x.state, x.answer = inboundAnswered, plainAnswer(http.StatusInternalServerError)
		}
		return true
	})
}

// change calls fn with the lock held. If fn reports that it has changed the
// state, the exchange continues.
func (x *inbound) change(fn func() bool) {
	x.mu.Lock()
	changed := fn()
	if changed {
		x.side.changedLocked()
	}
	x.mu.Unlock()
	if changed {
		x.side.changed()
	}
}

// plainAnswer returns a response with only a status, which ends the connection.
func plainAnswer(status int) *answer {
	return &answer{
		status: status, close: true,
		isText: true,
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
	w := x.side.writer()
	begun := w.begun()
	// The driver may not have been called yet.
	late := x.s.lim.request > 0 && errors.Is(context.Cause(x.Context()), errRequestTime)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.state != inboundOpen {
		return
	}
	x.state = inboundEnded
	if begun {
		return
	}
	if late {
		x.state, x.answer, x.outcome = inboundAnswered, plainAnswer(http.StatusServiceUnavailable), OutcomeAbandoned
		return
	}
	w.WriteHeader(http.StatusOK)
}

// abort closes the connection, and ends the operation with err, unless there is
// a whole response.
func (x *inbound) abort(err error, told bool, outcome Outcome) {
	x.change(func() bool { return x.abortLocked(err, told, outcome) })
}

func (x *inbound) abortLocked(err error, told bool, outcome Outcome) bool {
	if x.state != inboundOpen && x.state != inboundStream {
		return false
	}
	x.state, x.fail, x.told, x.outcome = inboundAborted, err, told, outcome
	return true
}

// abandon answers a request in place of the program, unless it has a response.
// If err is nil, the request is refused. abandon reports whether it answered.
func (x *inbound) abandon(status int, err error, told bool) (did bool) {
	x.change(func() bool {
		if did = x.state == inboundOpen; did {
			x.state, x.answer = inboundAnswered, plainAnswer(status)
			x.fail, x.told, x.outcome = err, told, OutcomeRefused
			if err != nil {
				x.outcome = OutcomeAbandoned
			}
		}
		return did
	})
	return did
}

// refuseBusy answers a request beyond Server.MaxInFlight.
func (x *inbound) refuseBusy() {
	x.change(func() bool {
		if x.state != inboundOpen {
			return false
		}
		x.state, x.answer = inboundAnswered, plainAnswer(http.StatusServiceUnavailable)
		x.answer.header = http.Header{"Retry-After": {"1"}}
		x.answer.close, x.outcome = false, OutcomeRefused
		return true
	})
}

// clientGone notes that the client no longer waits for the response.
func (x *inbound) clientGone(cause error) {
	x.mu.Lock()
	x.leaveLocked()
	if x.state == inboundOpen || x.state == inboundStream {
		x.outcome = OutcomeGone
	}
	x.mu.Unlock()
	if by := x.serverCause(); by != nil {
		cause = by
	}
	x.Op().Cancel(cause)
}

// serverCause returns why the server was cancelled, nil if it was not. The
// cancellation closes a connection before it reaches the connection's requests,
// so their errors are then not the client's doing.
func (x *inbound) serverCause() error { return context.Cause(x.s.op.Context()) }

// leaveLocked closes gone. The lock is held.
func (x *inbound) leaveLocked() {
	if !x.left && x.gone != nil {
		close(x.gone)
	}
	x.left = true
}

// inboundDriver is the driver of an exchange's operation.
type inboundDriver inbound

var _ aio.Watcher = (*inboundDriver)(nil)

// OpCancel ends a request for which no function is running. Otherwise the
// request ends when the function returns.
func (d *inboundDriver) OpCancel(cause error) {
	x := (*inbound)(d)
	x.change(func() bool {
		x.cause = cause
		return !x.running && x.cancelledLocked()
	})
	x.side.cancelled()
}

// cancelledLocked ends a request that was cancelled and has no running
// function. It reports whether the state has changed. The lock is held.
func (x *inbound) cancelledLocked() bool {
	if x.cause == errRequestTime && x.state == inboundOpen {
		x.state, x.answer, x.fail = inboundAnswered, plainAnswer(http.StatusServiceUnavailable), x.cause
		x.outcome = OutcomeAbandoned
		return true
	}
	outcome := OutcomeAborted
	if x.outcome == OutcomeGone {
		outcome = OutcomeGone
	}
	return x.abortLocked(x.cause, true, outcome)
}

// OpWatched starts watching for the client leaving.
func (d *inboundDriver) OpWatched() { d.side.awaitGone() }

func (d *inboundDriver) OpName() string { return d.side.method() + " " + clip(d.side.path()) }

// alarmAfter sets the exchange's alarm, unless its response is over.
func (x *inbound) alarmAfter(d time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.state != inboundOpen && x.state != inboundStream {
		return
	}
	if x.alarm == nil {
		x.alarm = new(alarm.Alarm)
		x.alarm.Init((*inboundAlarm)(x))
	}
	alarm.Of(x.Op()).Set(x.alarm, d)
}

// stopAlarm stops the exchange's alarm. The lock is held.
func (x *inbound) stopAlarm() {
	if x.alarm != nil {
		alarm.Of(x.Op()).Stop(x.alarm)
	}
}

// inboundAlarm is the alarm.Firer of an exchange.
type inboundAlarm inbound

func (a *inboundAlarm) Fire() {
	x := (*inbound)(a)
	r, age := x.s.lim.request, x.Op().Age()
	switch {
	case r > 0 && age >= r:
		x.Op().Cancel(errRequestTime)
	case x.abandon(http.StatusServiceUnavailable, errLate, true):
		x.Op().Report(errLate)
	case r > 0: // a stream has begun
		x.alarmAfter(r - age)
	}
}

// setAlarm sets the alarm to when there must be a response.
func (x *inbound) setAlarm() {
	age := x.Op().Age()
	next := time.Duration(-1)
	for _, end := range [2]time.Duration{x.began + x.s.lim.response, x.s.lim.request} {
		if end > x.began && (next < 0 || end-age < next) {
			next = max(end-age, 0)
		}
	}
	if next >= 0 {
		x.alarmAfter(next)
	}
}

// writeFailure returns the error of an operation whose response could not be
// sent: the cause if it was cancelled.
func (x *inbound) writeFailure(err error) error {
	if cause := x.serverCause(); cause != nil {
		x.Op().Cancel(cause)
	}
	if cause := context.Cause(x.Context()); cause != nil {
		return cause
	}
	if errors.Is(err, ErrBadHeader) {
		return err
	}
	return aio.NewConnError("write", "tcp", x.side.remote(), -1, err)
}

// over ends the exchange's use of its connection, which has all of the response
// if whole is set. err is a new error of the exchange; it may be nil. over
// returns the operation's error.
func (x *inbound) over(err error, whole bool) (outcome Outcome, told bool, fail error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.fail == nil {
		x.fail = err
	}
	x.state = inboundEnded
	x.leaveLocked()
	x.settleLocked(whole)
	return x.outcome, x.told, x.fail
}

// end ends the operation, whose result is the size of the response's body.
func (x *inbound) end(bytes int64, fail error, told bool) {
	if told {
		x.Future() // the error is reported: it is not a lost one
		x.Op().Told()
	}
	if fail != nil {
		x.Reject(fail)
	} else {
		x.Resolve(int(bytes))
	}
}
