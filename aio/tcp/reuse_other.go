//go:build !linux && !freebsd

package tcp

import (
	"net"
	"syscall"
)

// reusePort is nil: even where these systems have SO_REUSEPORT, the kernel does
// not spread connections over the listeners.
var reusePort func(network, address string, raw syscall.RawConn) error

func deafen(net.Listener) bool { return false }
