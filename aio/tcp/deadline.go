package tcp

import (
	"sync"
	"time"

	"goaio.example/aio/internal/bell"
)

// deadline is a point in time that a wait for a channel can end at. The Conn's
// lock guards it; the zero deadline is none.
type deadline struct {
	at    time.Time
	timer *time.Timer
	hit   bell.Bell // rung when the time has come, or is another
}

// set sets the deadline; the zero time is none. Who waits for the old one goes
// on waiting for the new one.
func (d *deadline) set(t time.Time) {
	d.at = t
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.hit.Ring()
}

// passed reports whether the time has come.
func (d *deadline) passed() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

// wait returns a channel that is closed when the time has come or the deadline
// was changed. lock is what guards the deadline, and is held.
func (d *deadline) wait(lock sync.Locker) <-chan struct{} {
	if d.timer == nil && !d.at.IsZero() {
		var timer *time.Timer
		timer = time.AfterFunc(time.Until(d.at), func() {
			lock.Lock()
			defer lock.Unlock()
			if d.timer == timer {
				d.timer = nil
				d.hit.Ring()
			}
		})
		d.timer = timer
	}
	return d.hit.C()
}
