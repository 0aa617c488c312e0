package beanstalk

import (
	"fmt"
	"time"

	"goaio.example/aio"
)

// clock returns the time since the pool began.
func (w *wire) clock() time.Duration { return w.pool.op.Age() }

// rearm sets when the wire is late: when the server owes an answer, or when
// nothing uses the wire. The lock is held.
func (w *wire) rearm() {
	var d time.Duration
	switch c := w.sent.first; {
	case c != nil:
		if d = w.pool.client.timeout(); d > 0 {
			d += c.lasts
		}
	case len(w.jobs) == 0:
		d = w.pool.client.idleTimeout()
	}
	if d <= 0 {
		w.due = 0
		return
	}
	w.due = w.clock() + d
	if w.alert == 0 || w.alert > w.due {
		w.alert = w.due
		w.pool.op.Alarms().Set(&w.alarm, d)
	}
}

// Fire comes at the alarm's time, when nothing may be late any more: the alarm
// is not moved with each answer.
func (w *wire) Fire() {
	w.pool.lock()
	defer w.pool.unlock()
	w.alert = 0
	if w.dead != nil || w.due == 0 {
		return
	}
	if left := w.due - w.clock(); left > 0 {
		w.alert = w.due
		w.pool.op.Alarms().Set(&w.alarm, left)
		return
	}
	w.due = 0
	if c := w.sent.first; c != nil {
		w.kill(w.broken(fmt.Errorf("%w: no answer to %s for %v", aio.ErrTimeout, c.verb.name, w.pool.client.timeout()+c.lasts)))
		return
	}
	if w.free() {
		w.owner.release(w)
	}
}
