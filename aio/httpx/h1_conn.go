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

// h1Conn is a connection that speaks HTTP/1. It has one exchange at a time;
// what comes behind the exchange's request waits.
type h1Conn struct {
	connCtx
	e          *h1Engine
	prev, next *h1Conn // the engine's list, guarded by its lock

	mu      sync.Mutex // guards what follows
	state   connState
	inData  bool        // the callback is running
	paused  bool        // reading is paused
	watched bool        // hungUp is told when the client leaves
	timed   bool        // the connection has the timeouts of one that has sent a request
	posted  uint8       // how many empty lines may come before the next head
	used    bool        // it has had an exchange
	busy    bool        // the connection is marked as busy
	x       *h1Exchange // in connBody, connOwed and connSkip, once it has begun
	part    []byte      // in connHead: of a head that has come in part
	rest    []byte      // what of the callback's data was not used yet; borrowed
	behind  []byte      // in connGone: what a callback that ran meanwhile has left
	batch   *h1Batch    // answers that are gathered
	gone    error       // that the client has left, once it was told
	idle    time.Duration
	addr    string               // the client's, once it was asked for
	secure  *tls.ConnectionState // likewise, nil without TLS
	alarm   *alarm.Alarm         // nil before it is set
	due     h1Due                // what the alarm is for
	dueAt   time.Duration        // when, as the server's age
}

// connState is what a connection does with what comes.
type connState uint8

const (
	connHead connState = iota // it waits for a request
	connBody                  // it gives it to the body of x
	connOwed                  // it leaves it unread until x is over
	connSkip                  // it drops what is left of the body of x, which is over
	connOver                  // it drops it: the connection closes
	connGone                  // it leaves it to somebody else: the connection was taken over
)

// data is called with what has arrived.
func (k *h1Conn) data(data []byte) {
	k.mu.Lock()
	k.inData, k.rest = true, data
	defer k.dataOver() // also if a function of the user's calls runtime.Goexit
	for k.step() {
	}
}

// step takes something of what has arrived. It reports false if there is
// nothing that may be taken now. The lock is held, but not while a function of
// the user's runs.
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

// dataOver ends the callback: it keeps what was not used, and sends what is
// gathered. The lock is held, and let go.
func (k *h1Conn) dataOver() {
	rest := k.rest
	k.inData, k.rest = false, nil
	switch k.state {
	case connOwed, connHead, connBody:
		if len(rest) > 0 { // in connHead and connBody, because of a full queue or buffer
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

// resume ends what pause began. The lock is held.
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

// skipEmpty drops up to two empty lines, which old clients send behind the body
// of a POST (RFC 9112, section 2.2). It leaves posted as it is if another one
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

// partHead keeps a head that has come in part, of which some was checked
// before. The lock is held.
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

// setBusy marks the connection as busy, or not busy any more. The lock is held.
func (k *h1Conn) setBusy(busy bool) {
	if k.busy != busy {
		k.busy = busy
		k.c.SetBusy(busy)
	}
}

// headOver ends what partHead or holdIfDrains began, if one did. The lock is
// held.
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

// setTimeouts sets the connection's idle timeouts. One that has ended meanwhile
// needs none. The lock is held.
func (k *h1Conn) setTimeouts(read time.Duration) {
	if k.idle != read || !k.timed {
		k.idle, k.timed = read, true
		k.c.SetTimeouts(read, k.e.s.lim.write)
	}
}

// refuse answers what is no request, as net/http's server does, and ends the
// connection. The lock is held, but not all the while.
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

// close ends the connection once everything was sent. The lock is held, but not
// all the while.
func (k *h1Conn) close() {
	k.state, k.rest = connOver, nil
	k.flushNow()
	k.resume()
	k.c.CloseAfterFlush() // fails only on a connection that has ended
}

// drop closes the connection at once, unless it was taken over. What is
// gathered is sent before. The lock is not held.
func (k *h1Conn) drop() {
	k.mu.Lock()
	sent, over := k.flush(), k.state == connGone
	k.mu.Unlock()
	sent.tell()
	if !over {
		k.c.Close()
	}
}

// event is told of the client's end, or what has ended the connection.
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

// closed is told that the connection has ended.
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

// tls returns the state of the connection's TLS, nil without any.
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

// watch has hungUp called when the client leaves, whether or not somebody
// reads.
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
// HalfOpen it still waits for its answer.
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

// drainTime is how long a connection that has had a request is given for
// another one when the server drains: its client may have sent one before it
// can know.
const drainTime = 250 * time.Millisecond

// drain keeps the connection from being taken for idle as long as its client
// may have sent something.
func (k *h1Conn) drain() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.inData {
		k.holdIfDrains()
	}
}

// holdIfDrains begins drainTime, unless that has begun, if the server drains
// and no operation keeps the connection open: it waits for a request, drops
// what is before it, or has an exchange that is answered. The lock is held.
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

// h1Due is what a connection's alarm is for.
type h1Due uint8

const (
	dueNothing h1Due = iota
	dueHead          // a head that has begun, or the rest of an unread body, must have come
	dueBody          // more of a body must have come
	dueIdle          // drainTime is over
	dueBatch         // answers were gathered for batchTime
)

// setAlarm sets the connection's alarm, for one thing at a time: there is no
// batch while something is waited for. The lock is held.
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

// h1Alarm is a connection as what its alarm calls.
type h1Alarm h1Conn

// Fire ends what has taken too long.
func (a *h1Alarm) Fire() {
	k := (*h1Conn)(a)
	var sent delivery
	var late *h1Exchange
	k.mu.Lock()
	due := k.due
	if k.e.s.op.Op().Age() < k.dueAt { // it was set again when it was about to fire
		due = dueNothing
	}
	if due != dueNothing {
		k.due = dueNothing
	}
	switch due {
	case dueHead:
		if k.state == connHead && k.c.Buffered() > 0 { // the client is held up, until it reads
			k.setAlarm(dueHead, k.e.s.lim.header)
			break
		}
		k.close()
	case dueBody:
		late = k.x
	case dueIdle:
		if k.state == connSkip {
			k.close() // without a reset by what the client still sends
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
