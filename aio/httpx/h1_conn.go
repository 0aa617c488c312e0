package httpx

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
	"goaio.example/aio/internal/http1"
	"goaio.example/aio/tcp"
)

// h1Conn is an HTTP/1 connection. It has one exchange at a time; what follows
// the exchange's request waits.
type h1Conn struct {
	connCtx
	e          *h1Engine
	prev, next *h1Conn // the engine's list, guarded by its lock

	mu      sync.Mutex // guards what follows
	state   connState
	inData  bool // the callback is running
	paused  bool // reading is paused
	watched bool // hungUp will be called when the client leaves
	// the timeouts for a connection that has sent a request are set
	timed  bool
	posted uint8       // how many empty lines may come before the next head
	used   bool        // it has had an exchange
	busy   bool        // the connection is marked as busy
	x      *h1Exchange // in connHead: the part of a head that has arrived
	part   []byte      // in connHead: of a head that has come in part
	rest   []byte      // what is not used yet of the callback's data; borrowed
	// in connGone: the data left by a callback that ran meanwhile
	behind []byte
	batch  *h1Batch // responses being gathered
	gone   error    // why the client left; nil before
	idle   time.Duration
	addr   string               // the client's, once asked for
	secure *tls.ConnectionState // once asked for; nil without TLS
	alarm  *alarm.Alarm         // nil until it is first set
	due    h1Due                // what the alarm is for
	dueAt  time.Duration        // when it is due, as the server's age
}

// connState says what a connection does with arriving data.
type connState uint8

const (
	connHead connState = iota // waits for a request
	connBody                  // passes the data to the body of x
	connOwed                  // leaves it unread until x is over
	connSkip                  // drops the rest of the body of x, which is over
	connOver                  // drops it: the connection closes
	// leaves it to the program, which took the connection over
	connGone
)

// data is called with the bytes that have arrived.
func (k *h1Conn) data(data []byte) {
	k.mu.Lock()
	k.inData, k.rest = true, data
	defer k.dataOver() // also if a function of the user's calls runtime.Goexit
	for k.step() {
	}
}

// step processes some of the arrived bytes. It reports false if none may be
// processed now. The lock is held; it is released while a function of the
// user's runs.
func (k *h1Conn) step() bool {
	if len(k.rest) == 0 {
		return false
	}
	switch k.state {
	case connHead:
		return k.readHead()
	case connBody:
		return k.readBody()
	case connSkip:
		return k.skipBody()
	}
	return false
}

// dataOver ends the callback: it keeps the unused bytes, and sends the gathered
// responses. It is called with the lock held, and releases it.
func (k *h1Conn) dataOver() {
	rest := k.rest
	k.inData, k.rest = false, nil
	switch k.state {
	case connOwed, connHead, connBody:
		// in connHead and connBody, if a queue or buffer is full
		if len(rest) > 0 {
			k.c.Unread(rest)
		}
		if k.state == connOwed || k.state == connBody && k.x.body.full() {
			k.pause()
		}
	case connGone:
		k.behind = append(k.behind, rest...)
	}
	k.holdIfDrains()
	sent := k.flush()
	k.paceSkip()
	k.mu.Unlock()
	sent.tell()
}

// pause stops reading. The lock is held.
func (k *h1Conn) pause() {
	if !k.paused {
		k.paused = true
		k.c.PauseReading()
	}
}

// resume undoes pause. The lock is held.
func (k *h1Conn) resume() {
	if k.paused {
		k.paused = false
		k.c.ResumeReading()
	}
}

// readHead reads a request's head, and begins its exchange. The lock is held.
func (k *h1Conn) readHead() bool {
	if k.batch == nil && k.used && k.c.Buffered() >= tcp.DefaultHighWater {
		return false // the client does not read
	}
	p, checked := k.rest, len(k.part)
	if checked > 0 {
		k.part = append(k.part, k.rest...)
		p = k.part
	}
	if k.posted > 0 {
		if p = k.skipEmpty(p); len(p) == 0 || k.posted > 0 {
			k.part, k.rest = append([]byte(nil), p...), nil
			return false
		}
		checked = 0
	}
	l := http1.Limits{Bytes: k.e.s.lim.headerBytes, Fields: k.e.s.lim.headerFields}
	n := http1.Length(p, checked)
	if n == 0 {
		return k.partHead(p, checked, l)
	}
	x := &h1Exchange{k: k}
	status := x.head.ParseWhole(p[:n], l)
	k.rest = k.rest[n-(len(p)-len(k.rest)):]
	k.headOver()
	if status != 0 {
		k.refuse(status)
		return false
	}
	k.begin(x)
	return true
}

