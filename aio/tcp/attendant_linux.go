package tcp

import (
	"runtime"
	"syscall"
	"time"
)

// attendant is what a goroutine needs to attend to connections, one after the
// other.
type attendant struct {
	member *member              // nil in tests
	events []syscall.EpollEvent // that it has waited for
	buf    []byte               // that was read into last: of these
	small  []byte
	large  *[readSize]byte
	full   bool // the last read filled its buffer

	// the callback for data
	to      *Conn
	handler *Handler
	data    []byte
	call    func() // callData, bound once

	run   uint32        // which engine of its connection it is
	aside bool          // the lead was passed on for this connection
	own   bool          // because of what is known of the connection alone
	now   time.Duration // the process's age at the end of the last callback
	late  bool          // now is not of this turn
	sampler
}

func (a *attendant) init(m *member) {
	a.member, a.late = m, true
	a.call = a.callData
}

// smallRead is the size of the buffer that a callback is given its data in
// while it is expected to block.
const smallRead = 4 << 10

// buffer returns the buffer for the next read. Many callbacks may block at a
// time, each with a buffer, so that those have small ones.
func (a *attendant) buffer() []byte {
	if a.aside && !a.full {
		if a.small == nil {
			a.small = make([]byte, smallRead)
		}
		return a.small
	}
	if a.large == nil {
		a.large = readBuffers.Get().(*[readSize]byte)
	}
	return a.large[:]
}

// giveBuffer gives the large buffer back.
func (a *attendant) giveBuffer() {
	if a.large != nil {
		readBuffers.Put(a.large)
		a.large = nil
	}
}

// callData is the callback for data.
func (a *attendant) callData() {
	if a.handler.Data != nil {
		a.handler.Data(a.to, a.data)
	}
}

// slowConn is from when on a connection's callbacks are expected to block: each
// slow one adds slowStep to what is known of it, each other takes 1 away.
const (
	slowStep = 8
	slowConn = 12
	slowMost = 64
)

// expect passes the lead on if callbacks of the connection, which the member
// is about to attend to, are expected to block. The lock is held.
func (a *attendant) expect(c *Conn) {
	a.own = c.bare.slow >= slowConn
	a.aside = a.own || c.opts.blocking.likely()
	a.full = false
	if a.aside && a.member != nil {
		p := a.member.poller
		p.mu.Lock()
		p.crew.often = p.taken + oftenRun
		p.aside(a.member)
		p.mu.Unlock()
	}
}

// timed calls fn, which makes callbacks of the connection's, and notes how
// long it takes. The lock is held, but not all the while.
func (a *attendant) timed(c *Conn, fn func()) {
	b := &c.opts.blocking
	if a.late {
		a.now, a.late = uptime(), false
	}
	counts, examine := a.next(b)
	var s stint
	if examine {
		s = beginStint()
	}
	fn()
	now := uptime()
	d := now - a.now
	a.now, a.slow = now, d >= slowCall
	v := unknown
	if examine && a.slow {
		if v = s.end(); v == waited && collections.excuse(d, now, procs()) {
			v = delayed
		}
	}
	if counts && !a.own {
		b.note(d, v)
	}
	c.bare.took(d, v)
}

// took notes how long a callback took. The connection's lock is held.
func (b *bareState) took(d time.Duration, v verdict) {
	switch {
	case d >= slowCall && v != delayed:
		b.slow = min(b.slow+slowStep, slowMost)
	case b.slow > 0:
		b.slow--
	}
}

// procs is how many processors Go uses.
func procs() int { return runtime.GOMAXPROCS(0) }
