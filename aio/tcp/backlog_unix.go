//go:build unix

package tcp

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// backlog accepts the connections in a listener's queue, without waiting. It
// closes connections that were reset in the queue, which no longer have an
// address.
func backlog(ln net.Listener) []net.Conn {
	sc, ok := ln.(syscall.Conn)
	if !ok {
		return backlogOther(ln)
	}
	var out []net.Conn
	acceptNow(sc, func(fd int) bool {
		out = appendConn(out, fd)
		return len(out) < maxBacklog
	}, func(uintptr) {})
	return out
}

// appendConn appends an accepted socket, unless it has been reset.
func appendConn(out []net.Conn, fd int) []net.Conn {
	switch nc := connOf(fd); {
	case nc == nil:
	case nc.RemoteAddr() == nil:
		nc.Close()
	default:
		out = append(out, nc)
	}
	return out
}

// refuseOne accepts and closes the first connection in a listener's queue,
// without waiting.
func refuseOne(ln net.Listener) {
	if sc, ok := ln.(syscall.Conn); ok {
		acceptNow(sc, func(fd int) bool {
			syscall.Close(fd)
			return false
		}, func(uintptr) {})
	}
}

// acceptNow passes the connections in a listener's queue to take, which must
// not block, until it returns false or there are no more. Then it calls last
// with the listener's descriptor.
func acceptNow(ln syscall.Conn, take func(fd int) bool, last func(fd uintptr)) {
	raw, err := ln.SyscallConn()
	if err != nil {
		return
	}
	// fails only on a closed listener, which has no queue
	_ = raw.Control(func(fd uintptr) {
		for {
			nfd, err := ignoringEINTR(func() (int, error) { return acceptCloseOnExec(int(fd)) })
			if errors.Is(err, syscall.ECONNABORTED) {
				continue
			}
			if err != nil || !take(nfd) {
				last(fd)
				return
			}
		}
	})
}

// acceptCloseOnExec is accept for a descriptor that children of the process do
// not inherit. It is a variable for tests.
var acceptCloseOnExec = func(fd int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	nfd, _, err := syscall.Accept(fd)
	if err == nil {
		syscall.CloseOnExec(nfd)
	}
	return nfd, err
}

// connOf makes a net.Conn from an accepted socket.
func connOf(fd int) net.Conn {
	f := os.NewFile(uintptr(fd), "accepted")
	defer f.Close()
	nc, err := net.FileConn(f)
	if err != nil {
		return nil
	}
	return nc
}

// maxOpenFiles returns how many files the process may have open.
func maxOpenFiles() int {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return 0
	}
	return int(min(uint64(l.Cur), 1<<30)) //nolint:unconvert // it is an int64 on FreeBSD
}
