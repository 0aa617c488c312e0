package tcp

import (
	"net"
	"os"
	"syscall"
)

// sendfilePart is how much of a file one system call sends at most.
const sendfilePart = 256 << 10

var (
	_ fileSender = (*socket)(nil)
	_ fileSender = (*bare)(nil)
)

// sendFile sends some of f, and blocks until at least one byte has been sent.
func (s *socket) sendFile(f file, n int) (sent fileSent, err error) {
	cerr := s.raw.Write(func(fd uintptr) bool {
		sent, err = sendfileNow(int(fd), f, n)
		return err != syscall.EAGAIN
	})
	if cerr != nil {
		return fileSent{}, cerr
	}
	return sent, os.NewSyscallError("sendfile", err)
}

// sendFile sends some of f, and blocks until at least one byte has been sent.
// The kernel may wait for the disk, so it gets a duplicate of the descriptor,
// without the connection's lock.
func (b *bare) sendFile(f file, n int) (fileSent, error) {
	c := b.conn()
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if t, ok := b.promoted().(fileSender); ok {
			c.mu.Unlock()
			defer c.mu.Lock()
			return t.sendFile(f, n)
		}
		if !b.bare.isOpen() {
			return fileSent{}, net.ErrClosed
		}
		to, err := dupNow(b.fd())
		if err != nil {
			return fileSent{unfit: true}, nil
		}
		b.bare.lent = true
		c.mu.Unlock()
		sent, err := sendfileNow(to, f, n)
		closeNow(to) // cannot fail
		c.mu.Lock()
		b.bare.lent = false
		if err != syscall.EAGAIN { //nolint:errorlint // it is bare
			return sent, os.NewSyscallError("sendfile", err)
		}
		if err := b.waitWritable(); err != nil {
			return fileSent{}, err
		}
	}
}

// dupNow duplicates a descriptor.
func dupNow(fd int) (int, error) {
	const dup = syscall.F_DUPFD_CLOEXEC
	r, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(fd), dup, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(r), nil
}

// endLoan ends what the duplicate in a sendFile would prolong: the socket's
// registration, and the connection. The lock is held.
func (b *bare) endLoan() {
	if b.bare.lent {
		// fails only if it is not registered
		b.conn().poller().ep.remove(b.fd())
		// fails only if it is not connected
		syscall.Shutdown(b.fd(), syscall.SHUT_RDWR)
	}
}

// sendfileCall is sendfile(2). It is a variable for tests.
var sendfileCall = func(to, from, n int) (int, error) {
	return ignoringEINTR(func() (int, error) { return syscall.Sendfile(to, from, nil, n) })
}

// sendfileNow is sendfile(2) from the file's position, for a non-blocking
// socket. Its error is the socket's, bare.
func sendfileNow(to int, f file, n int) (sent fileSent, err error) {
	raw, ferr := f.SyscallConn()
	if ferr == nil {
		ferr = raw.Control(func(from uintptr) { sent.n, err = sendfileCall(to, int(from), min(n, sendfilePart)) })
	}
	if ferr != nil {
		// reading the file will show the error
		return fileSent{unfit: true}, nil
	}
	switch err {
	case nil:
		return sent, nil
	case syscall.EAGAIN, syscall.EPIPE, syscall.ECONNRESET, syscall.ETIMEDOUT, syscall.ENOTCONN,
		syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ENETDOWN:
		return fileSent{}, err
	}
	// the file's error, or the kernel cannot do it: reading will show
	return fileSent{unfit: true}, nil
}
