//go:build unix

package tcp

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// inherits reports whether processes inherit sockets from the one that started
// them.
const inherits = true

// inheritListener makes a net.Listener from a descriptor that the process was
// started with. It leaves a descriptor that is not a listening socket alone: it
// may be the runtime's.
func inheritListener(fd int) (net.Listener, error) {
	listens, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	if err == nil && listens == 0 {
		err = errors.New("a socket that does not listen")
	}
	if err != nil {
		return nil, err
	}
	syscall.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), "inherited")
	defer f.Close()
	return net.FileListener(f) // has a duplicate
}

// duplicate returns a duplicate of a descriptor. Unlike net's File methods and
// os.File.Fd it leaves the socket, which both share, non-blocking: otherwise
// accepting would block, and closing would wait for it.
func duplicate(sc syscall.Conn) (*os.File, error) {
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	nfd := -1
	if cerr := raw.Control(func(fd uintptr) {
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		if nfd, err = syscall.Dup(int(fd)); err == nil {
			syscall.CloseOnExec(nfd)
		}
	}); cerr != nil {
		return nil, cerr
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(nfd), "listener"), nil
}

// inheritPipe makes a file of the end of a pipe.
func inheritPipe(fd int) (*os.File, error) {
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		return nil, err
	}
	if st.Mode&syscall.S_IFMT != syscall.S_IFIFO {
		return nil, errors.New("not a pipe")
	}
	syscall.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), "ready"), nil
}

func isBrokenPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }
