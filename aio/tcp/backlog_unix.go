//go:build unix

package tcp

import (
	"net"
	"os"
	"syscall"
)

// backlog accepts what is in a listener's queue, without waiting.
func backlog(ln net.Listener) []net.Conn {
	sc, ok := ln.(syscall.Conn)
	if !ok {
		return backlogTimed(ln)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	var out []net.Conn
	raw.Control(func(fd uintptr) { // fails only on a closed listener, which has no queue
		for len(out) < maxBacklog {
			nfd, err := ignoringEINTR(func() (int, error) {
				nfd, _, err := syscall.Accept(int(fd))
				return nfd, err
			})
			if err == syscall.ECONNABORTED {
				continue
			}
			if err != nil {
				return
			}
			if nc := connOf(nfd); nc != nil {
				out = append(out, nc)
			}
		}
	})
	return out
}

// connOf makes a net.Conn of an accepted socket.
func connOf(fd int) net.Conn {
	syscall.CloseOnExec(fd)
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
	return int(min(uint64(l.Cur), 1<<30))
}
