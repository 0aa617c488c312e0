package main

import (
	"fmt"
	"io"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A client's sockets are bare descriptors, so that the load takes little of the two cores that the server needs.

// sources is how many addresses of loopback the clients connect from, each with ports of its own.
const sources = 16

// target is what is asked of a server.
type target struct {
	addr    netip.AddrPort
	request []byte
	answer  int // the length of what comes back for a request, in bytes
}

// dial makes the i-th connection of a load. It blocks, as the socket does.
func (t *target) dial(i int) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	if err := t.connect(fd, i); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func (t *target) connect(fd, i int) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return fmt.Errorf("TCP_NODELAY: %w", err)
	}
	// The port is chosen by connect, which knows that one may be used for many servers.
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
		return fmt.Errorf("IP_BIND_ADDRESS_NO_PORT: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(2 + i%sources)}}); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	sa := &unix.SockaddrInet4{Addr: t.addr.Addr().As4(), Port: int(t.addr.Port())}
	for {
		if err := unix.Connect(fd, sa); err != unix.EINTR && err != nil {
			return fmt.Errorf("connect: %w", err)
		} else if err == nil {
			return nil
		}
	}
}

// exchange sends the request on a socket that blocks, and reads the answer into buf, which is as long.
func exchange(fd int, request, buf []byte) error {
	for len(request) > 0 {
		n, err := unix.Write(fd, request)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("write: %w", err)
		}
		request = request[n:]
	}
	return readFull(fd, buf)
}

func readFull(fd int, buf []byte) error {
	for len(buf) > 0 {
		n, err := unix.Read(fd, buf)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return fmt.Errorf("read: %w", err)
		case n == 0:
			return fmt.Errorf("read: %w", io.ErrUnexpectedEOF)
		default:
			buf = buf[n:]
		}
	}
	return nil
}

// reset closes a socket with a reset, which leaves no port in TIME_WAIT.
func reset(fd int) {
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}) // the close counts
	unix.Close(fd)
}

// epollWait waits for events, at most for the given time, which is as exact as the kernel has it: milliseconds are too
// long here. A signal can make it return early, without any.
func epollWait(epoll int, events []unix.EpollEvent, timeout time.Duration) (int, error) {
	ts := unix.NsecToTimespec(int64(max(timeout, 0)))
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])),
		uintptr(len(events)), uintptr(unsafe.Pointer(&ts)), 0, 0)
	switch errno {
	case 0:
		return int(n), nil
	case unix.EINTR:
		return 0, nil
	}
	return 0, fmt.Errorf("epoll_pwait2: %w", errno)
}
