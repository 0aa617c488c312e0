package tcp

import (
	"syscall"

	"goaio.example/aio"
)

// pollEngine serves bare connections. An idle one has neither a goroutine nor a
// buffer: a member of its poller's crew reads, and makes the callbacks.
type pollEngine struct{}

var bareEngine engine = pollEngine{}

// poller returns the poller of a bare connection.
func (c *Conn) poller() *poller { return c.opts.pollers.list[c.bare.poller] }

// start registers the connection with a poller.
func (pollEngine) start(c *Conn) {
	c.retain() // until the handler has left; there is another reference now
	if c.list() != nil {
		c.letGo()
		c.leavePoller()
		return
	}
	c.bare.attend = attendIdle
	if c.life.stage == stageOpening && c.in.handler.Open == nil {
		c.opened()
	}
	if c.life.stage == stageOpening || len(c.peek().reads.ahead) > 0 || c.in.peer != peerOpen {
		c.poller().post(c)
	}
}

// list registers the socket with a poller. The lock is held.
func (c *Conn) list() error {
	if c.bare.socket != bareOpen {
		return syscall.EBADF
	}
	p, i, err := c.opts.pollers.pick()
	if err != nil {
		return err
	}
	fd := int(c.bare.fd.Load())
	c.bare.poller, c.bare.socket = i, bareListed
	p.conns.set(fd, c)
	// something was sent before
	if err = p.ep.add(fd); err == nil && c.out.stream.taken() {
		err = p.ep.addOut(fd)
	}
	return err
}

// leavePoller moves the connection to the other engine. The lock is held.
func (c *Conn) leavePoller() {
	run := c.in.run
	if err := (*bare)(c).promote(); err != nil && !c.life.ended() {
		cond := c.condition("open", err)
		c.runElse(func() {
			c.fail(cond, false)
			parkServe(c, run)
		}, func() { c.handlerGone(run) })
		return
	}
	parkEngine{}.start(c)
}

// wake makes the poller look at the connection.
func (pollEngine) wake(c *Conn) {
	if c.bare.socket == bareListed {
		c.poller().post(c)
	}
}

func (pollEngine) resume(c *Conn) { pollEngine{}.wake(c) }

// flush makes the poller write the queue when there is room.
func (pollEngine) flush(c *Conn) {
	if c.bare.socket == bareOpen {
		return // start does
	}
	// it is closed, or the kernel is out of memory
	if err := (*bare)(c).askWritable(); err != nil {
		c.run(func() { c.sendFailed(c.condition("write", err)) })
	}
}

// abandon makes the socket one of Go's.
func (pollEngine) abandon(c *Conn) error {
	c.poller().passFor(c)
	if err := (*bare)(c).promote(); err != nil {
		cond := c.condition("hijack", err)
		c.run(func() { c.fail(cond, false) })
		return cond
	}
	c.dropHandler()
	return c.boundReads()
}

// aside makes another member serve the other connections.
func (pollEngine) aside(c *Conn) {
	if c.in.doing.inCallback() && c.bare.socket == bareListed {
		c.poller().passFor(c)
	}
}

