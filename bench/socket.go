package main

import (
	"fmt"
	"io"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A client's sockets are bare descriptors, so that the load takes little of the
// two cores that the server needs.

// sources is how many addresses of loopback the clients connect from, each with
// ports of its own.
const sources = 16

// target is what is asked of a server.
type target struct {
	addr    netip.AddrPort
	request []byte
	answer  int // the length of what comes back for a request, in bytes
	tls     bool
	// so many bytes of a request are written first, the rest is written a pause
	// later; 0: all at once
	split int
}

// socket is a socket that blocks.
type socket int

func (s socket) Read(b []byte) (int, error) {
	for {
		n, err := unix.Read(int(s), b)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, err
		case n == 0 && len(b) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

func (s socket) Write(b []byte) (done int, err error) {
	for done < len(b) {
		n, err := unix.Write(int(s), b[done:])
		if err != nil && err != unix.EINTR {
			return done, err
		}
		done += max(n, 0)
	}
	return done, nil
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
	// The port is chosen by connect, which knows that one may be used for many
	// servers.
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

// exchange sends the request on a socket that blocks, and reads the answer into
// buf, which is as long.
func exchange(fd int, request, buf []byte) error {
	if _, err := socket(fd).Write(request); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return readFull(fd, buf)
}

func readFull(fd int, buf []byte) error {
	if _, err := io.ReadFull(socket(fd), buf); err != nil {
		return fmt.Errorf("read: %w", err)
	}
	return nil
}

// reset closes a socket with a reset, which leaves no port in TIME_WAIT.
func reset(fd int) {
	// the close counts
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	unix.Close(fd)
}

// epollWait waits for events, at most for the given time, which is as exact as
// the kernel has it: milliseconds are too long here. A signal can make it
// return early, without any.
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
