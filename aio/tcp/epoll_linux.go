package tcp

import (
	"encoding/binary"
	"errors"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// epoll is an epoll instance on which a goroutine waits in one of two ways: on
// its thread, which is fast, and parked in the Go netpoller, which holds no
// thread. For the latter there is a second instance around the first, the door.
// It is open while a member is parked. It may stay open if the member is about
// to park again, until events turn out to come faster than they are served, or a
// member waits on its thread: otherwise each event would wake a thread of the
// netpoller unnecessarily.
type epoll struct {
	fd      int
	door    int
	doorRaw syscall.RawConn // the door in the Go netpoller
	file    *os.File        // owns door
	bell    int             // an eventfd in fd that ends a wait

	// Used by the parked goroutine, one at a time.
	open   bool // the door is; used by shut too, while no goroutine is parked
	stale  [1]syscall.EpollEvent
	events []syscall.EpollEvent
	came   int
	looks  int // how often it has looked for events
	look   func(uintptr) bool
}

// The events that connections are registered for, edge-triggered. The event for
// writing is requested only when there is something to write.
const (
	epollET  = 1 << 31
	epollIn  = syscall.EPOLLIN | syscall.EPOLLPRI | syscall.EPOLLRDHUP | epollET
	epollOut = syscall.EPOLLOUT
	epollEnd = syscall.EPOLLRDHUP | syscall.EPOLLHUP | syscall.EPOLLERR
)

// maxEvents is the largest number of events returned by one wait.
const maxEvents = 128

// bellEvent replaces the descriptor in the bell's event.
const bellEvent = -1

func (e *epoll) init() (err error) {
	e.fd, e.door, e.bell = -1, -1, -1
	defer func() {
		if err != nil {
			e.close()
		}
	}()
	if e.fd, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if e.door, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if e.bell, err = eventfd(); err != nil {
		return os.NewSyscallError("eventfd2", err)
	}
	if err = e.ctl(e.fd, syscall.EPOLL_CTL_ADD, e.bell, syscall.EPOLLIN|epollET, bellEvent); err != nil {
		return err
	}
	if err = e.ctl(e.door, syscall.EPOLL_CTL_ADD, e.fd, 0, 0); err != nil {
		return err
	}
	// so that the netpoller accepts it
	if err = syscall.SetNonblock(e.door, true); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	e.file = os.NewFile(uintptr(e.door), "epoll")
	e.doorRaw, err = e.file.SyscallConn()
	e.look = func(uintptr) bool {
		e.looks++
		e.came = e.poll(e.events)
		return e.came > 0
	}
	return err
}

// close closes the descriptors. No wait may be in progress.
func (e *epoll) close() {
	if e.file != nil {
		e.file.Close()
	} else if e.door >= 0 {
		syscall.Close(e.door)
	}
	for _, fd := range []int{e.bell, e.fd} {
		if fd >= 0 {
			syscall.Close(fd)
		}
	}
}

// ring ends a wait. Being edge-triggered, the bell need not be read.
func (e *epoll) ring() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	syscall.Write(e.bell, one[:]) // fails only when it is at 2^64-1
}

// add registers a descriptor for reading.
func (e *epoll) add(fd int) error {
	return e.ctl(e.fd, syscall.EPOLL_CTL_ADD, fd, epollIn, int32(fd))
}

// addEnd registers a descriptor, or registers it again, for the end of its peer
// only.
func (e *epoll) addEnd(fd int) error {
	err := e.ctl(e.fd, syscall.EPOLL_CTL_ADD, fd, syscall.EPOLLRDHUP|epollET, int32(fd))
	if errors.Is(err, syscall.EEXIST) {
		return nil
	}
	return err
}

// addOut also registers for an event when the descriptor has room, which comes
// at once if it has.
func (e *epoll) addOut(fd int) error {
	return e.ctl(e.fd, syscall.EPOLL_CTL_MOD, fd, epollIn|epollOut, int32(fd))
}

// remove unregisters a descriptor.
func (e *epoll) remove(fd int) error { return e.ctl(e.fd, syscall.EPOLL_CTL_DEL, fd, 0, 0) }

func (e *epoll) ctl(epfd, op, fd int, events uint32, data int32) error {
	ev := syscall.EpollEvent{Events: events, Fd: data}
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(epfd, op, fd, &ev))
}

// poll stores the pending events in events, without waiting, and returns how
// many there are.
func (e *epoll) poll(events []syscall.EpollEvent) int {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(e.fd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return 0 // interrupted
	}
	return int(n)
}

// wait waits for events on its thread, for at most d or a little longer.
func (e *epoll) wait(events []syscall.EpollEvent, d time.Duration) int {
	ts := syscall.NsecToTimespec(int64(d))
	n, _, errno := syscall.Syscall6(sysEpollPwait2, uintptr(e.fd), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)),
		uintptr(unsafe.Pointer(&ts)), 0, 0)
	switch errno {
	case 0:
		return int(n)
	case syscall.EINTR:
		return 0
	}
	old, err := syscall.EpollWait(e.fd, events, 1) // a kernel before 5.11
	if err != nil {
		return 0 // interrupted
	}
	return old
}

// sysEpollPwait2 is epoll_pwait2(2), which has the same number on all
// processors.
const sysEpollPwait2 = 441

// park waits for events without holding a thread. It returns 0 only if the
// epoll was closed. With keep the door stays open, unless the events were there
// already.
func (e *epoll) park(events []syscall.EpollEvent, keep bool) int {
	if !e.open {
		// old events in the door would hide new ones
		syscall.EpollWait(e.door, e.stale[:], 0)
		e.open = true
		e.ctl(e.door, syscall.EPOLL_CTL_MOD, e.fd, syscall.EPOLLIN, 0)
	}
	e.events, e.came, e.looks = events, 0, 0
	e.doorRaw.Read(e.look) // fails only when closed
	if !keep || e.looks == 1 {
		e.shut()
	}
	return e.came
}

// shut shuts the door. No goroutine may be parked.
func (e *epoll) shut() {
	if e.open {
		e.open = false
		e.ctl(e.door, syscall.EPOLL_CTL_MOD, e.fd, 0, 0)
	}
}

func eventfd() (int, error) {
	fd, _, errno := syscall.RawSyscall(syscall.SYS_EVENTFD2, 0, syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}
