package httpx

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
)

var kindRespond = aio.NewKind("http.respond")

var (
	// ErrResponded is the error of a second response to a request.
	ErrResponded = errors.New("httpx: the request has a response already")
	// ErrAbandoned is the event of a request that was dropped without a
	// response, or has had none for Server.ResponseTimeout (it then also
	// matches aio.ErrTimeout). It is also the error of a response that comes
	// after that.
	ErrAbandoned = errors.New("httpx: the request was abandoned")

	errDropped = fmt.Errorf("%w: it was dropped without a response (call Respond on every way out)", ErrAbandoned)
	errLate    = fmt.Errorf("%w: it had no response in time: %w", ErrAbandoned, aio.ErrTimeout)
)

// Respond answers the request, once: http-response of cl-async. It may be
// called from any goroutine, during Handle or after it. It never blocks, and
// the response is sent at once, even while Handle is running. header and body
// must not be changed until the future is done. The Content-Length is set from
// body. For a HEAD request, and with status 204 or 304, only the header is
// sent.
//
// The future resolves with the length of the body that was sent, when the
// kernel has accepted the whole response. It fails with ErrResponded if the
// request has a response already, ErrBadHeader (the client gets 500),
// ErrAbandoned, the cause of the request's context when the client is gone, or
// the *aio.ConnError of the connection.
func (r *Request) Respond(status int, header http.Header, body []byte) *aio.Future[int] {
	return r.respond(answer{status: status, header: header, body: body})
}

func (r *Request) respond(a answer) *aio.Future[int] {
	f := r.x.Future()
	if err := r.begin(inboundAnswered, a); err != nil {
		return r.x.refusal(err)
	}
	r.x.side.changed()
	return f
}

// RespondString is Respond with a text, sent as text/plain in UTF-8.
func (r *Request) RespondString(status int, text string) *aio.Future[int] {
	return r.respond(answer{status: status, isText: true, body: []byte(text)})
}

// textType is the media type of RespondString.
const textType = "text/plain; charset=utf-8"

// errTaken is the error if the server has answered in place of the program.
var errTaken = errors.New("httpx: answered by the server")

// begin claims the response for the caller, which calls changed after
// inboundAnswered. After an error the caller must not write. If the header is
// invalid the client gets 500.
func (r *Request) begin(to inboundState, a answer) error {
	x := r.x
	bad := checkStatus(a.status)
	if bad == nil && (to != inboundAnswered || x.side.checks()) {
		bad = checkFields(a.header)
	}
	if bad == nil && a.status < 200 {
		bad = fmt.Errorf("%w: status %d is not a response", ErrBadHeader, a.status)
	}
	if bad != nil {
		defer x.side.changed()
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.state != inboundOpen {
		if x.own {
			return ErrResponded
		}
		return errTaken
	}
	x.own = true
	if bad != nil {
		x.state, x.answer, x.fail = inboundAnswered, plainAnswer(http.StatusInternalServerError), bad
		x.side.changedLocked()
		return bad
	}
	x.kept = a
	x.state, x.answer = to, &x.kept
	if to == inboundAnswered {
		x.side.changedLocked()
	}
	return nil
}

// refusal returns the future of a response that is not sent.
func (x *inbound) refusal(err error) *aio.Future[int] {
	if !errors.Is(err, ErrResponded) {
		return x.Future() // it fails, or has failed, with the reason
	}
	p := aio.NewPromise[int](x.Context(), kindRespond, "respond")
	p.Reject(err)
	return p.Future()
}

// reason returns the error for a caller whose response was refused with err.
func (x *inbound) reason(err error) error {
	if !errors.Is(err, errTaken) {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.fail != nil:
		return x.fail
	case x.cause != nil:
		return x.cause
	}
	return ErrAbandoned
}

// bound bounds how long a request waits for its response after Handle has
// returned, and answers it if the program drops it. It reports whether the
// response is still to come, or not complete.
func (x *inbound) bound(r *Request) (awaited bool) {
	x.mu.Lock()
	open, stream := x.state == inboundOpen, x.state == inboundStream
	x.mu.Unlock()
	if open {
		x.setAlarm()
	}
	if open || stream {
		x.s.dropped.note(x.s.op.Op())
		runtime.AddCleanup(r, (*inbound).collected, x)
	}
	return open || stream
}

// collected notes that the exchange's Request was collected.
func (x *inbound) collected() { x.s.dropped.add(x) }

// droppedList holds the exchanges whose Requests were collected. The runtime
// reports this in a goroutine of the runtime, which must not touch objects of a
// synctest bubble. That goroutine only appends, and the server looks at the
// list at growing intervals.
type droppedList struct {
	mu      sync.Mutex
	list    []*inbound
	pending int // number of Requests that are still to be collected
	op      *aio.Op
	alarm   alarm.Alarm
	set     bool
	wait    time.Duration
	over    bool
}

const (
	firstLook = 20 * time.Millisecond
	lastLook  = time.Second
)

// note makes sure that the list is looked at from time to time.
func (d *droppedList) note(op *aio.Op) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending++
	if d.over || d.set {
		return
	}
	if d.op == nil {
		d.op = op
		d.alarm.Init(d)
	}
	d.set, d.wait = true, firstLook
	alarm.Of(op).Set(&d.alarm, d.wait)
}

// add notes that a Request was collected. It is also called for those that were
// answered.
func (d *droppedList) add(x *inbound) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending--
	if !d.over {
		d.list = append(d.list, x)
	}
}

// Fire answers the requests that were dropped.
func (d *droppedList) Fire() {
	d.mu.Lock()
	list := d.list
	d.list = nil
	if d.set = d.pending > 0 && !d.over; d.set {
		d.wait = min(2*d.wait, lastLook)
		if len(list) > 0 {
			d.wait = firstLook
		}
		alarm.Of(d.op).Set(&d.alarm, d.wait)
	}
	d.mu.Unlock()
	for _, x := range list {
		x.wasDropped()
	}
}

// stop stops looking at the list.
func (d *droppedList) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
	d.list = nil
	if d.op != nil {
		alarm.Of(d.op).Stop(&d.alarm)
	}
}

// wasDropped ends an exchange whose Request is gone: with 500 if there is no
// response, or by ending the connection if the response is incomplete.
func (x *inbound) wasDropped() {
	tell := x.abandon(http.StatusInternalServerError, errDropped, true)
	x.change(func() bool {
		stream := x.state == inboundStream && x.abortLocked(errDropped, true, OutcomeAbandoned)
		tell = tell || stream
		return stream
	})
	if tell {
		x.Op().Report(errDropped)
	}
}
