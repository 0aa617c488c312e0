package httpx

import (
	"errors"
	"io"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
	"goaio.example/aio/internal/http1"
	"goaio.example/aio/tcp"
)

// clientConn is a client's connection over HTTP/1.1, in tcp's handler style. It
// has one trip at a time, and no goroutine in this package.
type clientConn struct {
	c     *tcp.Conn
	host  *host
	alarm alarm.Alarm

	// The pool's lock guards these.
	prev, next *clientConn
	listed     bool

	mu    sync.Mutex
	trip  *trip
	dead  bool
	kept  bool          // it has been used before, so it may be stale
	held  bool          // response complete, but the request is not all written
	due   time.Duration // deadline of the current wait, by clock; 0: none
	why   error         // error of the trip if due passes
	alert time.Duration // when the alarm is set for; 0: it is not set
	since time.Duration // when the connection became idle
}

// handler returns the callbacks of the connection's tcp.Conn.
func (k *clientConn) handler() tcp.Handler {
	return tcp.Handler{Data: k.data, Event: k.ended, Closed: k.closed}
}

// opened sets the connection, unless it is set already.
func (k *clientConn) opened(c *tcp.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.c == nil {
		k.c, k.since = c, k.clock()
	}
}

// reason returns why a new connection ended before it was used.
func (k *clientConn) reason() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.why != nil {
		return k.why
	}
	return io.EOF
}

// clock returns the time since the pool began.
func (k *clientConn) clock() time.Duration { return k.host.pool.op.Age() }

// begin places a trip on the connection and sends the request. It reports false
// if the connection has ended.
func (k *clientConn) begin(t *trip) bool {
	k.mu.Lock()
	if k.dead {
		k.mu.Unlock()
		return false
	}
	kept := k.kept
	placed := t.place(k, kept)
	if placed {
		k.trip, k.due = t, 0
	}
	k.mu.Unlock()
	if !placed {
		k.carry(k.free())
		return true
	}
	done := false
	defer func() {
		if !done { // a hook panicked
			t.fail(errHook)
		}
	}()
	t.gotConn(k, kept)
	k.send(t)
	done = true
	return true
}

// letGo takes a trip off the connection. It reports false if the connection has
// another trip, or none.
func (k *clientConn) letGo(t *trip) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.trip != t {
		return false
	}
	k.trip, k.due, k.since = nil, 0, k.clock()
	return true
}

// putBack returns the connection of a trip that has let go of it to the pool,
// or closes it. It returns the trip that gets the connection next, which the
// caller carries.
func (k *clientConn) putBack(t *trip, keep bool) *trip {
	var why error
	if !keep {
		why = errNotKept
		k.close()
	}
	if t.trace != nil && t.trace.PutIdleConn != nil {
		t.trace.PutIdleConn(why)
	}
	if !keep {
		return nil
	}
	return k.free()
}

// free adds the connection, which has no trip, to the idle ones, or closes it.
// If a trip is waiting, free returns that trip instead, and the caller carries
// it.
func (k *clientConn) free() *trip {
	if !k.spare() {
		return nil
	}
	t, kept := k.host.take(k)
	switch {
	case t != nil:
		return t
	case !kept:
		k.close()
	case !k.rest():
		k.host.unlist(k)
	}
	return nil
}

// carry begins a trip that was given the connection. t may be nil.
func (k *clientConn) carry(t *trip) {
	if t != nil && !k.begin(t) {
		t.seek()
	}
}

// spare marks the connection as idle. It reports false if the connection has
// ended.
func (k *clientConn) spare() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept = true
	return !k.dead
}

// rest sets the alarm to close the connection when it has been idle for too
// long. It reports false if the connection has ended.
func (k *clientConn) rest() bool {
	limit := orDefault(k.host.pool.client.Timeouts.Idle, 60*time.Second)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.dead {
		return false
	}
	if k.trip == nil && limit > 0 {
		k.lateAt(k.since, limit)
	}
	return true
}

// lateIn sets the deadline of the current wait; 0 means none. The lock is held.
func (k *clientConn) lateIn(d time.Duration) {
	if d <= 0 {
		k.due = 0
		return
	}
	k.lateAt(k.clock(), d)
}

