package httpx

import (
	"net/http"

	"goaio.example/aio"
	"goaio.example/aio/internal/http1"
)

// h1Exchange is a request over HTTP/1 and its response.
type h1Exchange struct {
	inbound
	k    *h1Conn
	head http1.Head
	body *h1Body       // nil without one
	hdr  http.Header   // result of header; guarded by the exchange's lock
	req  *http.Request // for an http.Handler
	out  *h1Writer     // nil until used; guarded by the exchange's lock
	kit  *handlerKit   // for an http.Handler

	// close makes the connection end with the response. The connection's lock
	// guards it until the response begins.
	close bool

	answered bool // the operation is ending; guarded by the connection's lock

	aside bool // it has a goroutine; immutable once the user's function runs

	given bool // the answer was given to the connection

	// The parts of the end of the exchange, guarded by its lock.
	finishing bool // a goroutine is ending it, or has ended it
	finished  bool // nothing more is written
	entered   bool // it counts for Server.MaxInFlight
}

var _ side = (*h1Exchange)(nil)

func (x *h1Exchange) method() string           { return x.head.Method }
func (x *h1Exchange) target() string           { return x.head.Target }
func (x *h1Exchange) proto() string            { return x.head.Proto() }
func (x *h1Exchange) host() string             { return x.head.Host }
func (x *h1Exchange) path() string             { return x.head.Path() }
func (x *h1Exchange) query() string            { return x.head.Query() }
func (x *h1Exchange) field(name string) string { return x.head.Value(name) }
func (x *h1Exchange) remote() string           { return x.k.remote() }
func (x *h1Exchange) checks() bool             { return false }
func (x *h1Exchange) awaitGone()               { x.k.watch() }
func (x *h1Exchange) changedLocked()           {}

// sent returns the status and the size of the body that were sent.
func (x *h1Exchange) sent() (status int, bytes int64) {
	switch {
	case x.given:
		return x.answer.status, int64(len(x.answer.body))
	case x.out != nil:
		return x.out.status, x.out.written
	}
	return 0, 0
}

// tally returns the figures for Server.Done.
func (x *h1Exchange) tally() (t tally) {
	t.status, t.out = x.sent()
	if w := x.out; w != nil && !x.given {
		t.taken = w.stage == h1Hijacked
		if w.stage < h1Sent {
			t.status, t.out = 0, 0
		}
	}
	if x.req != nil {
		t.pattern = x.req.Pattern
	}
	t.in = x.body.taken()
	return t
}

// begin begins the exchange of a request whose head was read. The connection's
// lock is held; it is released while a function of the user's runs.
func (k *h1Conn) begin(x *h1Exchange) {
	s := k.e.s
	k.state = connOwed
	x.close = !x.head.KeepsAlive() || x.head.Method == http.MethodConnect
	if s.Handle == nil {
		x.kit = new(handlerKit)
	}
	if x.head.Length != 0 {
		x.body = k.takeBody(x)
	}
	if !x.body.isWhole() {
		k.state = connBody
	}
	k.mu.Unlock()
	defer k.mu.Lock()
	died, err := x.start(&k.connCtx, s, x)
	k.mu.Lock()
	k.x = x // before the operation, which may be cancelled at once
	gone := k.gone
	k.mu.Unlock()
	if err != nil { // the loop is done
		k.c.Close()
		return
	}
	if s.lim.request > 0 {
		x.alarmAfter(s.lim.request)
	}
	if gone != nil {
		x.clientGone(gone)
	}
	switch {
	case died != nil:
		x.fault(died)
	case x.body.refusal() != 0:
		x.answerNow(plainAnswer(x.body.refusal()), OutcomeRefused)
	case s.ReadyPath != "" && x.head.Path() == s.ReadyPath:
		x.route.Store(&s.ReadyPath)
		x.answerNow(s.readiness(), OutcomeAnswered)
	case x.head.Flags&http1.ExpectOther != 0:
		x.answerNow(&answer{status: http.StatusExpectationFailed, close: true}, OutcomeRefused)
	case s.Handle != nil:
		x.takeBody()
	case x.head.Form == http1.Asterisk: // as net/http's server does
		x.answerNow(&answer{status: http.StatusOK}, OutcomeAnswered)
	default:
		x.serveHandler()
	}
}

// answerNow answers a request without calling a function.
func (x *h1Exchange) answerNow(a *answer, outcome Outcome) {
	x.change(func() bool {
		if x.state != inboundOpen {
			return false
		}
		x.state, x.answer, x.outcome = inboundAnswered, a, outcome
		return true
	})
}

// style returns how the body is delivered.
func (x *h1Exchange) style() bodyStyle {
	if x.s.Handle != nil {
		return bodyForHandle
	}
	return bodyForHandler
}

// bodyStyle says how a request's body is delivered.
type bodyStyle uint8

