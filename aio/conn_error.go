//nolint:errorlint // it is what takes wrapped errors apart
package aio

import (
	"io"
	"net"
	"strings"
)

// ConnError is an error or a condition of one connection or listener. It is a
// [net.Error], and matches by [errors.Is] the conditions ErrConn, ErrEOF,
// ErrTimeout, ErrRefused, ErrDNS, ErrClosed and ErrReset that its Err has:
//
//   - An Err of several errors (see [errors.Join]) has the conditions of each.
//     It is an ErrConn unless all of them are EOF.
//   - The error of a cancelled operation ([context.Canceled]) is an ErrConn
//     only.
//   - [io.ErrUnexpectedEOF] is an ErrConn only, neither ErrEOF nor ErrReset.
//
// Use [NewConnError] to make one: in the zero ConnError FD and Code are 0,
// which do not stand for "none". A ConnError must not be changed.
type ConnError struct {
	// what was done: "dial", "read", "write", "accept", "listen" ...
	Op  string
	Net string // on what network: "tcp", "tcp6", "unix", "tls" ...
	// the other side, as RemoteAddr().String() writes it; a listener's own
	// address
	Addr string
	// the socket's file descriptor at that time, for tracking only; -1 without
	// one
	FD int
	// the system's errno (WSAGetLastError on Windows); -1 if it is not the
	// system's error
	Code int
	Msg  string // the system's text for Code; our own if Code is -1
	Err  error  // the error this one is about
}

// NewConnError returns the ConnError for err, which op on addr returned. It
// unwraps the errors of the packages net, os and crypto/tls. Code and Msg are
// those of the first system error in err. Without one Code is -1, and Msg is
// the text of the first innermost error. An op, network or addr that is "" is
// taken from the [*net.OpError] in err, if there is one. fd is -1 without a
// descriptor.
//
// If err is a ConnError that has an Op and an Addr, it is returned unchanged.
// err should not be nil: the result is then an ErrConn without a reason.
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

// complete returns e, or a copy of e with its empty fields filled in.
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

// fillFrom fills empty fields from the outermost OpError.
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

// why returns the text of Err without what the prefix says already.
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

// IsInfo reports whether err is information about a connection rather than an
// error: the peer's end of file, as a [*ConnError], as [ErrEOF] or as a bare
// [io.EOF]. An error that only has an io.EOF as its cause is an error. Several
// errors are information if all of them are. IsInfo(nil) is false.
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
