//go:build unix || js || wasip1

//nolint:errorlint // given errors that wrap no other
package aio

import "syscall"

// errnoCondition returns the conditions of a system error; 0 if err is none.
func errnoCondition(err error) cond {
	e, ok := err.(syscall.Errno)
	if !ok {
		return 0
	}
	switch e {
	case syscall.ECONNREFUSED:
		return condRefused
	case syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE:
		return condReset
	case syscall.ETIMEDOUT:
		return condTimeout
	}
	if e.Temporary() {
		return condOther | condTemporary
	}
	return condOther
}

// errnoOf returns number and text of a system error.
func errnoOf(err error) (code int, msg string, ok bool) {
	e, ok := err.(syscall.Errno)
	if !ok {
		return -1, "", false
	}
	return int(e), e.Error(), true
}

// isErrnoRefused reports whether target is the system's "connection refused".
func isErrnoRefused(target error) bool { return target == syscall.ECONNREFUSED }
