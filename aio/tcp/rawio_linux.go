package tcp

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// The system calls on bare sockets never wait, so they are made without telling
// Go's scheduler, which would take their processor away if one takes 20 us.
// Errors are bare syscall.Errnos.

// readNow reads available data; 0 without an error is the end.
func readNow(fd int, p []byte) (int, error) {
	if racy {
		return readTold(fd, p)
	}
	return untilDone(syscall.SYS_READ, fd, unsafe.Pointer(unsafe.SliceData(p)), len(p))
}

// isAgain reports whether a read found nothing.
func isAgain(err error) bool { return err == syscall.EAGAIN } //nolint:errorlint // it is bare

// endOr returns the error of a read that has ended the stream.
func endOr(err error) error {
	if err == nil {
		return io.EOF
	}
	return os.NewSyscallError("read", err)
}

// writeNow writes what fits.
func writeNow(fd int, p []byte) (int, error) {
	tellWrite()
	p = p[:min(len(p), maxWrite)]
	return nowOrNever(untilDone(syscall.SYS_WRITE, fd, unsafe.Pointer(unsafe.SliceData(p)), len(p)))
}

// writevNow writes what fits of bufs, which are at most maxVec.
func writevNow(fd int, bufs net.Buffers) (int, error) {
	if len(bufs) == 1 {
		return writeNow(fd, bufs[0])
	}
	tellWrite()
	var vec [maxVec]syscall.Iovec
	for i, p := range bufs {
		vec[i].Base = unsafe.SliceData(p)
		vec[i].SetLen(len(p))
	}
	return nowOrNever(untilDone(syscall.SYS_WRITEV, fd, unsafe.Pointer(&vec[0]), len(bufs)))
}

// closeNow closes a socket that does not linger.
func closeNow(fd int) error {
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CLOSE, uintptr(fd), 0, 0); errno != 0 {
		return os.NewSyscallError("close", errno)
	}
	return nil
}

// untilDone makes a system call until it is not interrupted.
func untilDone(call uintptr, fd int, p unsafe.Pointer, n int) (int, error) {
	for {
		r, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(p), uintptr(n))
		switch errno {
		case 0:
			return int(r), nil
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

// nowOrNever returns the result of writing: if nothing fits, that is not an
// error.
func nowOrNever(n int, err error) (int, error) {
	switch err { //nolint:errorlint // it is bare
	case nil:
		return n, nil
	case syscall.EAGAIN:
		return 0, nil
	}
	return 0, os.NewSyscallError("write", err)
}
