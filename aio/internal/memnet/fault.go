package memnet

import (
	"syscall"
	"time"
)

// A Plan says what goes wrong on a connection. With the zero Plan nothing does.
// Calls are counted from 1, Read and Write separately; a TryWrite counts as a
// Write, even if it returns EAGAIN.
type Plan struct {
	// FailRead and FailWrite are the numbers of the calls that fail, 0 for
	// none.
	FailRead, FailWrite int

	// Err is the error of the failing call; nil means syscall.ECONNRESET. It is
	// wrapped in a *net.OpError unless it is one, io.EOF or syscall.EAGAIN.
	Err error

	// Once limits the fault to one call. Otherwise later calls of the same kind
	// fail too, as on a broken connection. In either case the inner connection
	// is not closed, and its peer is not told.
	Once bool

	// Partial is how many bytes of the failing Write are still written. They
	// are counted in its result.
	Partial int

	// MaxRead bounds the bytes that a Read returns, 0 for no bound.
	MaxRead int

	// MaxWrite bounds the bytes that are passed to the inner connection at
	// once, 0 for no bound. A Write is split into several, a TryWrite writes
	// less.
	MaxWrite int

	// ReadDelay and WriteDelay are how long each Read and each Write, but not
	// TryWrite, waits at its start. Close and a deadline cut the wait short.
	ReadDelay, WriteDelay time.Duration
}

func (p Plan) err() error {
	if p.Err == nil {
		return syscall.ECONNRESET
	}
	return p.Err
}

// A side is the state of a FaultyConn's Reads, or of its Writes.
type side struct {
	failAt int
	delay  time.Duration
	calls  int
	broken bool // the fault stays
	dl     deadline
}

// fails counts a call and reports whether it must fail, and whether for the
// first time.
func (s *side) fails(once bool) (fails, first bool) {
	s.calls++
	first = s.calls == s.failAt
	fails = first || s.broken
	s.broken = fails && !once
	return fails, first
}
