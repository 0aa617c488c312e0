package tcp

import (
	"net"
	"syscall"
	"time"
	"unsafe"
)

// sentTick is how often awaitSent looks.
const sentTick = 5 * time.Millisecond

// awaitSent waits until the peer's system has received what was written, which
// a reset would drop, the connection has ended, or the linger time of a closing
// connection has passed.
func (c *Conn) awaitSent() {
	s, ok := c.stream().(*socket)
	if !ok {
		return
	}
	if _, ok := s.Conn.(*net.TCPConn); !ok { // a unix socket has no reset
		return
	}
	tick := time.NewTicker(sentTick)
	defer tick.Stop()
	late := time.NewTimer(lingerTime)
	defer late.Stop()
	for unsent(s.Conn) > 0 {
		select {
		case <-tick.C:
		case <-late.C:
			return
		case <-c.Done():
			return
		}
	}
}

// unsent returns how many bytes a socket has to send, or to send again.
func unsent(nc net.Conn) (n int32) {
	if control(nc, func(fd int) error {
		if _, _, errno := syscall.RawSyscall(syscall.SYS_IOCTL, uintptr(fd), syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&n))); errno != 0 {
			return errno
		}
		return nil
	}) != nil {
		return 0
	}
	return n
}