// skipEmpty drops up to two empty lines, which old clients send after the body
// of a POST (RFC 9112, section 2.2). It leaves posted unchanged if another one
// may have begun. The lock is held.
func (k *h1Conn) skipEmpty(p []byte) []byte {
	for k.posted > 0 && bytes.HasPrefix(p, crlf) {
		p = p[len(crlf):]
		k.posted--
	}
	if len(p) > 1 || len(p) == 1 && p[0] != '\r' {
		k.posted = 0
	}
	if len(k.part) > 0 {
		k.part = p
	}
	k.rest = k.rest[len(k.rest)-min(len(p), len(k.rest)):]
	return p
}

var crlf = []byte("\r\n")

// partHead keeps an incomplete head, of which the first checked bytes were
// checked before. The lock is held.
func (k *h1Conn) partHead(p []byte, checked int, l http1.Limits) bool {
	if status := http1.Check(p, checked, l); status != 0 {
		k.headOver()
		k.refuse(status)
		return false
	}
	if len(k.part) == 0 {
		k.part = bytes.Clone(p)
	}
	if k.due != dueHead {
		k.setBusy(true)
		if d := k.e.s.lim.header; d > 0 {
			if !k.used {
				d -= k.c.Stats().Age
			}
			k.setAlarm(dueHead, d)
		}
	}
	k.rest = nil
	return false
}

// setBusy marks the connection as busy or not busy. The lock is held.
func (k *h1Conn) setBusy(busy bool) {
	if k.busy != busy {
		k.busy = busy
		k.c.SetBusy(busy)
	}
}

// headOver undoes what partHead or holdIfDrains began. The lock is held.
func (k *h1Conn) headOver() {
	k.part, k.posted = nil, 0
	if k.busy {
		k.setBusy(false)
		k.stopAlarm()
	}
	if !k.used {
		k.used = true
		k.setTimeouts(k.e.s.lim.idle)
	}
}

// setTimeouts sets the connection's idle timeouts. It ignores errors, since a
// connection that has ended needs no timeouts. The lock is held.
func (k *h1Conn) setTimeouts(read time.Duration) {
	if k.idle != read || !k.timed {
		k.idle, k.timed = read, true
		k.c.SetTimeouts(read, k.e.s.lim.write)
	}
}

// refuse answers a malformed request, as net/http's server does, and ends the
// connection. The lock is held; it is released meanwhile.
func (k *h1Conn) refuse(status int) {
	k.flushNow()
	text := fmt.Sprintf("%d %s", status, http.StatusText(status))
	k.c.SendString("HTTP/1.1 " + text + "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" + text).
		Result() // an error ends the connection, which is about to end
	k.close()
	if k.e.s.Done == nil {
		return
	}
	k.mu.Unlock()
	defer k.mu.Lock()
	k.e.s.tellAtOnce(&k.connCtx, RequestStats{
		Status: status, BytesOut: int64(len(text)), Remote: k.remote(), Outcome: OutcomeRefused,
	})
}

// close ends the connection after everything was sent. The lock is held; it is
// released meanwhile.
func (k *h1Conn) close() {
	k.state, k.rest = connOver, nil
	k.flushNow()
	k.resume()
	k.c.CloseAfterFlush() // fails only on a connection that has ended
}

// drop closes the connection at once, unless it was taken over. It sends
// gathered responses first. The lock is not held.
func (k *h1Conn) drop() {
	k.mu.Lock()
	sent, over := k.flush(), k.state == connGone
	k.mu.Unlock()
	sent.tell()
	if !over {
		k.c.Close()
	}
}

// event is called when the client ends its sending side, and when the
// connection ends.
func (k *h1Conn) event(err error) {
	k.mu.Lock()
	x, state := k.x, k.state
	switch state {
	case connHead:
		if len(k.part) > 0 && aio.IsInfo(err) {
			k.refuse(http.StatusBadRequest)
		} else {
			k.close()
		}
	case connSkip:
		k.close()
	case connBody:
		x.body.fail(err)
	}
	k.mu.Unlock()
	switch {
	case state == connBody && x.style() == bodyForHandle:
		x.abort(bodyError(err), true, OutcomeGone)
	case state == connBody || state == connOwed:
		k.hungUp(err)
	}
}

// closed is called when the connection has ended.
func (k *h1Conn) closed(err error) {
	k.e.forget(k)
	if err == nil {
		err = k.condition(aio.ErrClosed)
	}
	k.mu.Lock()
	x := k.x
	k.state, k.rest = connOver, nil
	k.stopAlarm()
	if x != nil {
		x.body.fail(err)
	}
	k.mu.Unlock()
	if x != nil {
		x.clientGone(err)
	}
}

