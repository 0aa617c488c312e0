//nolint:errorlint // it is what takes wrapped errors apart
package aio

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
)

// The conditions a connection can be in, for use with [errors.Is] on a
// [*ConnError]. The errors themselves match as their ConnErrors do: ErrRefused
// is an ErrConn too, and ErrTimeout a [net.Error].
var (
	// ErrConn matches every connection error: all ConnErrors but those that
	// are information only (see [IsInfo]).
	ErrConn error = &condition{condOther, "connection error"}

	// ErrEOF says that the peer has ended its side of the connection. It is
	// information and no ErrConn. It matches [io.EOF] too.
	ErrEOF error = &condition{condEOF, "EOF"}

	// ErrTimeout says that connecting, reading or writing took too long, by
	// our timers, a deadline, the end of a context's time, or the system's
	// ETIMEDOUT. It matches [os.ErrDeadlineExceeded] too, and its Timeout
	// method (see [net.Error]) reports true.
	ErrTimeout error = &condition{condTimeout, "i/o timeout"}

	// ErrRefused says that the peer refused the connection. Where the system
	// has it, it matches [syscall.ECONNREFUSED] too.
	ErrRefused error = &condition{condRefused, "connection refused"}

	// ErrDNS says that a name could not be looked up. [errors.As] finds a
	// [*net.DNSError] in it. A lookup that timed out is an ErrTimeout too, one
	// that was cancelled is no ErrDNS.
	ErrDNS error = &condition{condDNS, "name lookup failed"}

	// ErrClosed says that a connection or listener was used after it was
	// closed on this side. It matches [net.ErrClosed] too.
	ErrClosed error = &condition{condClosed, "use of closed connection"}

	// ErrReset says that the connection broke: the peer reset it, or it was
	// written to when the peer had gone (ECONNRESET, ECONNABORTED, EPIPE).
	ErrReset error = &condition{condReset, "connection reset by peer"}
)

// ConnError is what went wrong, or just happened, on one connection or
// listener. It is a [net.Error], and matches by [errors.Is] the conditions
// ErrConn, ErrEOF, ErrTimeout, ErrRefused, ErrDNS, ErrClosed and ErrReset, as
// its Err says:
//
//   - an Err of several errors (see [errors.Join]) has the conditions of each;
//     it is an ErrConn unless all of them are EOF.
//   - a cancelled operation ([context.Canceled]) is an ErrConn and nothing else.
//   - [io.ErrUnexpectedEOF] is an ErrConn, and neither ErrEOF nor ErrReset.
//
// Use [NewConnError] to make one: in the zero ConnError FD and Code are 0, which
// are not the values for "none". A ConnError is not changed once it is made.
type ConnError struct {
	Op   string // what was done: "dial", "read", "write", "accept", "listen" ...
	Net  string // on what network: "tcp", "tcp6", "unix", "tls" ...
	Addr string // the other side, as RemoteAddr().String() writes it; a listener's own address
	FD   int    // the socket's file descriptor at that time, for tracking only; -1 without one
	Code int    // the system's errno (WSAGetLastError on Windows); -1 if it is not the system's error
	Msg  string // the system's text for Code; our own if Code is -1
	Err  error  // the error this one is about
}

// NewConnError makes the ConnError of err, which op on addr returned. It takes
// apart what the packages net, os and crypto/tls return: Code and Msg are those
// of the first system error in err; without one Code is -1 and Msg says what the
// first innermost error says. An op, network or addr that is "" is taken from
// the [*net.OpError] in err, if there is one. fd is -1 without a descriptor.
//
// If err is a ConnError that has an Op and an Addr it is returned as it is. err
// should not be nil: the result then is an ErrConn that knows no reason.
func NewConnError(op, network, addr string, fd int, err error) *ConnError {
	if inner, ok := peel(err).(*ConnError); ok && inner != nil {
		return inner.complete(op, network, addr, fd)
	}
	e := &ConnError{Op: op, Net: network, Addr: addr, FD: max(fd, -1), Code: -1, Err: err}
	e.fillFrom(err)
	if code, msg, ok := firstCode(err); ok {
		e.Code, e.Msg = code, msg
	} else {
		e.Msg = leafText(firstLeaf(err))
	}
	return e
}

// complete returns e, or a copy in which is filled in what e does not know.
func (e *ConnError) complete(op, network, addr string, fd int) *ConnError {
	if e.Op != "" && e.Addr != "" {
		return e
	}
	c := *e
	c.Op, c.Net, c.Addr = or(e.Op, op), or(e.Net, network), or(e.Addr, addr)
	if c.FD < 0 {
		c.FD = max(fd, -1)
	}
	return &c
}

// fillFrom takes what the caller did not say from the outermost OpError.
func (e *ConnError) fillFrom(err error) {
	oe, ok := err.(*net.OpError)
	if !ok || bare(oe) {
		return
	}
	e.Op, e.Net = or(e.Op, oe.Op), or(e.Net, oe.Net)
	if e.Addr == "" && oe.Addr != nil {
		e.Addr = oe.Addr.String()
	}
}

