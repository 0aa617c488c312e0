package memnet

import (
	"syscall"
	"time"
)

// Plan says what goes wrong on a connection. The zero Plan is no fault at
// all. Calls are counted from 1, Read and Write each by themselves; a TryWrite
// counts as a Write, also when it returns EAGAIN.
type Plan struct {
	// FailRead and FailWrite are the calls that fail, 0 for none.
	FailRead, FailWrite int

	// Err is what the failing call returns; nil is syscall.ECONNRESET. It
	// comes in a *net.OpError unless it is one, io.EOF or syscall.EAGAIN.
	Err error

	// Once limits the fault to the one call. Otherwise the later calls of the
	// same kind fail too, as on a connection that is broken. The inner
	// connection is not closed, and its peer is not told, either way.
	Once bool

	// Partial is how many bytes of the failing Write still get through. They
	// are counted in its result.
	Partial int

	// MaxRead is the most bytes a Read returns, 0 for no bound.
	MaxRead int

	// MaxWrite is the most bytes that go to the inner connection at once, 0
	// for no bound. A Write becomes several, a TryWrite falls short.
	MaxWrite int

	// ReadDelay and WriteDelay are waited for at the start of each Read and
	// each Write, but not of a TryWrite. Close and a deadline cut them short.
	ReadDelay, WriteDelay time.Duration
}

func (p Plan) err() error {
	if p.Err == nil {
		return syscall.ECONNRESET
	}
	return p.Err
}

// A side is what a FaultyConn knows of its Reads, or of its Writes.
type side struct {
	failAt int
	delay  time.Duration
	calls  int
	broken bool // the fault stays
	dl     deadline
}

// fails counts a call and reports whether it is to fail, and whether for the
// first time.
func (s *side) fails(once bool) (fails, first bool) {
	s.calls++
	first = s.calls == s.failAt
	fails = first || s.broken
	s.broken = fails && !once
	return fails, first
}
