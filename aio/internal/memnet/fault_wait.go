package memnet

import "time"

// begin counts a call, waits for its delay, and returns the results of count.
func (f *FaultyConn) begin(s *side) (fails, first bool) {
	fails, first = f.count(s)
	if s.delay > 0 {
		f.pause(s)
	}
	return fails, first
}

// count counts a call and reports whether it must fail, and whether for the
// first time. On a closed connection it must not: the inner connection returns
// the error.
func (f *FaultyConn) count(s *side) (fails, first bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fails, first = s.fails(f.plan.Once)
	if f.closed {
		return false, false
	}
	f.fired = f.fired || fails
	return fails, first
}

// pause waits for a side's delay, its deadline, or the end.
func (f *FaultyConn) pause(s *side) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var delay deadline
	delay.set(time.Now().Add(s.delay), &f.mu, &f.bell)
	defer delay.stop()
	for !f.closed && !s.dl.passed() && !delay.passed() {
		f.bell.Wait(&f.mu)
	}
}

// takeTurn waits until no other Write is in progress. Writes end when the inner
// connection does.
func (f *FaultyConn) takeTurn() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.writing {
		f.bell.Wait(&f.mu)
	}
	f.writing = true
}

func (f *FaultyConn) endTurn() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writing = false
	f.bell.Ring()
}

// end ends delays.
func (f *FaultyConn) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.r.dl.stop()
	f.w.dl.stop()
	f.bell.Ring()
}

func (f *FaultyConn) broken(s *side) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return s.broken
}

func (f *FaultyConn) setDeadline(t time.Time, sides ...*side) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	for _, s := range sides {
		s.dl.set(t, &f.mu, &f.bell)
	}
}

// fault returns the plan's error for the named call.
func (f *FaultyConn) fault(op string) error {
	return opError(op, op, f.LocalAddr(), f.RemoteAddr(), f.plan.err())
}

// short returns p, or its first most bytes if most is positive.
func short(p []byte, most int) []byte {
	if most > 0 {
		return p[:min(len(p), most)]
	}
	return p
}
