package beanstalk

import (
	"fmt"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
)

// clock returns the time since the pool began.
func (w *wire) clock() time.Duration { return w.pool.op.Age() }

// nudgeAfter is how long a connection that holds jobs may be silent. beanstalkd
// up to 1.13 may overlook that the TTR of a job has passed (its issues 262 and
// 380), and looks again when the connection sends something. It also shows
// whether the server is still there.
const nudgeAfter = 10 * time.Second

// rearm sets when the wire is late: when a response is overdue, or when the
// connection has been silent for too long. The lock is held.
func (w *wire) rearm() {
	var d time.Duration
	switch c := w.sent.first; {
	case c != nil:
		if d = w.pool.client.timeout(); d > 0 {
			d += c.lasts
		}
	case len(w.jobs) > 0:
		d = nudgeAfter
	default:
		d = w.pool.client.idleTimeout()
	}
	if d <= 0 {
		w.due = 0
		return
	}
	w.due = w.clock() + d
	if w.alert == 0 || w.alert > w.due {
		w.alert = w.due
		alarm.Of(&w.pool.op).Set(&w.alarm, d)
	}
}

// Fire is called when the alarm is due. The wire may not be late after all: the
// alarm is not moved with each response.
func (w *wire) Fire() {
	w.pool.lock()
	defer w.pool.unlock()
	w.alert = 0
	if w.dead != nil || w.due == 0 {
		return
	}
	if left := w.due - w.clock(); left > 0 {
		w.alert = w.due
		alarm.Of(&w.pool.op).Set(&w.alarm, left)
		return
	}
	w.due = 0
	if c := w.sent.first; c != nil {
		w.kill(w.broken(fmt.Errorf("%w: no response to %s for %v", aio.ErrTimeout, c.verb.name, w.pool.client.timeout()+c.lasts)))
		return
	}
	if len(w.jobs) > 0 {
		w.put(&command{verb: verbTubeUsed, line: line(verbTubeUsed.name), asker: askFunc(func(*wire, *reply, error) {})})
		return
	}
	w.owner.release(w)
}
