//go:build unix && !linux

package tcp

import (
	"net"
	"syscall"
)

// peekEnd returns what can be seen of a peer's end without reading.
func peekEnd(nc net.Conn) hangUpSeen {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return hangUpNone
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return hangUpNone
	}
	seen := hangUpNone
	// fails only on a closed connection
	_ = raw.Control(func(fd uintptr) { seen = peekEndOf(int(fd)) })
	return seen
}

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