// lateAt is lateIn for a wait that began at now. The lock is held.
func (k *clientConn) lateAt(now, d time.Duration) {
	k.due = now + d
	if k.alert == 0 || k.alert > k.due {
		k.alert = k.due
		alarm.Of(&k.host.pool.op).Set(&k.alarm, d)
	}
}

// Fire is called when the alarm is due. The deadline may have moved by then:
// the alarm is not moved with each request.
func (k *clientConn) Fire() {
	k.mu.Lock()
	k.alert = 0
	if k.dead || k.due == 0 {
		k.mu.Unlock()
		return
	}
	if left := k.due - k.clock(); left > 0 {
		k.alert = k.due
		alarm.Of(&k.host.pool.op).Set(&k.alarm, left)
		k.mu.Unlock()
		return
	}
	t, why, held := k.trip, k.why, k.held
	k.due, k.held = 0, false
	k.mu.Unlock()
	if t != nil {
		t.fail(why)
	} else if held || k.host.unlist(k) {
		k.close()
	}
}

// holdTime is how long a connection whose response is complete waits for the
// rest of the request to be written before it is closed.
const holdTime = 100 * time.Millisecond

// hold keeps the connection, which has let go of its trip, from being used. The
// alarm closes it if settle is not called in time.
func (k *clientConn) hold() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held = true
	k.lateIn(holdTime)
}

// unhold undoes hold. It reports false if the connection is no longer held.
func (k *clientConn) unhold() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	held := k.held
	if held {
		k.held, k.due = false, 0
	}
	return held
}

// settle returns a held connection to the pool, or closes it.
func (k *clientConn) settle(t *trip, keep bool) {
	if k.unhold() {
		k.carry(k.putBack(t, keep))
	}
}

// waits sets how long a trip's connection may wait for the next bytes, and the
// error of the trip if it waits longer.
func (k *clientConn) waits(t *trip, d time.Duration, why error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.trip == t {
		k.why = why
		k.lateIn(d)
	}
}

// close closes the connection, and returns its trip, if any.
func (k *clientConn) close() *trip {
	t := k.kill()
	k.c.Close() // fails only on a connection that has ended
	return t
}

// kill marks the connection as ended.
func (k *clientConn) kill() (t *trip) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.dead = true
	t, k.trip = k.trip, nil
	return t
}

// abandon aborts the connection of a trip that is over.
func (k *clientConn) abandon(t *trip) {
	k.mu.Lock()
	mine := k.trip == t
	if mine {
		k.trip, k.dead = nil, true
	}
	k.mu.Unlock()
	if mine {
		k.c.Abort()
	}
}

// current returns the connection's trip.
func (k *clientConn) current() *trip {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.trip
}

// data handles arrived bytes. If no request is waiting for them, it closes the
// connection.
func (k *clientConn) data(_ *tcp.Conn, p []byte) {
	if t := k.current(); t != nil && !t.unsent() {
		t.receive(k, p)
		return
	}
	k.host.unlist(k)
	t := k.close()
	if t != nil {
		t.lost(k, errUnasked)
	}
}

// errUnasked is the error if a server answers before the request was sent.
const errUnasked http1.Fault = "bytes before the request was sent"

// ended handles the connection's condition. The trip that it ends is the one
// that kill finds: another one may have been placed since current.
func (k *clientConn) ended(_ *tcp.Conn, err error) {
	if t := k.current(); t != nil && aio.IsInfo(err) && t.eof(k) {
		return
	}
	t := k.kill()
	k.host.unlist(k)
	if t == nil {
		return
	}
	if aio.IsInfo(err) {
		err = t.peerGone()
	}
	t.lost(k, err)
}

// closed handles the connection's end.
func (k *clientConn) closed(_ *tcp.Conn, err error) {
	t := k.kill()
	alarm.Of(&k.host.pool.op).Stop(&k.alarm)
	k.host.unlist(k)
	if t != nil {
		if err == nil {
			err = t.peerGone()
		}
		t.lost(k, err)
	}
	k.host.gone()
}

// errHook is the error of a trip whose trace panicked.
var errHook = errors.New("httpx: a hook of the request's trace did not return")

// errSend and errHeader are the errors of trips that waited for too long.
var (
	errSend   error = timeoutError("sending the request made no progress for Timeouts.Send")
	errHeader error = timeoutError("the response's header did not come within Timeouts.Header")
)
