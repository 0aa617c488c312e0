//nolint:errorlint // it is what takes wrapped errors apart
package aio

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
)

// The conditions of a connection, for use with [errors.Is] on a [*ConnError].
// The errors themselves match as their ConnErrors do: ErrRefused is an ErrConn
// too, and ErrTimeout is a [net.Error].
var (
	// ErrConn matches every connection error: all ConnErrors except those that
	// are information only (see [IsInfo]).
	ErrConn error = &condition{condOther, "connection error"}

	// ErrEOF says that the peer has ended its side of the connection. It is
	// information, not an ErrConn. It matches [io.EOF] too.
	ErrEOF error = &condition{condEOF, "EOF"}

	// ErrTimeout says that connecting, reading or writing took too long: by a
	// timeout of this module's, a deadline, the deadline of a context, or the
	// system's ETIMEDOUT. It matches [os.ErrDeadlineExceeded] too, and its
	// Timeout method (see [net.Error]) reports true.
	ErrTimeout error = &condition{condTimeout, "i/o timeout"}

	// ErrRefused says that the peer refused the connection. It matches
	// [syscall.ECONNREFUSED] too, on systems that have that.
	ErrRefused error = &condition{condRefused, "connection refused"}

	// ErrDNS says that a name could not be looked up. [errors.As] finds a
	// [*net.DNSError] in it. A lookup that timed out is an ErrTimeout too. A
	// lookup that was cancelled is not an ErrDNS.
	ErrDNS error = &condition{condDNS, "name lookup failed"}

	// ErrClosed says that a connection or listener was used after it was
	// closed on this side. It matches [net.ErrClosed] too.
	ErrClosed error = &condition{condClosed, "use of closed connection"}

	// ErrReset says that the connection broke: the peer reset it, or it was
	// written to after the peer had gone (ECONNRESET, ECONNABORTED, EPIPE).
	ErrReset error = &condition{condReset, "connection reset by peer"}
)

// cond is a set of conditions.
type cond uint8

const (
	condEOF cond = 1 << iota
	condTimeout
	condRefused
	condDNS
	condClosed
	condReset
	condTemporary // may be tried again; no exported condition
	condOther     // any other error
)

// match reports whether an error in the conditions c matches target.
func (c cond) match(target error) bool {
	if t, ok := target.(*condition); ok {
		if t.is == condOther {
			return c&^(condEOF|condTemporary) != 0
		}
		return c&t.is != 0
	}
	switch target {
	case io.EOF:
		return c&condEOF != 0
	case os.ErrDeadlineExceeded:
		return c&condTimeout != 0
	case net.ErrClosed:
		return c&condClosed != 0
	}
	return c&condRefused != 0 && isErrnoRefused(target)
}

// condition is the type of the conditions that are exported as variables.
type condition struct {
	is   cond // exactly one
	text string
}

func (c *condition) Error() string        { return "aio: " + c.text }
func (c *condition) Is(target error) bool { return c.is.match(target) }
func (c *condition) Timeout() bool        { return c.is == condTimeout }
func (c *condition) Temporary() bool      { return c.is == condTimeout }

// As finds a *net.DNSError in ErrDNS itself, which wraps no error of a
// resolver's.
func (c *condition) As(target any) bool {
	t, ok := target.(**net.DNSError)
	if !ok || c.is != condDNS {
		return false
	}
	*t = &net.DNSError{Err: c.text}
	return true
}

// conditions returns the conditions of all innermost errors of err.
func conditions(err error) cond {
	switch x := err.(type) {
	case nil:
		return condOther
	case *net.DNSError:
		// what it wraps concerns the resolver, not the connection
		return dnsCondition(x)
	}
	many, one := unwrap(err)
	switch {
	case one != nil:
		return conditions(one) | ownTimeout(err)
	case len(many) > 0:
		var c cond
		for _, e := range many {
			c |= conditions(e)
		}
		return c
	}
	return leafCondition(err)
}

// ownTimeout returns condTimeout for an error that reports a timeout itself,
// whatever it wraps. The types that only repeat what they wrap do not count:
// they report EAGAIN as a timeout.
func ownTimeout(err error) cond {
	switch err.(type) {
	case *net.OpError, *os.SyscallError, *fs.PathError:
		return 0
	}
	if t, ok := err.(interface{ Timeout() bool }); ok && t.Timeout() {
		return condTimeout
	}
	return 0
}

func dnsCondition(e *net.DNSError) cond {
	c := condDNS
	if errors.Is(e.UnwrapErr, context.Canceled) {
		c = condOther
	}
	if e.IsTimeout {
		c |= condTimeout
	}
	if e.IsTemporary {
		c |= condTemporary
	}
	return c
}

// leafCondition returns the conditions of an error that wraps no other.
func leafCondition(err error) cond {
	if x, ok := err.(*condition); ok {
		return x.is
	}
	if c := errnoCondition(err); c != 0 {
		return c
	}
	switch err {
	case io.EOF:
		return condEOF
	case net.ErrClosed, fs.ErrClosed, io.ErrClosedPipe:
		return condClosed
	}
	return foreignCondition(err)
}

// foreignCondition returns the conditions of an error of an unknown type, by
// its methods.
func foreignCondition(err error) cond {
	c := ownTimeout(err)
	if x, ok := err.(interface{ Is(error) bool }); ok {
		if x.Is(io.EOF) {
			c |= condEOF
		}
		if x.Is(os.ErrDeadlineExceeded) || x.Is(context.DeadlineExceeded) {
			c |= condTimeout
		}
		if x.Is(net.ErrClosed) {
			c |= condClosed
		}
	}
	if c == 0 {
		c = condOther
	}
	if t, ok := err.(interface{ Temporary() bool }); ok && t.Temporary() {
		c |= condTemporary
	}
	return c
}
