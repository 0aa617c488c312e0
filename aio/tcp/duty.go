package tcp

import "time"

// duty is what a connection requires from the engine that serves it.
type duty uint8

const (
	dueRead  duty = iota // read
	dueOpen              // make the initial TLS handshake, and call Open
	dueAhead             // deliver what was read ahead
	dueTell              // report the peer's end to the handler
	dueRest              // do not read until woken
	// the loop drains: read available data; without any the connection is idle
	dueProbe
	// the peer, after its end, has reset or closed the connection: end it
	dueReset
	dueLast    // sending has failed: deliver available data, and end
	dueUpgrade // begin TLS
	dueEnd     // end the connection
	dueStop    // the handler was removed: leave
	// another engine, or none, has the connection: leave, and touch nothing
	dueGone
	dueClosed // the transport is closed: call the handler, and leave
)

// youngConn is how long an accepted connection on which nothing has arrived is
// not considered idle.
const youngConn = time.Second

// due returns what the connection now requires from its engine, whose number is
// run. The lock is held.
func (c *Conn) due(run uint32) duty {
	x := c.peek()
	switch {
	case c.in.run != run || !c.in.engaged():
		return dueGone
	case c.life.ended():
		return dueClosed
	case !c.life.open():
		return c.dueClosing()
	case c.in.style == leavingStyle:
		return dueStop
	case x.reads.underWay > 0:
		return c.rest()
	case c.life.stage == stageOpening:
		return dueOpen
	case x.upgrade != nil && x.upgrade.begun:
		return c.rest()
	case x.upgrade != nil:
		return dueUpgrade
	case c.out.side == sideFailed && (len(x.reads.ahead) == 0 || c.in.marks&markPaused != 0):
		return dueLast
	case c.in.peer == peerTold && x.hangUp.seen >= hangUpGone:
		return dueReset
	case c.accepted() && c.drained() && c.idle():
		return [...]duty{peerOpen: dueProbe, peerEnded: dueTell, peerTold: dueEnd}[c.in.peer]
	case c.full() || c.in.marks&markPaused != 0:
		return c.rest()
	case len(x.reads.ahead) > 0:
		return dueAhead
	case x.reads.failed != nil || c.in.peer == peerEnded:
		return dueTell
	case c.in.peer == peerTold:
		return c.rest()
	}
	return dueRead
}

// dueClosing is due for a connection that is closing. The lock is held.
func (c *Conn) dueClosing() duty {
	switch {
	case c.life.stage == stageLingering && (c.in.peer != peerOpen || !time.Now().Before(c.peek().linger)):
		return dueEnd
	case c.in.peer != peerOpen || c.life.stage == stageParting:
		return c.rest()
	}
	return dueRead
}

// mayRead reports whether only reading is due.
func (c *Conn) mayRead(run uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.due(run) == dueRead
}

// idle reports whether the connection is idle, so that a draining loop may end
// it: nothing is queued, none of its children runs, the program has not marked
// it, and its first data has arrived or a second has passed. The lock is held.
func (c *Conn) idle() bool {
	switch {
	case !c.life.open() || c.in.marks&marksWork != 0 || c.queued() > 0 || c.out.stream != streamFree:
		return false
	case len(c.peek().reads.ahead) > 0 || !c.op.Idle():
		return false
	}
	return c.bytesIn.Load() > 0 || c.op.Age() >= youngConn
}

// endIfIdle ends a connection of a draining loop from which nothing can be
// read, if it is still idle. The lock is held; it is released meanwhile.
func (c *Conn) endIfIdle() {
	if c.idle() {
		c.unlocked(c.finish)
	}
}
