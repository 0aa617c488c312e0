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
	if err == nil {
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
	if err := (*bare)(c).promote(); err != nil {
		c.run(func() { c.fail(c.condition("open", err), false) })
	}
	parkEngine{}.start(c, open)
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
	if err := (*bare)(c).askWritable(); err != nil { // it is closed, or the kernel is out of memory
		c.run(func() { c.fail(c.condition("write", err), false) })
	}
}

// serve looks at a connection about which epoll has said something.
func (c *Conn) serve(events uint32, buf []byte) {
	if events&(syscall.EPOLLOUT|epollEnd) != 0 {
		c.flushBare()
	}
	c.mu.Lock()
	b := &c.bare
	if events&(syscall.EPOLLIN|epollEnd) != 0 {
		b.readable = true
		b.hangup = b.hangup || events&epollEnd != 0
	}
	if b.serving { // who serves it looks at its state again before leaving
		c.mu.Unlock()
		return
	}
	if c.handler == nil || !b.listed && c.state != connClosed {
		c.mu.Unlock()
		return
	}
	b.serving = true
	c.mu.Unlock()
	if c.opts.blocking.likely() {
		c.runElse(c.attendAside, c.bareGone)
		return
	}
	c.attend(buf)
}

// attendAside is attend in a goroutine of its own, for handlers that block.
func (c *Conn) attendAside() {
	buf := readBuffers.Get().(*[readSize]byte)
	defer readBuffers.Put(buf)
	c.attend(buf[:])
}

// attendRun is how many buffers are read from a connection before the others have their turn.
const attendRun = 8

// attend does what the connection asks of its engine, until that is nothing.
func (c *Conn) attend(buf []byte) {
	for reads := 0; ; {
		draining := c.in && c.drained()
		c.mu.Lock()
		b := &c.bare
		if b.opening && c.state != connClosed {
			b.opening = false
			c.mu.Unlock()
			c.opened()
			continue
		}
		switch due := c.dueLocked(draining); due {
		case dueRead, dueProbe:
			if due == dueRead && !b.readable || reads == attendRun {
				if reads == attendRun {
					c.poller().post(c)
				}
				b.serving = false
				c.mu.Unlock()
				return
			}
			reads++
			c.readBare(buf, due == dueProbe)
		case dueAhead:
			c.mu.Unlock()
			c.deliverAhead()
		case dueRest:
			b.serving = false
			c.mu.Unlock()
			return
		case dueUpgrade:
			b.serving = false
			c.leavePoller(false)
			c.mu.Unlock()
			c.letGo()
			return
		case dueEnd:
			c.mu.Unlock()
			c.finish()
		case dueStop:
			c.stopBare()
			c.mu.Unlock()
			c.letGo()
			return
		case dueClosed:
			c.mu.Unlock()
			c.handlerDone()
			c.letGo()
			return
		}
	}
}

// readBare reads once and gives the handler what came. The lock is held, and let go.
func (c *Conn) readBare(buf []byte, probe bool) {
	b := &c.bare
	n, err := readNow(int(b.fd.Load()), buf)
	if n < len(buf) && !(n > 0 && b.hangup) { // a short read has taken all there was
		b.readable = false
	}
	c.mu.Unlock()
	switch {
	case n > 0:
		c.deliver(buf[:n])
	case err == nil:
		c.readEnded(io.EOF)
	case errors.Is(err, syscall.EAGAIN):
		if probe {
			c.endIfIdle()
		}
	default:
		c.readEnded(os.NewSyscallError("read", err))
	}
}

// stopBare ends handler style for a handler that was given up: from now on the socket is one of Go's. The lock is held.
func (c *Conn) stopBare() {
	c.bare.serving = false
	if err := (*bare)(c).promote(); err != nil {
		c.run(func() { c.fail(c.condition("read", err), false) })
	}
	c.forgetHandler()
	c.boundReads() // fails only on a closed connection, as Read will
	if c.busy && !c.writing {
		parkEngine{}.flush(c)
	}
}

// flushBare writes the queue as far as there is room.
func (c *Conn) flushBare() {
	c.mu.Lock()
	b := &c.bare
	if x := c.peek(); x.writable != nil {
		close(x.writable)
		x.writable = nil
	}
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
		n, err := (*bare)(c).writeVec(c.out.batch())
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
	c.run(func() {
		if c.hasHandler() {
			c.handlerDone()
		}
	})
	c.letGo()
}

// bareDied ends a connection in whose callback runtime.Goexit was called.
func (c *Conn) bareDied() {
	c.died(aio.ErrGoexit)
	c.bareGone()
}
