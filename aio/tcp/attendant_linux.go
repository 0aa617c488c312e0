package tcp

import (
	"runtime"
	"syscall"
	"time"
)

// attendant holds what a goroutine needs to attend to connections, one after
// the other.
type attendant struct {
	member *member              // nil in tests
	events []syscall.EpollEvent // events of the last wait
	buf    []byte               // buffer of the last read: one of the two
	small  []byte
	large  *[readSize]byte
	full   bool // the last read filled its buffer

	// the callback for data
	to      *Conn
	handler *Handler
	data    []byte
	call    func() // callData, bound once

	run   uint32 // number of the connection's current engine
	aside bool   // the lead was passed on for this connection
	// the lead was passed on only because of this connection's history
	own  bool
	now  time.Duration // the process's age at the end of the last callback
	late bool          // now is from an earlier turn
	sampler
}

func (a *attendant) init(m *member) {
	a.member, a.late = m, true
	a.call = a.callData
}

// smallRead is the size of the buffer for a callback that is expected to block.
const smallRead = 8 << 10

// buffer returns the buffer for the next read. Callbacks that are expected to
// block get small buffers, because many may block at a time.
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

// giveBuffer returns the large buffer to the pool.
func (a *attendant) giveBuffer() {
	if a.large != nil {
		readBuffers.Put(a.large)
		a.large = nil
	}
}

// callData makes the Data callback.
func (a *attendant) callData() {
	if a.handler.Data != nil {
		a.handler.Data(a.to, a.data)
	}
}

// slowConn is the score from which on a connection's callbacks are expected to
// block: each slow one adds slowStep to the score, each other one takes 1 away.
const (
	slowStep = 8
	slowConn = 12
	slowMost = 64
)

// expect passes the lead on if callbacks of the connection, which the member is
// about to attend to, are expected to block. The lock is held.
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

// timed calls fn, which makes callbacks of the connection, and records how long
// it takes. The lock is held; it is released meanwhile.
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

// took records how long a callback took. The connection's lock is held.
func (b *bareState) took(d time.Duration, v verdict) {
	switch {
	case d >= slowCall && v != delayed:
		b.slow = min(b.slow+slowStep, slowMost)
	case b.slow > 0:
		b.slow--
	}
}

// procs returns the number of processors that Go uses.
func procs() int { return runtime.GOMAXPROCS(0) }