// Error says what was done, where, and why it failed, in one line, as in
// "dial tcp 127.0.0.1:9: connection refused".
func (e *ConnError) Error() string {
	var b strings.Builder
	for _, s := range []string{e.Op, e.Net, e.Addr} {
		if s != "" && b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(s)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(e.why())
	return b.String()
}

// why is the text of Err without what the prefix says already.
func (e *ConnError) why() string {
	err := peel(e.Err)
	if err == nil {
		return or(e.Msg, unknown)
	}
	many, one := unwrap(err)
	_, dns := err.(*net.DNSError)
	if one == nil && many == nil && !dns {
		return or(e.Msg, leafText(err))
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}

// Unwrap returns e.Err.
func (e *ConnError) Unwrap() error { return e.Err }

// Is reports whether e is in the condition target, one of this package's or its
// counterpart in the standard library; errors.Is calls it.
func (e *ConnError) Is(target error) bool { return conditions(e.Err).match(target) }

// Timeout reports whether e is an [ErrTimeout].
func (e *ConnError) Timeout() bool { return conditions(e.Err)&condTimeout != 0 }

// Temporary reports whether the operation may succeed if it is tried again: it
// timed out, the system is short of something (EMFILE ...), or a connection
// broke before it was accepted.
//
// Deprecated: it is there for [net.Error]. Servers use it for errors of accept.
func (e *ConnError) Temporary() bool {
	c := conditions(e.Err)
	return c&(condTimeout|condTemporary) != 0 || e.Op == "accept" && c&condReset != 0
}

// IsInfo reports whether err is information about a connection and no error:
// the peer's end of file, as a [*ConnError], as [ErrEOF] or as a bare [io.EOF].
// An error that merely has an io.EOF as its cause is an error, and so are
// several errors of which one is. IsInfo(nil) is false.
func IsInfo(err error) bool {
	switch x := err.(type) {
	case nil:
		return false
	case *ConnError:
		return !conditions(x.Err).match(ErrConn)
	case *condition:
		return x.is == condEOF
	}
	many, one := unwrap(err)
	for _, e := range many {
		if !IsInfo(e) {
			return false
		}
	}
	if one == nil {
		return err == io.EOF || len(many) > 0
	}
	return IsInfo(one) && (one != io.EOF || peel(err) == io.EOF)
}

// cond is a set of conditions.
type cond uint8

const (
	condEOF cond = 1 << iota
	condTimeout
	condRefused
	condDNS
	condClosed
	condReset
	condTemporary // no condition of its own: may be tried again
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

// As keeps the promise of ErrDNS where no resolver gave an error of its own.
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
		return dnsCondition(x) // what it wraps befell the resolver, not the connection
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

// ownTimeout is for errors that time out and wrap one that says less than that.
// Those known to repeat what they wrap have no say: they call EAGAIN a timeout.
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

// foreignCondition asks an error of a type we do not know what it is.
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

// firstCode returns number and text of the first system error in err.
func firstCode(err error) (code int, msg string, ok bool) {
	switch x := err.(type) {
	case *net.DNSError:
		return -1, "", false
	case *ConnError:
		if x.Err == nil && x.Code > 0 {
			return x.Code, x.Msg, true
		}
	}
	many, one := unwrap(err)
	if one != nil {
		return firstCode(one)
	}
	for _, e := range many {
		if code, msg, ok = firstCode(e); ok {
			return code, msg, true
		}
	}
	return errnoOf(err)
}

// firstLeaf returns the innermost error of err, the first where it branches.
func firstLeaf(err error) error {
	if _, ok := err.(*net.DNSError); ok {
		return err
	}
	many, one := unwrap(err)
	if one != nil {
		return firstLeaf(one)
	}
	for _, e := range many {
		if e != nil {
			return firstLeaf(e)
		}
	}
	return peel(err)
}

const unknown = "unknown error"

// leafText is what an error that wraps no other says.
func leafText(err error) string {
	switch x := err.(type) {
	case nil:
		return unknown
	case *condition:
		return x.text
	case *net.DNSError:
		return x.Err
	case *ConnError:
		return or(x.Msg, unknown)
	}
	if err == context.DeadlineExceeded {
		return ErrTimeout.(*condition).text
	}
	return err.Error()
}

// unwrap returns what err wraps, one error or many, if it does.
func unwrap(err error) (many []error, one error) {
	switch x := err.(type) {
	case interface{ Unwrap() error }:
		return nil, x.Unwrap()
	case interface{ Unwrap() []error }:
		return x.Unwrap(), nil
	}
	return nil, nil
}

// peel takes off what package net puts around an error to say what was done.
func peel(err error) error {
	for {
		switch x := err.(type) {
		case *net.OpError:
			if bare(x) {
				return err
			}
			err = x.Err
		case *os.SyscallError:
			err = x.Err
		default:
			return err
		}
	}
}

// bare reports whether e names no connection: the Op of such an error, as in
// crypto/tls's "remote error", is part of the reason.
func bare(e *net.OpError) bool { return e.Net == "" && e.Addr == nil && e.Err != nil }

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
