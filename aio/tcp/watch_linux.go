package tcp

import "time"

// watch makes free members go aside that have been serving the same connection
// from one look to the next. The poller's lock guards it.
type watch struct {
	timer *time.Timer
	set   bool
	stuck *member   // went aside at the last look
	calls uint64    // of stuck then
	stall time.Time // when a member last went aside because of the watch
}

const (
	// time between two looks while callbacks have recently stalled
	stallTime = time.Millisecond
	lookTime  = 5 * time.Millisecond // time between two looks otherwise
	alertTime = time.Second          // what recently means
)

// setWatch starts looking at the crew. The lock is held.
func (p *poller) setWatch() {
	w := &p.watch
	if w.set {
		return
	}
	w.set = true
	p.look()
}

// fire is called by the timer.
func (p *poller) fire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.look()
}

// look looks at the crew, and sets the timer for the next look, unless all
// members wait without holding a thread. The lock is held.
func (p *poller) look() {
	w := &p.watch
	p.procs = procs()
	if p.crew.ended {
		return
	}
	if p.parked && len(p.crew.free) == p.waiting {
		w.set, w.stuck = false, nil
		p.release(true)
		return
	}
	// for two looks: it is not only waiting for a processor
	if m := w.stuck; m != nil && m.conn != nil && m.calls == w.calls {
		m.conn.opts.blocking.stuck()
	}
	w.stuck = nil
	for i := len(p.crew.free) - 1; i >= 0; i-- {
		m := p.crew.free[i]
		if m.conn != nil && m.calls == m.seen {
			w.stuck, w.calls, w.stall = m, m.calls, time.Now()
			p.aside(m)
		}
		m.seen = m.calls
	}
	p.release(false)
	next := lookTime
	if time.Since(w.stall) < alertTime {
		next = stallTime
	}
	if w.timer == nil {
		w.timer = time.AfterFunc(next, p.fire)
	} else {
		w.timer.Reset(next)
	}
}
