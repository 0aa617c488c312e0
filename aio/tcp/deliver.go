package tcp

import (
	"io"
	"syscall"
)

// Engines call the functions in this file for the duties of a connection. The
// connection's lock is held, except for deliver, and is released while a
// callback runs.

// source provides the handler's data.
type source interface {
	pump(deliver func([]byte) bool, idle func() bool) error
	poll(deliver func([]byte) bool) (dry bool, err error)
}

// source returns the TLS layer or, without TLS, the transport.
func (c *Conn) source() source {
	if l := c.layer(); l != nil {
		return l
	}
	return c.transport()
}

// callOpen begins the handling of a new connection (dueOpen): with the TLS
// handshake, if any, and then Open.
func (c *Conn) callOpen() {
	if c.peek().upgrade != nil {
		shaken := false
		c.unlocked(func() { shaken = c.carryOutUpgrade() })
		if !shaken || c.life.stage != stageOpening {
			return
		}
	}
	c.opened()
	c.call(func(h *Handler) {
		if h.Open != nil {
			h.Open(c)
		}
	})
}

// deliver passes data to the handler (dueRead). It reports whether to continue
// reading. The lock is not held.
func (c *Conn) deliver(run uint32, data []byte) bool {
	c.received(len(data))
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.life.open(): // it is dropped
	// it is for Read, or for TLS
	case c.in.run != run || !c.in.handled() || c.peek().upgrade != nil,
		// it is for later
		c.in.marks&markPaused != 0 || len(c.peek().reads.ahead) > 0:
		r := &c.extra().reads
		r.ahead = append(r.ahead, data...)
	default:
		c.giveData(data)
	}
	return c.due(run) == dueRead
}

// deliverAhead passes data that was read ahead to the handler (dueAhead).
func (c *Conn) deliverAhead() {
	r := &c.extra().reads
	data := r.ahead
	r.ahead, r.lent = nil, data
	defer func() { r.lent = nil }()
	c.giveData(data)
}

// giveData calls Data.
func (c *Conn) giveData(data []byte) {
	c.call(func(h *Handler) {
		if h.Data != nil {
			h.Data(c, data)
		}
	})
}

// readEnded handles the end of reading: the peer's EOF, which is reported to
// the handler, or an error, with which the connection fails. A connection that
// lingers ends in either case.
func (c *Conn) readEnded(err error) {
	c.awaitWriter(err)
	switch err = c.endOrCut(err); {
	case !isEOF(err) && c.life.stage != stageLingering:
		// an error due to our own closing has no effect
		c.unlocked(func() { c.fail(c.condition("read", err), false) })
	default:
		c.peerEnds()
	}
}

// tellEnd tells the handler how reading has ended (dueTell): by the peer's EOF,
// after which the connection closes unless the handler is HalfOpen, or by the
// error of a Read. An incomplete frame is delivered before the EOF.
func (c *Conn) tellEnd() {
	if failed := c.peek().reads.failed; failed != nil {
		c.unlocked(func() { c.fail(c.condition("read", failed), false) })
		return
	}
	if c.in.marks&markPart != 0 {
		c.endPart()
		return
	}
	c.in.peer = peerTold
	run := c.in.run
	c.tell(c.condition("read", io.EOF))
	if c.in.run == run && c.in.handled() && c.in.peer == peerTold && !(c.in.handler.HalfOpen && c.out.side != sideEnded) {
		// fails only if it is closing already
		c.unlocked(func() { c.closeAfterFlush(endingDone) })
	}
}

// peerReset ends a connection whose peer has reset or closed it after ending
// its sending side (dueReset).
func (c *Conn) peerReset() {
	if c.peek().hangUp.seen == hangUpGone {
		c.unlocked(func() { c.endDone() })
		return
	}
	c.unlocked(func() { c.fail(c.condition("read", syscall.ECONNRESET), false) })
}

// last delivers what can still be read from a connection on which sending has
// failed (dueLast), a buffer at a time, and then ends it with that condition.
func (c *Conn) last(run uint32) {
	cond := c.peek().cause
	over := c.in.marks&markPaused != 0
	c.unlocked(func() {
		if !over {
			c.transport().SetReadDeadline(noTime) // of a wake-up
			dry, err := c.source().poll(func(data []byte) bool { return c.deliver(run, data) })
			over = dry || err != nil && !isWake(err)
		}
		if over {
			c.fail(cond, false)
		}
	})
}

// handlerLeaves ends handler style for a handler that was removed (dueStop).
func (c *Conn) handlerLeaves() {
	c.dropHandler()
	c.boundReads() // fails only on a closed connection, on which Read fails too
}

// handlerDone makes the last callbacks of a closed connection (dueClosed), and
// removes the handler. A callback may call runtime.Goexit.
func (c *Conn) handlerDone() {
	defer c.dropHandler()
	if c.in.style == leavingStyle { // the next use of the connection reports it
		return
	}
	cause := c.peek().cause
	defer c.call(func(h *Handler) {
		if h.Closed != nil {
			h.Closed(c, cause)
		}
	})
	if c.life.broken() {
		c.tell(cause)
	}
}
