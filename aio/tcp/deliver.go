package tcp

import (
	"io"
	"syscall"
)

// What an engine calls for the duties of a connection. The connection's lock is
// held, except for deliver, and let go while a callback runs.

// source is where the handler's data comes from.
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

// callOpen begins a new connection's handling (dueOpen): with the TLS handshake
// that it asks for, then Open.
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

// deliver gives data to the handler (dueRead). It reports whether to go on
// reading. The lock is not held.
func (c *Conn) deliver(run uint32, data []byte) bool {
	c.received(len(data))
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.life.open(): // dropped
	case c.in.run != run || !c.in.handled() || c.peek().upgrade != nil, // it is for Read, or for TLS
		c.in.marks&markPaused != 0 || len(c.peek().reads.ahead) > 0: // it is for later
		r := &c.extra().reads
		r.ahead = append(r.ahead, data...)
	default:
		c.giveData(data)
	}
	return c.due(run) == dueRead
}

// deliverAhead gives the handler what was read ahead (dueAhead).
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

// readEnded notes how reading has ended: by the peer's EOF, of which the
// handler is to be told, or by an error, with which the connection fails. A
// connection that lingers ends in either case.
func (c *Conn) readEnded(err error) {
	c.awaitWriter(err)
	switch err = c.endOrCut(err); {
	case !isEOF(err) && c.life.stage != stageLingering:
		c.unlocked(func() { c.fail(c.condition("read", err), false) }) // nothing comes of an error due to our own closing
	default:
		c.peerEnds()
	}
}

// tellEnd tells the handler how reading has ended (dueTell): by the peer's EOF,
// after which the connection closes unless the handler is HalfOpen, or by an
// error that a Read has met. A frame that has come in part comes before the
// EOF.
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
		c.unlocked(func() { c.closeAfterFlush(endingDone) }) // fails only if it is closing already
	}
}

// peerReset ends a connection whose peer has reset or closed it after it had
// ended its sending side (dueReset).
func (c *Conn) peerReset() {
	if c.peek().hangUp.seen == hangUpGone {
		c.unlocked(func() { c.endDone() })
		return
	}
	c.unlocked(func() { c.fail(c.condition("read", syscall.ECONNRESET), false) })
}

// last delivers what can be read of a connection on which sending has failed
// (dueLast), a buffer at a time, and then ends it with that condition.
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

// handlerLeaves ends handler style for a handler that was given up (dueStop).
func (c *Conn) handlerLeaves() {
	c.dropHandler()
	c.boundReads() // fails only on a closed connection, as Read will
}

// handlerDone makes the last callbacks of a connection that is closed
// (dueClosed), and takes the handler off. A callback may call runtime.Goexit.
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
