package tcp

import "time"

// watch has free members go aside that have been serving the same connection
// from one look to the next. The poller's lock guards it.
type watch struct {
	timer *time.Timer
	set   bool
	stuck *member   // went aside at the last look
	calls uint64    // of stuck then
	stall time.Time // when a member has last gone aside because of the watch
}

const (
	stallTime = time.Millisecond     // between two looks while callbacks have stalled lately
	lookTime  = 5 * time.Millisecond // between two looks otherwise
	alertTime = time.Second          // lately
)

// setWatch has the crew be looked at from now on. The lock is held.
func (p *poller) setWatch() {
	w := &p.watch
	if w.set {
		return
	}
	w.set = true
	p.look()
}

// fire is what the timer calls.
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
	if m := w.stuck; m != nil && m.conn != nil && m.calls == w.calls { // for two looks: it is no mere wait for a processor
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
