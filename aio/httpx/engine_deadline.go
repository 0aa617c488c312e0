package httpx

import (
	"time"

	"goaio.example/aio/internal/bell"
)

// net/http sets a connection's read deadline several times for each request. A wire only notes that, without a lock, and
// leaves the connection with a deadline that is early enough: when it passes, whoever reads looks at what is due.

// SetReadDeadline sets the read deadline that net/http wants.
func (w *wire) SetReadDeadline(t time.Time) error {
	var d time.Duration
	if !t.IsZero() {
		if d = t.Sub(w.born); d == 0 {
			d = 1
		}
	}
	w.want.Store(int64(d))
	if !w.reading.Load() { // who begins to will see it
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reading.Load() {
		return w.applyDeadline()
	}
	return nil
}

// paceBody starts the time within which more of a body must come.
func (w *wire) paceBody() {
	if w.e.s.lim.body == 0 || !w.check.inBody() && w.bodyBy.IsZero() { // which only the reader changes
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bodyBy = (time.Time{}); w.check.inBody() {
		w.bodyBy = time.Now().Add(w.e.s.lim.body)
	}
}

// setHeaderBy sets or clears the time by which a header must be complete.
func (w *wire) setHeaderBy() {
	in := w.check.inHeader() || w.frame != nil && w.frame.inHeader()
	if w.headerBy.IsZero() && !in { // which only the reader changes
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !in:
		w.headerBy = time.Time{}
	case w.headerBy.IsZero() && (w.between || w.h2) && w.e.s.lim.header > 0:
		w.headerBy = time.Now().Add(w.e.s.lim.header)
	}
}

// arm sees to the deadline that the next read needs. It reports whether that is a look at whether the connection is idle.
func (w *wire) arm() (probe bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reading.Store(true)
	if w.idleLocked() {
		w.stale = true
		w.c.SetReadDeadline(time.Now().Add(probeTime)) // fails only on a closed connection, as the read will
		return true
	}
	w.applyDeadline() // likewise
	return false
}

// disarm ends what arm began, with the read's error. It reports whether something was due, if that is a deadline's.
func (w *wire) disarm(err error) (late bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reading.Store(false)
	if err == nil || !w.isDeadline(err) {
		return false
	}
	w.stale = true
	due := w.due()
	return !due.IsZero() && !time.Now().Before(due)
}

// due returns the time by which something must have been read, zero for none. The lock is held.
func (w *wire) due() time.Time {
	var t time.Time
	if d := w.want.Load(); d != 0 {
		t = w.born.Add(time.Duration(d))
	}
	for _, by := range []time.Time{w.headerBy, w.bodyBy, w.part.by} {
		if !by.IsZero() && (t.IsZero() || by.Before(t)) {
			t = by
		}
	}
	return t
}

// applyDeadline has the connection keep to what is due, or to something earlier. The lock is held.
func (w *wire) applyDeadline() error {
	t := w.due()
	if !w.stale && (t.IsZero() || !w.set.IsZero() && !t.Before(w.set)) {
		return nil
	}
	w.set, w.stale = t, false
	return w.c.SetReadDeadline(t)
}

// kick has the reader look whether the connection is idle, when the server drains.
func (w *wire) kick() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.between {
		w.stale = true
		w.c.SetReadDeadline(bell.Past)
	}
}
