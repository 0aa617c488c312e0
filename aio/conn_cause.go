//nolint:errorlint // it is what takes wrapped errors apart
package aio

import (
	"context"
	"net"
	"os"
)

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

// unwrap returns the error, or the errors, that err wraps, if there are any.
func unwrap(err error) (many []error, one error) {
	switch x := err.(type) {
	case interface{ Unwrap() error }:
		return nil, x.Unwrap()
	case interface{ Unwrap() []error }:
		return x.Unwrap(), nil
	}
	return nil, nil
}

// peel removes the wrappers of package net that name the operation.
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