// serve looks at a connection after epoll has reported events.
func (a *attendant) serve(c *Conn, events uint32) {
	if events&(syscall.EPOLLOUT|epollEnd) != 0 {
		c.flushBare()
		a.late = true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	b := &c.bare
	if events&(syscall.EPOLLIN|epollEnd) != 0 {
		b.ready |= readyRead
	}
	if events&(epollEnd|syscall.EPOLLPRI) != 0 {
		b.ready |= readyShort
	}
	if events&epollEnd != 0 {
		c.endSeen()
	}
	// the member that serves it looks again before leaving; or it has left
	if b.attend != attendIdle {
		return
	}
	b.attend = attendBusy
	a.expect(c)
	a.attend(c)
}

// attendRun is how many buffers are read from a connection before others have
// their turn. It is a variable for tests.
var attendRun = 8

// attend does what the connection requires from its engine, until nothing is
// due. The lock is held; it is released meanwhile.
func (a *attendant) attend(c *Conn) {
	run := c.in.run
	a.run = run
	for reads := 0; ; {
		switch due := c.due(run); due {
		case dueRead, dueProbe:
			if reads == attendRun {
				c.poller().post(c)
			}
			if reads == attendRun || due == dueRead && c.bare.ready&readyRead == 0 {
				c.bare.attend = attendIdle
				return
			}
			reads++
			a.read(c, due == dueProbe)
		case dueOpen:
			a.timed(c, c.callOpen)
		case dueAhead:
			a.timed(c, c.deliverAhead)
		case dueTell:
			a.timed(c, c.tellEnd)
		case dueReset:
			c.peerReset()
		case dueLast:
			a.last(c)
		case dueRest:
			if c.in.peer == peerTold {
				// the reset may have arrived together with the end
				c.watchHangUp()
			}
			c.bare.attend = attendIdle
			return
		case dueUpgrade:
			c.leavePoller()
			c.leaveBare()
			return
		case dueEnd:
			c.unlocked(c.finish)
		case dueStop:
			c.stopBare()
			c.leaveBare()
			return
		case dueGone:
			c.leaveBare()
			return
		case dueClosed:
			a.timed(c, c.handlerDone)
			c.leaveBare()
			return
		}
	}
}

// leaveBare makes the poller's engine release the connection. The lock is held;
// it is released meanwhile.
func (c *Conn) leaveBare() {
	c.bare.attend = attendNone
	c.unlocked(c.letGo)
}

// read reads once and passes the data to the handler. The lock is held; it is
// released while a callback runs.
func (a *attendant) read(c *Conn, probe bool) {
	n, err := a.readInto(c)
	switch {
	case n > 0:
		c.received(n)
		if c.life.open() {
			a.give(c, a.buf[:n])
		}
	case err == nil || !isAgain(err):
		c.readEnded(endOr(err))
	case probe:
		c.endIfIdle()
	}
}

// last is Conn.last: it passes the rest to the handler, then ends the
// connection.
func (a *attendant) last(c *Conn) {
	if c.in.marks&markPaused == 0 {
		if n, _ := a.readInto(c); n > 0 {
			c.received(n)
			a.give(c, a.buf[:n])
			return
		}
	}
	cond := c.peek().cause
	c.unlocked(func() { c.fail(cond, false) })
}

// readInto reads once, without waiting.
func (a *attendant) readInto(c *Conn) (int, error) {
	a.buf = a.buffer()
	n, err := readNow(int(c.bare.fd.Load()), a.buf)
	a.full = n == len(a.buf)
	// a short read has taken everything
	if !a.full && (n <= 0 || c.bare.ready&readyShort == 0) {
		c.bare.ready &^= readyRead
	}
	return n, err
}

// give is Conn.giveData without an allocation. The lock is held; it is released
// while the callback runs.
func (a *attendant) give(c *Conn, data []byte) {
	a.to, a.handler, a.data = c, c.in.handler, data
	run := c.in.run
	c.in.doing = calling
	var err error
	a.timed(c, func() { err = c.contained(a.call) })
	c.called(run, err)
}

// stopBare ends handler style for a handler that was removed: the socket
// becomes one of Go's. The lock is held.
func (c *Conn) stopBare() {
	if err := (*bare)(c).promote(); err != nil {
		cond := c.condition("read", err)
		c.run(func() { c.fail(cond, false) })
	}
	c.handlerLeaves()
}

// flushBare writes the queue as far as there is room.
func (c *Conn) flushBare() {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := &c.bare
	if x := c.x.Load(); x != nil {
		x.writable.Ring()
	}
	if b.flush != flushNone {
		b.flush = flushAgain
		return
	}
	b.flush = flushing
	for c.out.stream == streamFlushing && !c.life.ended() && b.isOpen() {
		if c.queued() == 0 {
			c.flushedBare()
			continue
		}
		b.flush = flushing
		if n := c.writeQueue(); n == 0 && b.flush == flushing {
			break
		}
	}
	b.flush = flushNone
}

// flushedBare ends the flush of an empty queue. The lock is held; it is
// released meanwhile.
func (c *Conn) flushedBare() {
	// a Flush may have begun since the last bytes went out
	done := c.completed()
	c.endFlush()
	c.unlocked(func() {
		resolve(done)
		c.flushed()
	})
}

// writeQueue writes what the kernel accepts of the queue, and returns how much
// that was. The lock is held; it is released meanwhile.
func (c *Conn) writeQueue() int {
	n, err := (*bare)(c).writeVec(c.outbox().batch())
	c.writeMet(err)
	c.sent(n)
	done := c.advance(n)
	c.unlocked(func() {
		resolve(done)
		if err != nil {
			c.sendFailed(c.condition("write", err))
		}
	})
	return n
}

// bareGone makes the last callbacks of a connection in whose callback
// runtime.Goexit was called, after it has ended.
func (c *Conn) bareGone(run uint32) {
	c.handlerGone(run)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaveBare()
}

// bareDied ends a connection in whose callback runtime.Goexit was called.
func (c *Conn) bareDied(run uint32) {
	c.engineDied(aio.ErrGoexit)
	c.bareGone(run)
}
