package tcp

import (
	"time"

	"goaio.example/aio"
)

// parkEngine serves each connection with a goroutine of its own, which is parked in the Go netpoller, without a buffer,
// while there is nothing to read.
type parkEngine struct{}

func (parkEngine) start(c *Conn, open bool) { c.run(func() { parkServe(c, open) }) }

// wake interrupts the goroutine's wait by a read deadline that has passed.
func (parkEngine) wake(c *Conn) { c.t.SetReadDeadline(past) } // fails only on a closed connection, which wakes too

// parkServe is the goroutine of a connection in handler style.
func parkServe(c *Conn, open bool) {
	left := false
	defer func() {
		if !left { // a callback called runtime.Goexit: what is left to do needs another goroutine
			c.died(aio.ErrGoexit)
			c.run(c.handlerDone)
		}
	}()
	if open {
		c.opened()
	}
	for !left {
		switch c.due() {
		case dueRead:
			parkRead(c, c.source().pump(c.deliver, c.mayRead))
		case dueProbe:
			dry, err := c.source().poll(c.deliver)
			if dry {
				c.endIfIdle()
			}
			parkRead(c, err)
		case dueRest:
			c.rest()
		case dueUpgrade:
			c.carryOutUpgrade()
		case dueEnd:
			c.end(errByUser, false)
		case dueStop:
			left = c.handlerLeaves()
		case dueClosed:
			left = true
			c.handlerDone()
		}
	}
}

// parkRead sees to the way in which reading ended.
func parkRead(c *Conn, err error) {
	switch {
	case err == nil:
	case isWake(err):
		c.t.SetReadDeadline(time.Time{}) // before the state is looked at again, so that no wake-up is lost
	default:
		c.readEnded(err)
	}
}
