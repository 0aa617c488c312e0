//go:build !unix && !js && !wasip1 && !windows

package aio

import "strings"

// These systems, such as Plan 9, have texts and no numbers for errors.

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

// errnoOf reports that a system error has no number.
func errnoOf(error) (code int, msg string, ok bool) { return -1, "", false }

// isErrnoRefused reports whether target is the system's "connection refused".
func isErrnoRefused(error) bool { return false }
