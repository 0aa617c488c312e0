package tcp

import (
	"net"
	"os"
	"syscall"
)

// lastBacklog accepts what is in the queue of a listener that is about to be
// closed, and closes its socket with the last look at the queue, for the kernel
// resets connections that come in between. The descriptors go on as those of
// another file, until they are closed.
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
		_ = syscall.Dup3(int(null.Fd()), int(fd), syscall.O_CLOEXEC) // else it is closed a little later
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
