package tcp

import "time"

// parkEngine serves each connection with a goroutine of its own, which is parked in the Go netpoller, without a buffer,
// while there is nothing to read.
type parkEngine struct{}

func (parkEngine) start(c *Conn, open bool) {
	c.runElse(func() { parkServe(c, open) }, c.handlerGone)
}

// handlerGone makes the last callbacks of a connection that has ended because a callback called runtime.Goexit.
func (c *Conn) handlerGone() {
	c.run(func() {
		if c.hasHandler() {
			c.handlerDone()
		}
	})
}

// wake interrupts the goroutine's wait by a read deadline that has passed.
func (parkEngine) wake(c *Conn) { c.transport().SetReadDeadline(past) } // fails only on a closed connection, which wakes too

// flush starts a goroutine that writes the queue.
func (parkEngine) flush(c *Conn) { c.run(c.flush) }

// resume ends parkRest.
func (parkEngine) resume(c *Conn) {
	if x := c.peek(); x.paused != nil {
		close(x.paused)
		x.paused = nil
	}
}

// parkRest waits until the connection need not rest any more.
func parkRest(c *Conn) {
	c.mu.Lock()
	if !c.resting {
		c.mu.Unlock()
		return
	}
	x := c.extra()
	if x.paused == nil {
		x.paused = make(chan struct{})
	}
	paused := x.paused
	c.mu.Unlock()
	<-paused
}

// parkServe is the goroutine of a connection in handler style.
func parkServe(c *Conn, open bool) {
	if open {
		c.opened()
	}
	for {
		switch c.due() {
		case dueRead:
			parkRead(c, c.source().pump(c.deliver, c.mayRead))
		case dueAhead:
			c.deliverAhead()
		case dueProbe:
			dry, err := c.source().poll(c.deliver)
			if dry {
				c.endIfIdle()
			}
			parkRead(c, err)
		case dueRest:
			parkRest(c)
		case dueUpgrade:
			c.carryOutUpgrade()
		case dueEnd:
			c.finish()
		case dueStop:
			if c.handlerLeaves() {
				return
			}
		case dueClosed:
			c.handlerDone()
			return
		}
	}
}

// parkRead sees to the way in which reading ended.
func parkRead(c *Conn, err error) {
	switch {
	case err == nil:
	case isWake(err):
		c.transport().SetReadDeadline(time.Time{}) // before the state is looked at again, so that no wake-up is lost
	default:
		c.readEnded(err)
	}
}