func (k *h1Conn) condition(err error) error {
	return aio.NewConnError("read", "tcp", k.remote(), -1, err)
}

// remote returns the client's address.
func (k *h1Conn) remote() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.addr == "" {
		k.addr = k.c.RemoteAddr().String()
	}
	return k.addr
}

// tls returns the state of the connection's TLS, nil without TLS.
func (k *h1Conn) tls() *tls.ConnectionState {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.secure == nil && k.e.s.tcp.TLS != nil {
		if state, ok := k.c.TLS(); ok {
			k.secure = &state
		}
	}
	return k.secure
}

// watch arranges for hungUp to be called when the client leaves, even while
// nothing reads from the connection.
func (k *h1Conn) watch() {
	k.mu.Lock()
	watched := k.watched
	k.watched = true
	k.mu.Unlock()
	if !watched {
		k.c.AfterHangUp(k.hungUp)
	}
}

// hungUp notes that the client has left, or has ended its sending side: with
// HalfOpen it still waits for its response.
func (k *h1Conn) hungUp(err error) {
	half := errors.Is(err, aio.ErrEOF)
	if half && k.e.s.HalfOpen {
		return
	}
	k.mu.Lock()
	k.gone = err
	x := k.x
	over := k.state == connSkip || k.state == connGone
	k.mu.Unlock()
	if x != nil && !over {
		x.clientGone(err)
	}
}

// drainTime is how long a draining server waits for another request on a
// connection that has had one: the client may have sent it before it could
// know.
const drainTime = 250 * time.Millisecond

// drain keeps the connection open as long as its client may already have sent a
// request.
func (k *h1Conn) drain() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.inData {
		k.holdIfDrains()
	}
}

// holdIfDrains starts drainTime, unless it has started, if the server drains
// and no operation keeps the connection open: the connection waits for a
// request, drops the rest of a body, or has an exchange that is answered. The
// lock is held.
func (k *h1Conn) holdIfDrains() {
	waits := false
	switch k.state {
	case connHead:
		waits = k.used && k.part == nil
	case connBody, connOwed:
		waits = k.x != nil && k.x.answered
	case connSkip:
		waits = true
	}
	if waits && !k.busy && k.e.drains() {
		k.setBusy(true)
		k.setAlarm(dueIdle, drainTime)
	}
}

// h1Due says what a connection's alarm is for.
type h1Due uint8

const (
	dueNothing h1Due = iota
	dueHead          // a head, or the rest of an unread body, is due
	dueBody          // more of a body is due
	dueIdle          // drainTime is over
	dueBatch         // batchTime is over
)

// setAlarm sets the connection's alarm for one purpose at a time: there is no
// batch while the connection waits for data. The lock is held.
func (k *h1Conn) setAlarm(due h1Due, d time.Duration) {
	if k.alarm == nil {
		k.alarm = new(alarm.Alarm)
		k.alarm.Init((*h1Alarm)(k))
	}
	op := k.e.s.op.Op()
	k.due, k.dueAt = due, op.Age()+d
	alarm.Of(op).Set(k.alarm, max(d, 0))
}

// stopAlarm stops the connection's alarm. The lock is held.
func (k *h1Conn) stopAlarm() {
	if k.due != dueNothing {
		k.due = dueNothing
		alarm.Of(k.e.s.op.Op()).Stop(k.alarm)
	}
}

// h1Alarm is the alarm.Firer of a connection.
type h1Alarm h1Conn

// Fire ends what took too long.
func (a *h1Alarm) Fire() {
	k := (*h1Conn)(a)
	var sent delivery
	var late *h1Exchange
	k.mu.Lock()
	due := k.due
	// the alarm was set again when it was about to fire
	if k.e.s.op.Op().Age() < k.dueAt {
		due = dueNothing
	}
	if due != dueNothing {
		k.due = dueNothing
	}
	switch due {
	case dueHead:
		// the client must read before its next request is taken
		if k.state == connHead && k.c.Buffered() > 0 {
			k.setAlarm(dueHead, k.e.s.lim.header)
			break
		}
		k.close()
	case dueBody:
		late = k.x
	case dueIdle:
		if k.state == connSkip {
			k.close() // without a reset, even if the client still sends
			break
		}
		k.setBusy(false)
	case dueBatch:
		sent = k.flush()
	}
	k.mu.Unlock()
	sent.tell()
	if late != nil {
		late.abandon(http.StatusRequestTimeout, nil, false)
	}
}
