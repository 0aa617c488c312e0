//nolint:errorlint // given errors that wrap no other
package aio

import "syscall"

// The errors of Winsock, and those with which its overlapped calls complete.
// syscall.ECONNREFUSED and the like are numbers that package syscall invents;
// the system never returns them.
const (
	errorNetnameDeleted    = syscall.Errno(64)
	errorSemTimeout        = syscall.Errno(121)
	errorConnectionRefused = syscall.Errno(1225)
	errorConnectionAborted = syscall.Errno(1236)
	waitTimeout            = syscall.Errno(258)
	wsaECONNABORTED        = syscall.Errno(10053)
	wsaECONNRESET          = syscall.Errno(10054)
	wsaESHUTDOWN           = syscall.Errno(10058) // EPIPE elsewhere
	wsaETIMEDOUT           = syscall.Errno(10060)
	wsaECONNREFUSED        = syscall.Errno(10061)
)

// errnoCondition returns the conditions of a system error; 0 if err is none.
func errnoCondition(err error) cond {
	e, ok := err.(syscall.Errno)
	if !ok {
		return 0
	}
	switch e {
	case wsaECONNREFUSED, errorConnectionRefused, syscall.ECONNREFUSED:
		return condRefused
	case wsaECONNRESET, wsaECONNABORTED, wsaESHUTDOWN,
		errorNetnameDeleted, errorConnectionAborted, syscall.ERROR_BROKEN_PIPE,
		syscall.ECONNRESET, syscall.ECONNABORTED, syscall.EPIPE:
		return condReset
	case wsaETIMEDOUT, errorSemTimeout, waitTimeout, syscall.ETIMEDOUT:
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

// isErrnoRefused reports whether target is "connection refused", by the number
// the system uses or the one portable programs compare with.
func isErrnoRefused(target error) bool {
	return target == wsaECONNREFUSED || target == syscall.ECONNREFUSED
}
