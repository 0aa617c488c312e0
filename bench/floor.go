package main

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func init() {
	roles["echo floor"] = floorEcho
	roles["c40k floor"] = floorC40k
}

// floor is a server that makes the system calls which the work takes and does
// nothing else: one thread, one epoll instance, one buffer. It has no timeouts,
// keeps nothing that a socket does not take, and ends a connection at its first
// error. What it costs is what any server on one epoll loop costs at least.
type floor struct {
	listener int
	epoll    int
	stop     int           // an eventfd: serve is to end
	delay    time.Duration // before each answer
	answer   []byte        // nil: the request
	due      []floorAnswer // those that are to come, in their order
	open     atomic.Int64  // connections
	buf      [64 << 10]byte
}

// floorAnswer is an answer that comes later.
type floorAnswer struct {
	fd int
	at time.Time
}

func floorEcho(c *control) error { return new(floor).run(c, "127.0.0.1:0") }

func floorC40k(c *control) error {
	addr, delay, err := c40kParameter()
	if err != nil {
		return err
	}
	return (&floor{delay: delay, answer: c40kAnswer}).run(c, addr)
}

// run serves addr until standard input ends.
func (f *floor) run(c *control, addr string) error {
	name, err := f.listen(addr)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- f.serve() }()
	c.ready(name)
	err = c.serve(func(string) (string, error) { return strconv.FormatInt(f.open.Load(), 10), nil })
	_, stopped := unix.Write(f.stop, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	return errors.Join(err, stopped, <-done)
}

// listen makes the sockets, and returns the address.
func (f *floor) listen(addr string) (string, error) {
	lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
		var err error
		err2 := rc.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		})
		return errors.Join(err, err2)
	}}
	ln, err := lc.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return "", err
	}
	defer ln.Close()
	file, err := ln.(*net.TCPListener).File()
	if err != nil {
		return "", err
	}
	defer file.Close()
	if f.listener, err = unix.Dup(int(file.Fd())); err != nil {
		return "", err
	}
	if err := unix.SetNonblock(f.listener, true); err != nil {
		return "", err
	}
	if f.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return "", err
	}
	if f.stop, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return "", err
	}
	return ln.Addr().String(), errors.Join(f.watch(f.listener), f.watch(f.stop))
}

func (f *floor) watch(fd int) error {
	return unix.EpollCtl(f.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

// serve is the loop.
func (f *floor) serve() error {
	runtime.LockOSThread()
	events := make([]unix.EpollEvent, 256)
	for {
		n, err := unix.EpollWait(f.epoll, events, f.untilDue())
		if err != nil && err != unix.EINTR {
			return err
		}
		for _, e := range events[:max(n, 0)] {
			switch fd := int(e.Fd); fd {
			case f.stop:
				return nil
			case f.listener:
				f.accept()
			default:
				f.readable(fd)
			}
		}
		f.answerDue()
	}
}

// accept takes the connections that are there.
func (f *floor) accept() {
	for {
		fd, _, err := unix.Accept4(f.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		if f.watch(fd) != nil {
			unix.Close(fd)
			continue
		}
		f.open.Add(1)
	}
}

// readable reads once, and answers or has the answer come later.
func (f *floor) readable(fd int) {
	n, err := unix.Read(fd, f.buf[:])
	switch {
	case err == unix.EAGAIN:
	case n <= 0:
		f.end(fd)
	case f.delay > 0:
		f.due = append(f.due, floorAnswer{fd, time.Now().Add(f.delay)})
	case f.answer != nil:
		f.write(fd, f.answer)
	default:
		f.write(fd, f.buf[:n])
	}
}

// write writes all of p. It waits for a client that does not read.
func (f *floor) write(fd int, p []byte) {
	for {
		n, err := unix.Write(fd, p)
		if err == nil && n == len(p) {
			return
		}
		if err != nil && err != unix.EAGAIN {
			f.end(fd)
			return
		}
		p = p[max(n, 0):]
		// An error of Poll shows in the next write.
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, -1)
	}
}

func (f *floor) end(fd int) {
	unix.Close(fd)
	f.open.Add(-1)
}

// untilDue returns the milliseconds until the next answer, -1 if there is none.
func (f *floor) untilDue() int {
	if len(f.due) == 0 {
		return -1
	}
	return int(max(0, (time.Until(f.due[0].at)+time.Millisecond-1)/time.Millisecond))
}

// answerDue sends the answers that are due.
func (f *floor) answerDue() {
	now := time.Now()
	for len(f.due) > 0 && !f.due[0].at.After(now) {
		f.write(f.due[0].fd, f.answer)
		f.due = f.due[1:]
	}
}
