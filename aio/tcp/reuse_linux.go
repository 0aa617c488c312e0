package tcp

import (
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
)

// reusePort sets SO_REUSEPORT (socket(7)) before a socket is bound: the kernel
// spreads the connections over the listeners on a port by a hash of their
// addresses.
var reusePort = func(_, _ string, raw syscall.RawConn) error {
	opt := 0xf
	if strings.HasPrefix(runtime.GOARCH, "mips") {
		opt = 0x200
	}
	var err error
	if cerr := raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, opt, 1)
	}); cerr != nil {
		return cerr
	}
	return err
}

// onlyLater drops the packets that begin a connection, SYN without ACK, and
// passes the others, which complete what was begun. It is a classic BPF
// program, which sees a packet from its TCP header on (socket(7),
// SO_ATTACH_FILTER).
var onlyLater = []syscall.SockFilter{
	// the flags
	{Code: syscall.BPF_LD | syscall.BPF_B | syscall.BPF_ABS, K: 13},
	{Code: syscall.BPF_ALU | syscall.BPF_AND | syscall.BPF_K, K: 0x12},
	{Code: syscall.BPF_JMP | syscall.BPF_JEQ | syscall.BPF_K, K: 0x02, Jf: 1},
	{Code: syscall.BPF_RET | syscall.BPF_K, K: 0},
	{Code: syscall.BPF_RET | syscall.BPF_K, K: 1<<32 - 1},
}

// deafen makes a listening socket ignore new connections. Their clients try
// again after a second (RFC 6298, section 2) and get to another listener on the
// port, if this one is closed by then. deafen reports whether it has done so:
// there is no need to if the kernel itself moves connections of a closing
// listener to another one.
func deafen(ln net.Listener) bool {
	sc, ok := ln.(syscall.Conn)
	if migrate, _ := os.ReadFile("/proc/sys/net/ipv4/tcp_migrate_req"); !ok || string(migrate) == "1\n" {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	done := false
	err = raw.Control(func(fd uintptr) {
		//lint:ignore SA1019 x/net/bpf cannot attach to a listener
		done = syscall.AttachLsf(int(fd), onlyLater) == nil //nolint:staticcheck // the same
	})
	return err == nil && done
}
