package tcp

import (
	"io/fs"
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

// sendFile sends some of f, blocking until at least a byte has gone.
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

// sendFile sends some of f, blocking until at least a byte has gone.
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
		sent, err := sendfileNow(b.fd(), f, n)
		if err != syscall.EAGAIN { //nolint:errorlint // it is bare
			return sent, os.NewSyscallError("sendfile", err)
		}
		if err := b.waitWritable(); err != nil {
			return fileSent{}, err
		}
	}
}

// sendfileCall is sendfile(2). It is a variable for tests.
var sendfileCall = func(to, from, n int) (int, error) {
	return ignoringEINTR(func() (int, error) { return syscall.Sendfile(to, from, nil, n) })
}

// sendfileNow is sendfile(2) from the file's position, for a socket that does not
// block. Its error is the socket's, bare.
func sendfileNow(to int, f file, n int) (sent fileSent, err error) {
	raw, ferr := f.SyscallConn()
	if ferr == nil {
		ferr = raw.Control(func(from uintptr) {
			sent.n, err = sendfileCall(to, int(from), min(n, sendfilePart))
		})
	}
	if ferr != nil {
		return fileSent{err: ferr}, nil
	}
	switch err {
	case syscall.EINVAL, syscall.ENOSYS, syscall.EOPNOTSUPP: // by this file system, or this kernel
		return fileSent{unfit: true}, nil
	case syscall.EIO:
		return fileSent{err: &fs.PathError{Op: "read", Path: f.Name(), Err: err}}, nil
	}
	sent.n = max(sent.n, 0)
	return sent, err
}