const (
	bodyForHandle  bodyStyle = iota // to Handle, when it is complete
	bodyForHandler                  // to an http.Handler, which reads it
)

// takeBody calls Handle if the body is complete, or waits for the body.
func (x *h1Exchange) takeBody() {
	k := x.k
	if max(x.head.Length, x.body.size()) > x.s.lim.bodyBytes {
		x.abandon(http.StatusRequestEntityTooLarge, nil, false)
		return
	}
	if x.body.isWhole() {
		x.serveHandle()
		return
	}
	k.mu.Lock()
	x.body.sendContinue()
	k.setTimeouts(0)
	k.paceBody()
	k.mu.Unlock()
}

// paceBody starts the timeout for more of a body. The lock is held.
func (k *h1Conn) paceBody() {
	if d := k.e.s.lim.body; d > 0 {
		k.setAlarm(dueBody, d)
	}
}

// serveHandle calls Handle.
func (x *h1Exchange) serveHandle() {
	if !x.enter() {
		return
	}
	deferred := false // also after a panic or runtime.Goexit
	defer func() { x.handleReturned(deferred) }()
	deferred = x.callHandle()
}

// handleReturned continues after Handle has returned, or defers the request.
func (x *h1Exchange) handleReturned(deferred bool) {
	if deferred {
		x.k.watch()
	}
	x.functionOver()
}

// serveHandler calls the http.Handler: in the callback if the request is
// complete, else in a goroutine.
func (x *h1Exchange) serveHandler() {
	if !x.enter() {
		return
	}
	if x.body.isWhole() {
		x.callHandler()
		return
	}
	x.k.mu.Lock()
	x.k.setTimeouts(0)
	x.k.mu.Unlock()
	x.aside = true
	x.Op().Go(x.callHandler, func(error) {})
}

// callHandler calls the http.Handler, and ends its response.
func (x *h1Exchange) callHandler() {
	defer x.handlerOver()
	x.req = x.request()
	w := x.writer()
	x.call(func() { x.s.Handler.ServeHTTP(w, x.req) })
	if status := x.body.refused(); status != 0 && !w.begun() {
		x.abandon(status, nil, false)
	}
	x.handlerReturned()
}

// handlerOver continues the exchange after the http.Handler has ended.
func (x *h1Exchange) handlerOver() {
	if x.req.MultipartForm != nil {
		// net/http's server ignores the error too
		x.req.MultipartForm.RemoveAll()
	}
	x.mu.Lock()
	if x.state == inboundOpen { // runtime.Goexit
		x.state, x.answer, x.fail = inboundAnswered, plainAnswer(http.StatusInternalServerError), aio.ErrGoexit
		x.outcome = OutcomePanicked
	}
	x.mu.Unlock()
	x.functionOver()
}

// enter counts the exchange for Server.MaxInFlight, and notes that a function
// of the user's runs. It reports false if none may run: the exchange is
// refused, or was cancelled before.
func (x *h1Exchange) enter() bool {
	if !x.s.enter() {
		x.refuseBusy()
		return false
	}
	x.mu.Lock()
	open := x.state == inboundOpen
	x.running, x.entered = open, open
	x.mu.Unlock()
	if !open {
		x.s.leave()
	}
	return open
}

// functionOver notes that the serving function has returned. If it gave no
// answer, the exchange may have been cancelled meanwhile.
func (x *h1Exchange) functionOver() {
	x.mu.Lock()
	x.running = false
	if x.cause != nil {
		x.cancelledLocked()
	}
	over := x.finished
	x.mu.Unlock()
	if over {
		x.k.goOn(x)
		return
	}
	x.changed()
}

// changed ends the exchange if its state allows: Handle may still be running.
func (x *h1Exchange) changed() {
	x.mu.Lock()
	due := false
	switch x.state {
	case inboundAnswered, inboundEnded:
		due = !x.running || x.style() == bodyForHandle
	case inboundAborted:
		due = !x.running
	}
	if !due || x.finishing {
		x.mu.Unlock()
		return
	}
	x.finishing = true
	state, a, out := x.state, x.answer, x.out
	x.stopAlarm()
	x.mu.Unlock()
	if state == inboundAnswered && out == nil { // nothing can be written
		x.give(a)
	} else {
		x.finish(state, a, out)
	}
	x.passOn()
}

// cancelled ends a Read of the body.
func (x *h1Exchange) cancelled() {
	k, cause := x.k, x.why()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.x == x && k.state == connBody {
		x.body.fail(cause)
	}
}

// why returns the cause of the exchange's cancellation.
func (x *h1Exchange) why() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.cause
}

// finish writes the rest of the response, and ends the exchange.
func (x *h1Exchange) finish(state inboundState, a *answer, out *h1Writer) {
	if state == inboundAborted {
		x.k.drop() // fails a Write in progress
	}
	x.wmu.Lock() // a stream's Write has returned, and no other will begin
	defer x.wmu.Unlock()
	switch {
	case state == inboundAnswered && !out.begun():
		x.give(a)
	case state == inboundAborted || state == inboundAnswered:
		x.broken(http.ErrAbortHandler)
	default:
		out.finish()
	}
}

