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

// ErrorKind is the reason why a lookup failed.
type ErrorKind uint8

// The kinds of errors. The zero ErrorKind is unknown.
const (
	// the name does not exist, or has no records of the type
	KindNotFound ErrorKind = iota + 1
	KindTimeout            // no server answered in time
	// the servers failed or refused, see Error.RCode
	KindServer
	KindNetwork   // servers cannot be reached
	KindMalformed // an answer is not a valid message
	// the CNAME records form a loop, or are more than 16
	KindChain
	KindNoServer // there is no server to ask
	KindName     // the name is not a valid domain name
	// the lookup was cancelled; the only kind that does not match aio.ErrDNS
	KindCancelled
	// the system's resolver failed for another reason
	KindSystem
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

// Error is the error of a lookup. Unless the lookup was cancelled, it matches
// [aio.ErrDNS] and aio.ErrConn, and [errors.As] finds a [*net.DNSError] in it,
// whose IsNotFound, IsTimeout and IsTemporary agree with Kind. A timeout also
// matches [aio.ErrTimeout]. An Error must not be changed.
type Error struct {
	Kind ErrorKind
	// the server's response code, for KindServer and KindNotFound
	RCode dnsmessage.RCode
	// the server asked last, as in the configuration; "" if none was asked
	Server string
	// the name as given by the caller; an address for Reverse
	Host string
	// the underlying error, if any; the cause for KindCancelled
	Err error
}

// Error returns the name, the server and the reason, in one line.
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

// why returns the reason.
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

// Unwrap returns an equivalent *net.DNSError, which wraps Err. If the lookup
// was cancelled, it returns Err.
func (e *Error) Unwrap() error {
	if e.Kind == KindCancelled {
		return e.Err
	}
	return e.dnsError()
}

// dnsError returns the equivalent error of package net.
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

// Is reports whether the error matches a condition of package aio. It is called
// by errors.Is.
func (e *Error) Is(target error) bool {
	switch target {
	case aio.ErrDNS, aio.ErrConn:
		return e.Kind != KindCancelled
	case aio.ErrTimeout, os.ErrDeadlineExceeded:
		return e.Timeout()
	}
	return false
}

// Timeout reports whether no server answered in time; see [net.Error].
func (e *Error) Timeout() bool { return e.Kind == KindTimeout }

// Temporary reports whether a new attempt may succeed; see [net.DNSError].
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

// errTooLong is the cause with which a lookup is cancelled after
// Resolver.Timeout.
var errTooLong = errors.New("dnsx: the lookup has taken longer than Resolver.Timeout")

// failure returns the *Error of a lookup of host that failed with err. It
// returns aio.ErrNoLoop and aio.ErrLoopDone as they are. ctx is the lookup's
// ctx, and its end tells a cancellation from a timeout.
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
