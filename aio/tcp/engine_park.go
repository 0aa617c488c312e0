package tcp

import "goaio.example/aio/internal/bell"

// parkEngine serves each connection with a goroutine, which is parked in the Go
// netpoller, without a buffer, while there is nothing to read.
type parkEngine struct{}

func (parkEngine) start(c *Conn) {
	run := c.in.run
	c.runDying(func() { parkServe(c, run) }, func(err error) {
		c.engineDied(err)
		c.handlerGone(run)
	})
}

// handlerGone makes the last callbacks of a connection that has ended because a
// callback called runtime.Goexit. run is the number of the engine.
func (c *Conn) handlerGone(run uint32) {
	c.run(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.in.run == run && c.in.engaged() {
			c.handlerDone()
		}
	})
}

// wake interrupts the goroutine's wait with a read deadline that has passed. A
// net.Conn that has ended in its own way, or has no deadlines, may refuse the
// deadline and keep its Read waiting: if sending has failed, wake then closes
// it.
func (parkEngine) wake(c *Conn) {
	if err := c.transport().SetReadDeadline(bell.Past); err != nil && c.out.side == sideFailed {
		c.run(func() { c.transport().Close() })
	}
}

// resume ends parkRest.
func (parkEngine) resume(c *Conn) { c.extra().resumed.Ring() }

// flush starts a goroutine that writes the queue.
func (parkEngine) flush(c *Conn) { c.run(c.flush) }

// abandon leaves the goroutine alone: it notices when the callback returns.
func (parkEngine) abandon(c *Conn) error {
	c.dropHandler()
	return c.boundReads()
}

// aside does nothing: the goroutine serves no other connection.
func (parkEngine) aside(*Conn) {}

// parkServe is the goroutine of a connection in handler style.
func parkServe(c *Conn, run uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch c.due(run) {
		case dueRead:
			parkRead(c, func(s source) error {
				return s.pump(func(data []byte) bool { return c.deliver(run, data) }, func() bool { return c.mayRead(run) })
			})
		case dueOpen:
			c.callOpen()
		case dueAhead:
			c.deliverAhead()
		case dueTell:
			c.tellEnd()
		case dueProbe:
			parkRead(c, func(s source) error {
				dry, err := s.poll(func(data []byte) bool { return c.deliver(run, data) })
				if dry {
					c.mu.Lock()
					c.endIfIdle()
					c.mu.Unlock()
				}
				return err
			})
		case dueReset:
			c.peerReset()
		case dueLast:
			c.last(run)
		case dueRest:
			if c.in.peer == peerTold { // only a reset can still be seen
				c.watchHangUp()
			}
			if c.in.doing == resting {
				c.extra().resumed.Wait(&c.mu)
			}
		case dueUpgrade:
			c.unlocked(func() { c.carryOutUpgrade() })
		case dueEnd:
			c.unlocked(c.finish)
		case dueStop:
			c.handlerLeaves()
			return
		case dueGone:
			return
		case dueClosed:
			c.handlerDone()
			return
		}
	}
}

// parkRead reads from the connection's source, and handles the end of reading.
// The lock is held; it is released meanwhile.
func parkRead(c *Conn, read func(source) error) {
	var err error
	woken := false
	from := c.source()
	c.unlocked(func() {
		err = read(from)
		// before looking at the state again, so that no wake-up is lost
		woken = c.woken(err)
	})
	if err != nil && !woken {
		c.readEnded(err)
	}
}
