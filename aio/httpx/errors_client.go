package httpx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"

	"goaio.example/aio"
)

// A Phase says how far a client's request had come.
type Phase string

// The phases of a request, in order.
const (
	PhaseRequest Phase = "request" // the request itself is not valid
	PhaseLimit   Phase = "limit"   // waiting for Client.Limiter
	// looking up, connecting, or waiting for a connection
	PhaseDial   Phase = "dial"
	PhaseTLS    Phase = "tls"    // the TLS handshake
	PhaseSend   Phase = "send"   // sending the request
	PhaseHeader Phase = "header" // waiting for the response's header
	PhaseBody   Phase = "body"   // reading the response's body
)

// An Error says why a client's request failed. It wraps Err, and so matches the
// conditions of package aio if the connection failed.
type Error struct {
	Method string
	URL    string // without credentials
	Phase  Phase
	Err    error
}

// Error says what was requested, in which phase it failed, and why. The text
// has no secrets of the URL.
func (e *Error) Error() string {
	return fmt.Sprintf("%s %q: %s: %v", e.Method, e.URL, e.Phase, e.Err)
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether the request failed because something took too long.
func (e *Error) Timeout() bool { return errors.Is(e.Err, aio.ErrTimeout) }

// Temporary reports false. It makes Error a net.Error.
func (e *Error) Temporary() bool { return false }

var _ net.Error = (*Error)(nil)

// wrap returns the Error for an error that net/http returned.
func (ex *outgoing) wrap(err error) error {
	var done *Error
	if errors.As(err, &done) {
		return done
	}
	at := ex.url
	if at == nil {
		at = ex.req.URL
	}
	method, raw := methodOf(ex.req), at.String()
	if u, ok := err.(*url.Error); ok { //nolint:errorlint // that of an http.Client, and of the last redirect
		method, raw, err = strings.ToUpper(u.Op), u.URL, u.Err
	}
	if cause := ex.cause(); cause != nil && !errors.Is(err, ErrBodyTooLarge) {
		err = cause
	}
	return &Error{method, cutCredentials(raw), ex.phase(), redact(ex.condition(err))}
}

// condition turns an error of the connection that net/http does not mark as one
// into a condition.
func (ex *outgoing) condition(err error) error {
	var conn *aio.ConnError
	var timeout net.Error
	var limit *limiterError
	switch {
	case errors.As(err, &limit), errors.As(err, &conn):
		return err
	case errors.Is(err, io.EOF), isServerGone(err), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return aio.NewConnError(string(ex.phase()), "tcp", ex.req.URL.Host, -1, err)
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return aio.NewConnError("", "", "", -1, err)
	}
	return err
}

// isServerGone reports whether err means that the server was closing the idle
// connection that a request used. Package net/http does not export this error.
func isServerGone(err error) bool {
	return strings.HasSuffix(err.Error(), "http: server closed idle connection")
}

// parseError returns what is wrong with a URL, without text that may be part of
// its credentials.
func parseError(raw string, err error) error {
	var u *url.Error
	switch {
	case !errors.As(err, &u):
		return err
	case strings.Contains(raw, "@"):
		return errors.New("the URL cannot be parsed")
	}
	return u.Err
}

// cutCredentials returns a URL for people to read: without its password, and
// without its query, which may hold secrets.
func cutCredentials(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || strings.Contains(u.Opaque, "@") {
		return "invalid URL"
	}
	if u.User != nil {
		u.User = url.User("xxxxx")
	}
	if u.RawQuery != "" {
		u.RawQuery = "..."
	}
	u.Fragment = ""
	return u.String()
}
