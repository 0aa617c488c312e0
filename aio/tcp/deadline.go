package tcp

import (
	"sync"
	"time"

	"goaio.example/aio/internal/bell"
)

// deadline is a point in time at which a wait for a channel ends. The Conn's
// lock guards it. The zero deadline never comes.
type deadline struct {
	at    time.Time
	timer *time.Timer
	hit   bell.Bell // rung when the time has come, or has been changed
}

// set sets the deadline; the zero time means none. A goroutine that waits for
// the old time then waits for the new one.
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
// was changed. lock guards the deadline, and is held.
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
