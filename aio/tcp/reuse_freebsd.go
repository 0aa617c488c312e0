package tcp

import (
	"net"
	"syscall"
)

// soReusePortLB is SO_REUSEPORT_LB of setsockopt(2), since FreeBSD 12: the
// kernel spreads the connections over the listeners on a port, which plain
// SO_REUSEPORT does not.
const soReusePortLB = 0x10000

var reusePort = func(_, _ string, raw syscall.RawConn) error {
	var err error
	if cerr := raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, soReusePortLB, 1)
	}); cerr != nil {
		return cerr
	}
	return err
}

// deafen does nothing: FreeBSD has no way to make the kernel give new
// connections to the other listeners.
func deafen(net.Listener) bool { return false }
