package tcp

import (
	"net"
	"os"
	"syscall"
	"unsafe"
)

// writeVec writes what fits of bufs, which are at most maxVec. The lock is held.
func (b *bare) writeVec(bufs net.Buffers) (int, error) {
	if len(bufs) == 1 {
		return b.write(bufs[0])
	}
	if !b.bare.open {
		return 0, net.ErrClosed
	}
	var vec [maxVec]syscall.Iovec
	for i, p := range bufs {
		vec[i].Base = unsafe.SliceData(p)
		vec[i].SetLen(len(p))
	}
	n, err := ignoringEINTR(func() (int, error) {
		n, _, errno := syscall.Syscall(syscall.SYS_WRITEV, uintptr(b.fd()), uintptr(unsafe.Pointer(&vec[0])), uintptr(len(bufs)))
		if errno != 0 {
			return 0, errno
		}
		return int(n), nil
	})
	switch err {
	case nil:
		return n, nil
	case syscall.EAGAIN:
		return 0, nil
	}
	return 0, os.NewSyscallError("writev", err)
}
