package tcp

import (
	"net"
	"os"
	"syscall"
)

// lastBacklog accepts the queued connections of a listener that is about to be
// closed. It closes the socket right after the last look at the queue, because
// the kernel resets connections that arrive in between. The descriptors then
// refer to another file, until they are closed.
func (l *listening) lastBacklog() []net.Conn {
	sc, ok := l.ln.(syscall.Conn)
	if !ok {
		return backlog(l.ln)
	}
	null, err := os.Open(os.DevNull)
	if err != nil { // out of descriptors
		return backlog(l.ln)
	}
	defer null.Close()
	replace := func(fd uintptr) {
		// on failure it is closed a little later
		_ = syscall.Dup3(int(null.Fd()), int(fd), syscall.O_CLOEXEC)
	}
	var fds []int
	if l.bare != nil {
		_ = l.bare.raw.Control(replace) // fails only if it is closed
	}
	acceptNow(sc, func(fd int) bool {
		fds = append(fds, fd)
		return len(fds) < maxBacklog
	}, replace)
	var out []net.Conn
	for _, fd := range fds {
		out = appendConn(out, fd)
	}
	return out
}
