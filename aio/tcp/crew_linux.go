package tcp

import "slices"

// A crew is the set of a poller's goroutines, its members. Each is in one of
// four states:
//
//   - Free: it takes the next connection that needs attention, and serves it,
//     or waits for events. While it serves one, the other connections wait,
//     which is cheapest as long as callbacks return soon.
//   - Aside: it serves a connection whose callback is expected to block, has
//     said that it will, or has not returned for a while.
//   - Resting: it waits to be called.
//   - Coming: it was called, or is new, and is free as soon as Go's scheduler
//     runs it: once a callback blocks, or at once if a processor is idle.
//
// At least one member is free or coming, and not all free ones wait while
// connections need attention. When a free member goes aside, another is called,
// unless one is available. A member that returns from aside is free again if no
// other is, and rests otherwise. While callbacks often block, two members are
// free: the kernel wakes one of two waiting members for each event, so that
// none must be called.
//
// The poller's lock guards all of it.
type crew struct {
	free   []*member
	coming bool
	rest   []*member // the last to be called first
	spare  int       // the fewest that rested since the last look
	size   int       // all members
	busy   int       // those that serve a connection, free or aside
	asides uint64    // how often a member has gone aside
	// callbacks often block until this many connections were taken
	often uint64
	ended bool // members leave: the poller closes
	gone  bool // all that were not busy have left
}

// oftenRun is for how many further connections callbacks are considered to
// block often after one that was expected to block.
const oftenRun = 64

// member is a goroutine of a crew.
type member struct {
	attendant
	poller *poller
	wake   chan struct{} // ends its rest; closed when it is to leave
	free   bool
	conn   *Conn  // the connection that it serves
	calls  uint64 // connections that it has taken
	seen   uint64 // calls at the watch's last look
}

// call makes one more member come. The lock is held.
func (p *poller) call() {
	k := &p.crew
	k.coming = true
	if n := len(k.rest); n > 0 {
		m := k.rest[n-1]
		k.rest = slices.Delete(k.rest, n-1, n)
		k.spare = min(k.spare, n-1)
		m.wake <- struct{}{}
		return
	}
	m := &member{poller: p, wake: make(chan struct{}, 1)}
	m.attendant.init(m)
	k.size++
	go p.work(m)
}

// setFree makes a member free. The lock is held.
func (p *poller) setFree(m *member) {
	m.free = true
	p.crew.free = append(p.crew.free, m)
}

// unfree makes a free member not free. The lock is held.
func (p *poller) unfree(m *member) {
	m.free = false
	k := &p.crew
	i := slices.Index(k.free, m)
	k.free = slices.Delete(k.free, i, i+1)
}

// aside makes a member go aside, if it is free. The lock is held.
func (p *poller) aside(m *member) {
	if !m.free {
		return
	}
	p.unfree(m)
	k := &p.crew
	k.asides++
	if !k.coming && !k.ended && (len(k.free) == 0 || len(k.free) == p.waiting && p.pending()) {
		p.call()
	}
}

// goOn makes a member free, or lets it rest until it is called. It reports
// false if the member must leave. The lock is held; it is released while the
// member rests.
func (p *poller) goOn(m *member) bool {
	k := &p.crew
	if m.free && !p.needs(len(k.free)-1) {
		p.unfree(m)
	}
	for !m.free {
		switch {
		case k.ended:
			return false
		case p.needs(len(k.free)):
			p.setFree(m)
			return true
		}
		k.rest = append(k.rest, m)
		m.giveBuffer()
		p.setWatch() // makes the member leave if it stays unneeded
		p.mu.Unlock()
		_, ok := <-m.wake
		p.mu.Lock()
		if !ok {
			return false
		}
		k.coming, m.late = false, true
	}
	return true
}

// needs reports whether one more member must be free in addition to free
// others: there are too few, or all of them wait while connections need
// attention. The lock is held.
func (p *poller) needs(free int) bool {
	want := 1
	if p.taken < p.crew.often && p.procs > 1 {
		want = 2
	}
	return free < want || free == p.waiting && p.pending()
}

// release makes resting members leave: half of those that were not needed since
// the last look, or all. The lock is held.
func (p *poller) release(all bool) {
	k := &p.crew
	n := len(k.rest)
	if !all {
		n = (k.spare + 1) / 2
	}
	for _, m := range k.rest[:n] {
		close(m.wake)
	}
	k.rest = slices.Delete(k.rest, 0, n)
	k.spare = len(k.rest)
}

// end makes the members leave: those that are not busy at once, the others when
// they are done. The lock is held.
func (p *poller) end() {
	p.crew.ended = true
	p.release(true)
	if p.waiting > 0 {
		p.ep.ring()
	}
}

// leave uncounts a member that leaves. The lock is held.
func (p *poller) leave(m *member) {
	p.aside(m)
	k := &p.crew
	k.size--
	if k.ended && k.size == k.busy && !k.gone {
		k.gone = true
		close(p.left)
	}
}
