package dnsx

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"goaio.example/aio"
)

// ErrorKind classes the errors of lookups.
type ErrorKind uint8

// The kinds of errors. The zero ErrorKind says nothing.
const (
	KindNotFound  ErrorKind = iota + 1 // there is no such name, or it has no records of the type
	KindTimeout                        // no server answered in time
	KindServer                         // servers answered that they cannot or will not, see Error.RCode
	KindNetwork                        // servers cannot be reached
	KindMalformed                      // an answer makes no sense
	KindChain                          // CNAMEs that lead in a circle, or too far
	KindNoServer                       // there is nobody to ask
	KindName                           // no such name can be asked for: it is not a name
	KindCancelled                      // the lookup was cancelled; the only kind that is no aio.ErrDNS
	KindSystem                         // the system's resolver failed, and does not say more
)

var errorKinds = [...]string{
	"lookup failed", "no such host", "no answer in time", "the servers do not answer the question",
	"no server can be reached", "malformed answer", "the chain of CNAMEs is a circle or too long",
	"no server to ask", "not a valid domain name", "lookup cancelled", "the system's resolver failed",
}

// String returns what went wrong, as in "no such host".
func (k ErrorKind) String() string {
	if int(k) < len(errorKinds) {
		return errorKinds[k]
	}
	return errorKinds[0]
}

// Error is why a lookup failed. Unless it was cancelled it is an [aio.ErrDNS]
// (and an aio.ErrConn), and [errors.As] finds a [*net.DNSError] in it, whose
// IsNotFound, IsTimeout and IsTemporary say the same as Kind. A timeout is an
// [aio.ErrTimeout] too. An Error is not changed once it is made.
type Error struct {
	Kind   ErrorKind
	RCode  dnsmessage.RCode // what the server said, for KindServer and KindNotFound; else 0
	Server string           // the server asked last, as given in the configuration; "" if none was
	Host   string           // the name that was looked up, as the caller gave it; an address for Reverse
	Err    error            // the error below, if there is one; the cause for KindCancelled
}

// Error says what was looked up, whom was asked, and why it failed, in one
// line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("lookup ")
	b.WriteString(e.Host)
	if e.Server != "" {
		b.WriteString(" on ")
		b.WriteString(e.Server)
	}
	b.WriteString(": ")
	b.WriteString(e.why())
	return b.String()
}

// why says what went wrong, without where.
func (e *Error) why() string {
	s := e.Kind.String()
	switch {
	case e.Kind == KindServer && e.RCode != 0:
		s += " (" + strings.TrimPrefix(e.RCode.String(), "RCode") + ")"
	case e.Kind == KindNotFound && e.RCode == dnsmessage.RCodeSuccess && e.Server != "":
		s = "no such records"
	}
	if e.Err != nil {
		s += ": " + strings.ReplaceAll(e.Err.Error(), "\n", "; ")
	}
	return s
}

// Unwrap returns the *net.DNSError that says the same, which wraps Err; of a
// cancelled lookup, Err itself.
func (e *Error) Unwrap() error {
	if e.Kind == KindCancelled {
		return e.Err
	}
	return e.dnsError()
}

// dnsError is the error as package net puts it.
func (e *Error) dnsError() *net.DNSError {
	return &net.DNSError{
		UnwrapErr:   e.Err,
		Err:         e.why(),
		Name:        e.Host,
		Server:      e.Server,
		IsTimeout:   e.Timeout(),
		IsTemporary: e.Temporary(),
		IsNotFound:  e.Kind == KindNotFound,
	}
}

// Is reports whether the error is in a condition of package aio; errors.Is
// calls it.
func (e *Error) Is(target error) bool {
	switch target {
	case aio.ErrDNS, aio.ErrConn:
		return e.Kind != KindCancelled
	case aio.ErrTimeout, os.ErrDeadlineExceeded:
		return e.Timeout()
	}
	return false
}

// Timeout reports whether nobody answered in time; see [net.Error].
func (e *Error) Timeout() bool { return e.Kind == KindTimeout }

// Temporary reports whether the lookup may succeed if it is tried again; see
// [net.DNSError].
func (e *Error) Temporary() bool {
	switch e.Kind {
	case KindTimeout, KindNetwork, KindMalformed:
		return true
	case KindServer:
		return e.RCode == dnsmessage.RCodeServerFailure
	case KindSystem:
		var t interface{ Temporary() bool }
		return errors.As(e.Err, &t) && t.Temporary()
	}
	return false
}

// errTooLong is the cause with which a lookup's context ends when its time in
// all is up.
var errTooLong = errors.New("dnsx: the time for a lookup in all is up")

// failure makes err the *Error of a lookup of host. Errors that are not about
// names (aio.ErrNoLoop and the like) stay as they are. ctx is the lookup's own:
// its end says whether a wait was cancelled or took too long.
func failure(ctx context.Context, host string, err error) error {
	if err == aio.ErrNoLoop || err == aio.ErrLoopDone { //nolint:errorlint // exactly these, from Start
		return err
	}
	var e *Error
	switch {
	case errors.As(err, &e):
		if e.Host == host && e.Kind != 0 {
			return err
		}
		c := *e
		c.Host = host
		return &c
	case errors.Is(err, errTooLong):
		return &Error{Kind: KindTimeout, Host: host}
	case ctx.Err() != nil:
		if errors.Is(err, context.DeadlineExceeded) {
			return &Error{Kind: KindTimeout, Host: host, Err: err}
		}
		return &Error{Kind: KindCancelled, Host: host, Err: err}
	}
	return &Error{Kind: KindSystem, Host: host, Err: err}
}
