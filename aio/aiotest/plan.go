package aiotest

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	"goaio.example/aio/internal/memnet"
)

// Plan says what goes wrong on a connection, see Faulty. The zero Plan is no
// fault at all. Calls are counted from 1, those of Read and of Write each by
// themselves.
type Plan struct {
	// FailRead and FailWrite are the calls that fail, 0 for none.
	FailRead, FailWrite int

	// Err is what the failing call returns; nil means syscall.ECONNRESET. It
	// comes in a *net.OpError unless it is one or is io.EOF.
	Err error

	// Once limits the fault to the one call. Otherwise later calls of the same
	// kind fail too, as on a connection that is broken. Either way the inner
	// connection is not closed, and its peer is not told.
	Once bool

	// Partial is how many bytes of the failing Write still get through. They
	// are counted in its result.
	Partial int

	// MaxRead is the most bytes that a Read returns, 0 for no bound.
	MaxRead int

	// MaxWrite is the most bytes that go to the inner connection at once, 0 for
	// no bound. A Write then becomes several.
	MaxWrite int

	// ReadDelay and WriteDelay pass at the start of each Read and each Write.
	// Close and deadlines cut them short.
	ReadDelay, WriteDelay time.Duration

	fired *atomic.Bool // of EachFault: whether any connection's fault happened
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
