package beanstalk

import (
	"fmt"
	"slices"
	"time"

	"goaio.example/aio"
)

// consuming is a consumer's state in one loop. A reserve that waits blocks all
// commands behind it on its connection, so it is sent only on a connection that
// holds no job: commands about a job never wait for another job. There is at
// most one such connection, for all waiting Reserves. When a job has arrived on
// it, reserves that do not wait are sent on the connections that hold jobs, as
// long as these bring more: first one, then twice as many with each success.
//
// The pool's lock guards it.
type consuming struct {
	consumer *Consumer
	pool     *pool

	waiters commands
	direct  commands // commands to send on a connection that is not blocked
	wires   []*wire
	dial    *dialing
	blocked *wire // has the reserve that waits
	asking  int   // unanswered reserves that do not wait
	burst   int   // limit of asking
	dry     bool  // the last one brought no job
	changes int   // changes to the tubes known to the connection in the making
	futile  int   // successive connections that ended without a response
	pins    int   // calls that are about to use it
}

const (
	maxBurst = 64
	// maxWait is how long a reserve waits before it is sent again, so that a
	// server that has silently disappeared is noticed.
	maxWait = 30 * time.Second
	// early is by how much a reserve may end before its time.
	early = 250 * time.Millisecond
)

// pump sends the commands that can be sent, and makes connections for the
// others.
func (on *consuming) pump() {
	for on.direct.n > 0 {
		w := on.open()
		if w == nil {
			break
		}
		w.put(on.direct.pop())
	}
	waiting := on.waiters.n
	switch hot := on.hot(); {
	case waiting == 0:
		on.dry = false
		on.stopWaiting()
	case on.blocked != nil && on.blocked.stale && on.stopWaiting():
		return // kill has called lost, which has done it
	case hot != nil && !on.dry:
		for on.asking < min(waiting, on.burst) {
			on.ask(hot)
		}
		waiting = 0 // wait until these are answered
	case on.blocked == nil && waiting > on.asking:
		if w := on.idle(); w != nil {
			on.wait(w)
		}
	default:
		waiting = 0
	}
	switch need := on.direct.n > 0 || waiting > 0 && on.blocked == nil; {
	case need && on.dial == nil:
		on.dial = startDial(on.pool, on, on.futile)
	case !need && on.dial != nil && on.direct.n == 0 && on.waiters.n == 0:
		on.dial.drop()
		on.dial = nil
	}
	on.forget()
}

// forget removes a consumer that has nothing to do from the pool, because a
// program may make any number of consumers.
func (on *consuming) forget() {
	if on.pins == 0 && on.waiters.n == 0 && on.direct.n == 0 && len(on.wires) == 0 && on.dial == nil {
		delete(on.pool.consumers, on.consumer)
	}
}

func (on *consuming) unpin() {
	on.pool.lock()
	defer on.pool.unlock()
	on.pins--
	on.forget()
}

// open returns a connection that is not blocked, preferably one that holds
// jobs.
func (on *consuming) open() *wire {
	if w := on.hot(); w != nil {
		return w
	}
	return on.idle()
}

// hot returns a connection that holds jobs, or is about to.
func (on *consuming) hot() *wire {
	for _, w := range on.wires {
		if w.blocked == nil && (len(w.jobs) > 0 || w.asks > 0) {
			return w
		}
	}
	return nil
}

// idle returns a connection that holds no job.
func (on *consuming) idle() *wire {
	for _, w := range on.wires {
		if w.blocked == nil && len(w.jobs) == 0 && w.asks == 0 {
			return w
		}
	}
	return nil
}

// askNow is the line of a reserve that does not wait. It is never changed.
var askNow = numbered("reserve-with-timeout", 0)

// ask sends a reserve that does not wait.
func (on *consuming) ask(w *wire) {
	on.asking++
	w.asks++
	a := &reserveAsker{on: on}
	a.verb, a.line, a.asker = verbReserve, askNow, a
	w.put(&a.command)
}

// wait sends a reserve that waits.
func (on *consuming) wait(w *wire) {
	d := on.patience()
	a := &reserveAsker{on: on, waits: d, began: w.clock()}
	a.verb, a.line, a.asker, a.lasts = verbReserve, numbered("reserve-with-timeout", uint64(d/time.Second)), a, d
	on.blocked, w.blocked = w, &a.command
	w.put(&a.command)
}

// patience returns how long the reserve must wait: until the time of the last
// waiter.
func (on *consuming) patience() time.Duration {
	now, most := on.pool.op.Age(), time.Second
	for c := on.waiters.first; c != nil; c = c.next {
		wt := c.asker.(*waiter)
		if wt.within == 0 {
			return maxWait
		}
		most = max(most, (wt.until - now + time.Second - 1).Truncate(time.Second))
	}
	return min(most, maxWait)
}

// stopWaiting closes the connection with the reserve that waits: the server
// takes back what it has reserved for it. The connection stays until commands
// sent before the reserve are answered, and may bring a job.
//
// It reports whether it has closed the connection.
func (on *consuming) stopWaiting() bool {
	w := on.blocked
	if w == nil || w.sent.first != w.blocked {
		return false
	}
	w.useful = true // it did not fail
	w.kill(aio.ErrClosed)
	return true
}

// reserved handles the response to a reserve that pump has sent.
func (on *consuming) reserved(w *wire, r *reply, a *reserveAsker) {
	waits := a.waits > 0
	on.pool.lock()
	defer on.pool.unlock()
	if waits {
		if on.blocked == w {
			on.blocked = nil
		}
		w.blocked = nil
	} else if w.dead == nil {
		w.asks--
		on.asking--
	}
	switch {
	case r.word == wordReserved:
		on.dry = false
		if !waits {
			on.burst = min(2*on.burst, maxBurst)
		}
		on.give(on.next(), w, r)
	case waits && w.clock()-a.began < a.waits-early:
		// The reserve ended too early: sent again at once, it would do so
		// forever.
		w.useful = false
		w.kill(w.broken(fmt.Errorf("%w: a reserve ended before its time", ErrProtocol)))
	default:
		on.dry, on.burst = true, 1
		on.expire()
	}
}

// A reserveAsker receives the response to a reserve that pump has sent. If the
// connection ends, lost handles all of them.
type reserveAsker struct {
	command
	on    *consuming
	waits time.Duration // 0: it does not wait
	began time.Duration // by the pool's clock
}

func (a *reserveAsker) failed(error, bool) {}

func (a *reserveAsker) answered(w *wire, r *reply) { a.on.reserved(w, r, a) }

// lost removes a connection that has ended.
func (on *consuming) lost(w *wire) {
	on.wires = slices.DeleteFunc(on.wires, func(other *wire) bool { return other == w })
	on.asking -= w.asks
	w.asks = 0
	if on.blocked == w {
		on.blocked, w.blocked = nil, nil
	}
	if !w.useful {
		on.futile++
	}
	if most := on.pool.client.attempts(); most >= 0 && on.futile >= most {
		on.failAll(w.dead)
	}
	on.pump()
}

// failAll fails everything that waits.
func (on *consuming) failAll(err error) {
	on.futile = 0
	for wt := on.next(); wt != nil; wt = on.next() {
		on.pool.do(func() { wt.failed(err, false) })
	}
	for c := on.direct.pop(); c != nil; c = on.direct.pop() {
		on.pool.over(c)
		on.pool.do(func() { c.asker.failed(err, false) })
	}
}
