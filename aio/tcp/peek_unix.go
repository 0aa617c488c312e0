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
	_ = raw.Control(func(fd uintptr) { seen = peekEndOf(int(fd)) }) // fails only on a closed connection
	return seen
}
