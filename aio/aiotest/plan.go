package aiotest

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	"goaio.example/aio/internal/memnet"
)

// A Plan says what goes wrong on a connection; see Faulty. With the zero Plan
// nothing does. Calls are counted from 1, Read and Write separately.
type Plan struct {
	// FailRead and FailWrite are the numbers of the calls that fail, 0 for
	// none.
	FailRead, FailWrite int

	// Err is the error of the failing call; nil means syscall.ECONNRESET. It is
	// wrapped in a *net.OpError unless it is one or is io.EOF.
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
	// once, 0 for no bound. A Write is then split into several.
	MaxWrite int

	// ReadDelay and WriteDelay are how long each Read and each Write waits at
	// its start. Close and deadlines cut the wait short.
	ReadDelay, WriteDelay time.Duration

	// for EachFault: set when any connection's fault happened
	fired *atomic.Bool
}

// String says what fails, as in "write 3 after 1 byte: broken pipe".
func (p Plan) String() string {
	err := p.Err
	if err == nil {
		err = syscall.ECONNRESET
	}
	var s string
	switch {
	case p.FailRead > 0 && p.FailWrite > 0:
		s = fmt.Sprintf("read %d and write %d", p.FailRead, p.FailWrite)
	case p.FailRead > 0:
		s = fmt.Sprintf("read %d", p.FailRead)
	case p.FailWrite > 0:
		s = fmt.Sprintf("write %d", p.FailWrite)
	default:
		return "no fault"
	}
	switch {
	case p.FailWrite > 0 && p.Partial == 1:
		s += " after 1 byte"
	case p.FailWrite > 0 && p.Partial > 0:
		s += fmt.Sprintf(" after %d bytes", p.Partial)
	}
	return fmt.Sprintf("%s: %v", s, err)
}

func (p Plan) inner() memnet.Plan {
	return memnet.Plan{
		FailRead: p.FailRead, FailWrite: p.FailWrite,
		Err: p.Err, Once: p.Once, Partial: p.Partial,
		MaxRead: p.MaxRead, MaxWrite: p.MaxWrite,
		ReadDelay: p.ReadDelay, WriteDelay: p.WriteDelay,
	}
}
