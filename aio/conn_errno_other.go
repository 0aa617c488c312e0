//go:build !unix && !js && !wasip1 && !windows

package aio

import "strings"

// Here, as on Plan 9, the system has texts and no numbers for its errors.

// errnoCondition returns the conditions of a system error; 0 if err is none.
func errnoCondition(err error) cond {
	s := err.Error()
	switch {
	case strings.Contains(s, "connection refused"):
		return condRefused
	case strings.Contains(s, "connection reset"), strings.Contains(s, "hungup"):
		return condReset
	case strings.Contains(s, "connection timed out"):
		return condTimeout
	}
	return 0
}

// errnoOf returns number and text of a system error: there are none.
func errnoOf(error) (code int, msg string, ok bool) { return -1, "", false }

// isErrnoRefused reports whether target is the system's "connection refused".
func isErrnoRefused(error) bool { return false }
