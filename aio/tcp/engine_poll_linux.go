package tcp

import (
	"errors"
	"io"
	"os"
	"syscall"

	"goaio.example/aio"
)

// pollEngine serves bare connections. One that is idle has neither a goroutine nor a buffer: the goroutine that leads its
// poller reads, and makes the callbacks.
type pollEngine struct{}

var bareEngine engine = pollEngine{}

// poller returns the poller of a bare connection.
func (c *Conn) poller() *poller { return c.opts.pollers.list[c.bare.poller] }

// start registers the connection with a poller.
func (pollEngine) start(c *Conn, open bool) {
	c.retain() // until the handler has left
	p, i, err := c.opts.pollers.pick()
	if err == nil {
		c.bare.poller = i
		c.bare.listed = true
		p.conns.set(int(c.bare.fd.Load()), c)
		err = p.ep.add(int(c.bare.fd.Load()))
	}
	if err == nil && c.busy { // something was sent before
		err = p.ep.addOut(int(c.bare.fd.Load()))
	}
	if err == nil {
		c.bare.polled = true
		if open && c.handler.Open != nil {
			c.bare.opening = true
			p.post(c)
		}
		return
	}
	c.letGo() // not the last one: whoever starts handling has one
	c.leavePoller(open)
}

// leavePoller has the other engine serve the connection. The lock is held.
func (c *Conn) leavePoller(open bool) {
	err := (*bare)(c).promote()
	if err == nil {
		parkEngine{}.start(c, open)
		return
	}
	cond := c.condition("open", err)
	c.runElse(func() {
		c.fail(cond, false)
		parkServe(c, false)
	}, c.handlerGone)
}

// wake has the poller look at the connection.
func (pollEngine) wake(c *Conn) {
	if c.bare.listed {
		c.poller().post(c)
	}
}

func (pollEngine) resume(c *Conn) { pollEngine{}.wake(c) }

// flush has the poller write the queue when there is room.
func (pollEngine) flush(c *Conn) {
	if c.bare.open && !c.bare.listed {
		return // start will see to it
	}
	if err := (*bare)(c).askWritable(); err != nil { // it is closed, or the kernel is out of memory
		c.run(func() { c.fail(c.condition("write", err), false) })
	}
}

// serve looks at a connection about which epoll has said something.
func (a *attendant) serve(c *Conn, events uint32) {
	if events&(syscall.EPOLLOUT|epollEnd) != 0 {
		c.flushBare()
		a.late = true
	}
	c.mu.Lock()
	b := &c.bare
	if events&(syscall.EPOLLIN|epollEnd) != 0 {
		b.readable = true
		b.short = b.short || events&(epollEnd|syscall.EPOLLPRI) != 0
	}
	if b.serving || !b.polled { // who serves it looks at its state again before leaving; or it has left meanwhile
		c.mu.Unlock()
		return
	}
	b.serving = true
	a.expect(c)
	a.attend(c)
}

// attendRun is how many buffers are read from a connection before the others have their turn.
const attendRun = 8

// attend does what the connection asks of its engine, until that is nothing. The lock is held, and let go.
func (a *attendant) attend(c *Conn) {
	defer c.mu.Unlock()
	for reads := 0; ; {
		due := c.dueLocked(c.in && c.drained())
		if c.bare.opening && due != dueClosed {
			c.bare.opening = false
			a.timed(c, c.opened)
			continue
		}
		switch due {
		case dueRead, dueProbe:
			if reads == attendRun {
				c.poller().post(c)
			}
			if reads == attendRun || due == dueRead && !c.bare.readable {
				c.bare.serving = false
				return
			}
			reads++
			a.read(c, due == dueProbe)
		case dueAhead:
			a.timed(c, c.deliverAhead)
		case dueRest:
			c.bare.serving = false
			return
		case dueUpgrade:
			c.leavePoller(false)
			c.leaveBare()
			return
		case dueEnd:
			unlocked(c, c.finish)
		case dueStop:
			c.stopBare()
			c.leaveBare()
			return
		case dueClosed:
			a.timed(c, c.handlerDone)
			c.leaveBare()
			return
		}
	}
}

// leaveBare has the poller's engine let the connection go. The lock is held, but not all the while.
func (c *Conn) leaveBare() {
	c.bare.polled, c.bare.serving = false, false
	unlocked(c, c.letGo)
}

// unlocked calls fn with the connection's lock let go.
func unlocked(c *Conn, fn func()) {
	c.mu.Unlock()
	defer c.mu.Lock() // also when fn does not return: whoever called unlocks
	fn()
}

// read reads once and gives the handler what came. The lock is held.
func (a *attendant) read(c *Conn, probe bool) {
	b := &c.bare
	buf := a.buffer()
	n, err := readNow(int(b.fd.Load()), buf)
	a.full = n == len(buf)
	if !a.full && !(n > 0 && b.short) { // a short read has taken all there was
		b.readable = false
	}
	switch {
	case n > 0:
		c.received(n)
		if c.state == connOpen {
			a.give(c, buf[:n])
		}
	case err == nil:
		a.timed(c, func() { c.readEnded(io.EOF) })
	case !errors.Is(err, syscall.EAGAIN):
		a.timed(c, func() { c.readEnded(os.NewSyscallError("read", err)) })
	case probe:
		unlocked(c, c.endIfIdle)
	}
}

// give is Conn.callback for data, without making anything. The lock is held, but not while the callback runs.
func (a *attendant) give(c *Conn, data []byte) {
	a.to, a.handler, a.data = c, c.handler, data
	c.calling = true
	err := a.contained(c)
	c.calling = false
	c.readingBegins()
	if err != nil {
		unlocked(c, func() { c.end(err, true) })
	}
}

// contained makes the callback, with the lock let go.
func (a *attendant) contained(c *Conn) (err error) {
	a.timed(c, func() { err = c.op.Call(a.call, func(error) {}) })
	return err
}

// stopBare ends handler style for a handler that was given up: from now on the socket is one of Go's. The lock is held.
func (c *Conn) stopBare() {
	if err := (*bare)(c).promote(); err != nil {
		cond := c.condition("read", err)
		c.run(func() { c.fail(cond, false) })
	}
	c.forgetHandler()
	c.boundReads() // fails only on a closed connection, as Read will
}

// flushBare writes the queue as far as there is room.
func (c *Conn) flushBare() {
	c.mu.Lock()
	b := &c.bare
	(*bare)(c).hasRoom()
	if b.flushing {
		b.writable = true
		c.mu.Unlock()
		return
	}
	b.flushing = true
	for c.busy && !c.writing && c.state != connClosed && c.engine() == bareEngine {
		if c.queued() == 0 {
			done := c.completed()
			c.release()
			c.mu.Unlock()
			resolve(done)
			c.flushed()
			c.mu.Lock()
			continue
		}
		b.writable = false
		n, err := (*bare)(c).writeVec(c.queue().batch())
		c.sent(n)
		done := c.advance(n)
		c.mu.Unlock()
		resolve(done)
		if err != nil {
			c.fail(c.condition("write", err), false)
		}
		c.mu.Lock()
		if n == 0 && !b.writable {
			break
		}
	}
	b.flushing = false
	c.mu.Unlock()
}

// bareGone makes the last callbacks of a connection in whose callback runtime.Goexit was called, once it has ended.
func (c *Conn) bareGone() {
	c.handlerGone()
	c.mu.Lock()
	c.leaveBare()
	c.mu.Unlock()
}

// bareDied ends a connection in whose callback runtime.Goexit was called.
func (c *Conn) bareDied() {
	c.died(aio.ErrGoexit)
	c.bareGone()
}
