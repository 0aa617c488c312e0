package beanstalk

import (
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
)

// A waiter is a Reserve that waits for a job. It is not bound to a command that
// was sent: the waiter that has waited longest gets the next job.
type waiter struct {
	aio.Promise[*Job]
	command // its place among the waiters; it is never sent
	on      *consuming
	within  time.Duration // 0: no limit
	until   time.Duration // by the pool's clock
	left    bool          // it was cancelled, or is late
	alarm   alarm.Alarm
}

// late is how long to wait for the server's response after the time of a
// ReserveWithin.
const late = 250 * time.Millisecond

// enter makes the waiter wait.
func (wt *waiter) enter() {
	p := wt.on.pool
	if wt.Op().Draining() {
		wt.leave(aio.ErrExit)
		return
	}
	p.lock()
	var err error
	if wt.state == commandNew {
		if wt.on.consumer.isClosed() {
			err = aio.ErrClosed
		} else if err = p.admit(&wt.command); err == nil {
			wt.state = commandHeld
			wt.on.waiters.push(&wt.command)
			if wt.within > 0 {
				wt.until = p.op.Age() + wt.within
				alarm.Of(&p.op).Set(&wt.alarm, wt.within+late)
			}
			wt.on.pump()
		}
	}
	p.unlock()
	if err != nil {
		wt.failed(err, false)
	}
}

// leave ends the wait with an error.
func (wt *waiter) leave(err error) {
	p := wt.on.pool
	p.lock()
	wt.left = true
	wt.on.unlist(wt)
	wt.on.pump()
	p.unlock()
	wt.failed(err, false)
}

func (wt *waiter) OpCancel(cause error) { wt.leave(cause) }

// OpDrain ends the wait: a draining loop begins nothing new.
func (wt *waiter) OpDrain() { wt.leave(aio.ErrExit) }

// Fire is called when the time of a ReserveWithin has passed.
func (wt *waiter) Fire() { wt.leave(ErrTimedOut) }

func (wt *waiter) OpName() string { return "reserve a job" }

func (wt *waiter) failed(err error, sent bool) {
	wt.Reject(wt.errorFor(wt.on.pool, err, false))
}

func (wt *waiter) answered(*wire, *reply) {} // it is never sent

// unlist removes a waiter from the list. The lock is held.
func (on *consuming) unlist(wt *waiter) {
	alarm.Of(&on.pool.op).Stop(&wt.alarm)
	switch wt.state {
	case commandHeld:
		wt.unlink()
		fallthrough
	case commandNew:
		on.pool.over(&wt.command)
	}
}

// next removes and returns the waiter that has waited longest, nil if there is
// none. The lock is held.
func (on *consuming) next() *waiter {
	c := on.waiters.first
	if c == nil {
		return nil
	}
	wt := c.asker.(*waiter)
	on.unlist(wt)
	return wt
}

// again makes a waiter wait again whose job was lost before it got it. The lock
// is held.
func (on *consuming) again(wt *waiter) {
	if wt.left {
		return
	}
	wt.state = commandHeld
	on.waiters.pushFront(&wt.command)
	if wt.within > 0 {
		alarm.Of(&on.pool.op).Set(&wt.alarm, wt.until+late-on.pool.op.Age())
	}
}

// expire ends the waiters whose time has passed. The lock is held.
func (on *consuming) expire() {
	now := on.pool.op.Age()
	for c := on.waiters.first; c != nil; {
		wt, next := c.asker.(*waiter), c.next
		if wt.within > 0 && wt.until <= now {
			on.unlist(wt)
			on.pool.do(func() { wt.failed(ErrTimedOut, false) })
		}
		c = next
	}
}