// give sends a whole response.
func (x *h1Exchange) give(a *answer) {
	k := x.k
	w := &h1Answer{e: k.e, head: &x.head, id: x.sentID()}
	buf := getBuffer()
	k.mu.Lock()
	w.close = x.endsWithLocked(a.close)
	var body []byte
	var err error
	if buf.b, body, err = w.append(buf.b, a); err != nil {
		k.mu.Unlock()
		x.mu.Lock()
		x.fail, x.told = err, false
		x.mu.Unlock()
		a = plainAnswer(http.StatusInternalServerError)
		w.close = true
		buf.b, body, _ = w.append(buf.b[:0], a)
		k.mu.Lock()
	}
	x.close = w.close
	x.answer, x.given = a, true
	a.body = body // for sent
	sent, f := k.put(x, buf, body)
	k.mu.Unlock()
	x.wasPut(sent, f)
}

// ends makes the connection end with the response. It hijacks the connection if
// tcp's callback is about to end by runtime.Goexit, which would reset it.
func (x *h1Exchange) ends(err error) {
	x.k.mu.Lock()
	x.close = true
	x.k.mu.Unlock()
	if err == aio.ErrGoexit && !x.aside {
		x.k.c.Hijack() // fails only on a connection that has ended
		x.k.e.forget(x.k)
	}
}

// endsWith reports whether the connection ends with the response that begins
// now.
func (x *h1Exchange) endsWith(asked bool) bool {
	x.k.mu.Lock()
	defer x.k.mu.Unlock()
	return x.endsWithLocked(asked)
}

// endsWithLocked is endsWith with the connection's lock held.
func (x *h1Exchange) endsWithLocked(asked bool) bool {
	x.close = x.close || asked || x.k.e.drains() || !x.body.skippable() || x.tooLarge()
	x.body.noContinue() // a 100 cannot come behind the response
	return x.close
}

// sentBy ends the exchange after f, the send of its response.
func (x *h1Exchange) sentBy(f *aio.Future[int]) {
	switch _, err := f.Result(); err {
	case nil:
		x.handedOver(true)
	case aio.ErrPending:
		f.AfterFunc(func() {
			if _, err := f.Result(); err != nil {
				x.notSent(err)
				return
			}
			x.handedOver(true)
		})
	default:
		x.notSent(err)
	}
}

// notSent ends an exchange whose response could not be sent. A handler that has
// written it learns this only from its context, as with net/http's server.
func (x *h1Exchange) notSent(err error) {
	if x.out == nil {
		x.broken(err)
		return
	}
	x.k.drop()
	x.handedOver(false)
}

// broken ends an exchange and its connection with an error.
func (x *h1Exchange) broken(err error) {
	x.mu.Lock()
	if x.fail == nil {
		x.mu.Unlock()
		err = x.writeFailure(err)
		x.mu.Lock()
		x.fail = err
	}
	x.mu.Unlock()
	x.k.drop()
	x.handedOver(false)
}

// handedOver ends the operation. whole means that the kernel has the response.
func (x *h1Exchange) handedOver(whole bool) {
	outcome, told, fail := x.over(nil, whole)
	if x.entered {
		x.s.leave()
	}
	x.logAccess()
	_, bytes := x.sent()
	x.k.operationOver(x)
	defer x.end(bytes, fail, told) // also if Done calls runtime.Goexit
	x.tellDone(fail, outcome)
}

// operationOver keeps the connection open for drainTime if the server drains.
// The operation that has kept it open is about to end, and goOn may be called
// later.
func (k *h1Conn) operationOver(x *h1Exchange) {
	k.mu.Lock()
	defer k.mu.Unlock()
	x.answered = true
	if !k.inData {
		k.holdIfDrains()
	}
}

// passOn lets the connection continue, since nothing more is written for the
// exchange, if the function that serves it has returned.
func (x *h1Exchange) passOn() {
	x.mu.Lock()
	x.finished = true
	over := !x.running
	x.mu.Unlock()
	if over {
		x.k.goOn(x)
	}
}

// goOn continues with the connection after an exchange.
func (k *h1Conn) goOn(x *h1Exchange) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.x != x || k.state >= connOver {
		return
	}
	x.body.over()
	if x.head.Method == http.MethodPost {
		k.posted = 2
	}
	switch {
	case x.close:
		k.close()
		return
	case x.body.isWhole():
		k.x, k.state = nil, connHead
	default:
		k.state = connSkip
	}
	k.setTimeouts(k.e.s.lim.idle)
	if !k.inData {
		k.holdIfDrains()
		k.paceSkip()
		k.resume()
	}
}
