package tcp

import (
	"syscall"
	"unsafe"
)

// armHangUp asks the kernel to report the peer's end. The pollers of the
// connection's loop wait for that, in addition to the Go netpoller if the
// socket is in there. The lock is held.
func (c *Conn) armHangUp() {
	if c.bare.isOpen() {
		c.lookHangUp()
		return
	}
	s, ok := c.stream().(*socket)
	if !ok {
		return
	}
	ps := c.opts.pollers
	if ps == nil {
		ps = pollersOf(&c.op)
	}
	if ps == nil {
		return // the loop has ended
	}
	p, _, err := ps.pick()
	if err != nil {
		return // for example, out of descriptors: reading will show it
	}
	// fails only on a connection that is being closed
	_ = control(s.Conn, func(fd int) error {
		p.conns.set(fd, c)
		return p.ep.addEnd(fd)
	})
	c.lookHangUp()
}

// disarmHangUp makes the pollers forget a socket that is about to be closed.
// The lock is held.
func (c *Conn) disarmHangUp() {
	s, ok := c.stream().(*socket)
	x := c.x.Load()
	if !ok || x == nil || !x.hangUp.armed {
		return
	}
	ps := c.opts.pollers
	if ps == nil {
		ps = pollersOf(&c.op)
	}
	if ps != nil && ps.conns.get(s.sysfd) == c {
		ps.conns.set(s.sysfd, nil)
	}
}

// endSeen is called when epoll has reported the end of a side of a connection.
// The lock is held.
func (c *Conn) endSeen() {
	x := c.peek()
	if (x.hangUp.armed || c.in.peer == peerTold) && !c.life.ended() {
		c.lookHangUp()
	}
}

// lookHangUp asks the kernel what it knows of the peer's end. The event may
// have been about an earlier connection with the same descriptor. The lock is
// held.
func (c *Conn) lookHangUp() {
	var seen hangUpSeen
	look := func(fd int) error {
		seen = hungUpNow(fd, c.out.side == sideEnded)
		return nil
	}
	if c.bare.isOpen() {
		look(int(c.bare.fd.Load()))
	} else if s, ok := c.stream().(*socket); ok {
		control(s.Conn, look)
	}
	c.hungUpLocked(seen)
}

// writerCut reports whether a writer that owns the stream may have seen a reset
// and not recorded it yet: the connection, whose outgoing side may still be
// open, is hung up. A poller records what it sees with the lock held. The lock
// is held.
func (c *Conn) writerCut() bool {
	seen := hangUpNone
	look := func(fd int) error {
		seen = hungUpNow(fd, c.out.side == sideEnded)
		return nil
	}
	if c.bare.isOpen() {
		if c.out.stream == streamWriting {
			look(int(c.bare.fd.Load()))
		}
	} else if s, ok := c.stream().(*socket); ok && c.out.stream.taken() {
		control(s.Conn, look) // fails only on a connection that is being closed
	}
	return seen >= hangUpGone
}

// stepAside makes another member of the connection's poller, if one serves it,
// serve the other connections. The lock is held.
func (c *Conn) stepAside() {
	if c.bare.socket == bareListed {
		c.poller().passFor(c)
	}
}

// hungUpNow returns what the kernel knows of the end of a socket's peer. ended
// means that this side has ended: a socket is hung up when both have.
func hungUpNow(fd int, ended bool) hangUpSeen {
	const pollErr, pollHup, pollRdHup = 0x8, 0x10, 0x2000
	p := struct {
		fd              int32
		events, revents int16
	}{int32(fd), pollRdHup, 0}
	var now syscall.Timespec
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&p)), 1, uintptr(unsafe.Pointer(&now)), 0, 0, 0)
	switch {
	case errno != 0:
		return hangUpNone
	case p.revents&pollErr != 0:
		return hangUpReset
	case p.revents&pollHup != 0 && !ended:
		return hangUpGone
	case p.revents&(pollHup|pollRdHup) != 0:
		return hangUpEnded
	}
	return hangUpNone
}
