//go:build unix

package tcp

import "syscall"

// peekEndOf returns what can be seen of a peer's end by peeking at a
// non-blocking socket.
func peekEndOf(fd int) hangUpSeen {
	var b [1]byte
	n, _, err := syscall.Recvfrom(fd, b[:], syscall.MSG_PEEK)
	switch {
	case err == nil && n == 0:
		return hangUpEnded
	case err == syscall.ECONNRESET || err == syscall.EPIPE || err == syscall.ENOTCONN:
		return hangUpReset
	}
	return hangUpNone
}
