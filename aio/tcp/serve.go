package tcp

import (
	"io"
	"time"
)

// duty is what a connection in handler style asks of its engine.
type duty uint8

const (
	dueRead    duty = iota // read
	dueAhead               // deliver what was read ahead
	dueRest                // do not read until woken: the queue is full, the peer has ended, or a Read is still under way
	dueProbe               // the loop drains: read what is there; if that is nothing the connection is idle
	dueUpgrade             // begin TLS
	dueEnd                 // end the connection
	dueStop                // the handler was given up: leave
	dueClosed              // the transport is closed: tell the handler, and leave
)

// youngConn is how long an accepted connection from which nothing has come yet is not taken for idle.
const youngConn = time.Second

// due tells what the connection asks of its engine now.
func (c *Conn) due() duty {
	draining := c.in && c.drained()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dueLocked(draining)
}

// dueLocked is due with the lock held.
func (c *Conn) dueLocked(draining bool) duty {
	x := c.peek()
	switch {
	case c.state == connClosed:
		return dueClosed
	case c.state != connOpen:
		return c.dueClosing()
	case c.quit:
		return dueStop
	case x.readers > 0:
		return c.pause()
	case x.upgrade != nil:
		return dueUpgrade
	case draining && c.idleLocked():
		if c.eof {
			return dueEnd
		}
		return dueProbe
	case c.full():
		return c.pause()
	case len(x.ahead) > 0:
		return dueAhead
	case c.eof:
		return c.pause()
	}
	return dueRead
}

// dueClosing is due for a connection that is closing. The lock is held.
func (c *Conn) dueClosing() duty {
	switch {
	case c.state == connLinger && (c.eof || !time.Now().Before(c.peek().linger)):
		return dueEnd
	case c.eof:
		return c.pause()
	}
	return dueRead
}

// pause has the engine rest until resume. The lock is held.
func (c *Conn) pause() duty {
	c.resting = true
	return dueRest
}

// mayRead reports whether reading is all that is due.
func (c *Conn) mayRead() bool { return c.due() == dueRead }

// idleLocked reports whether the connection is idle, so that a draining loop may end it: nothing is queued, nothing
// started by it runs, and its first data has come or it had a second for that. The lock is held.
func (c *Conn) idleLocked() bool {
	if c.state != connOpen || c.queued() > 0 || c.busy || c.writing || len(c.peek().ahead) > 0 || !c.op.Idle() {
		return false
	}
	return c.bytesIn.Load() > 0 || c.op.Age() >= youngConn
}

// endIfIdle ends a connection of a draining loop from which nothing can be read, if it is still idle.
func (c *Conn) endIfIdle() {
	c.mu.Lock()
	idle := c.idleLocked()
	c.mu.Unlock()
	if idle {
		c.finish()
	}
}

// source is where the handler's data comes from.
type source interface {
	pump(deliver func([]byte) bool, idle func() bool) error
	poll(deliver func([]byte) bool) (dry bool, err error)
}

func (c *Conn) source() source {
	if l := c.layer(); l != nil {
		return l
	}
	return c.transport()
}

// opened begins a new connection's handling: with the TLS handshake that it asks for, then Open.
func (c *Conn) opened() {
	c.mu.Lock()
	up, quit := c.peek().upgrade, c.quit
	c.mu.Unlock()
	if quit || up != nil && !c.carryOutUpgrade() {
		return
	}
	c.callback(func(h *Handler) {
		if h.Open != nil {
			h.Open(c)
		}
	})
}

// deliver gives data to the handler. It reports whether to go on reading.
func (c *Conn) deliver(data []byte) bool {
	c.received(len(data))
	c.mu.Lock()
	give := c.state == connOpen
	if give && (c.quit || c.peek().upgrade != nil) { // it is for Read, or for TLS
		x := c.extra()
		x.ahead = append(x.ahead, data...)
		give = false
	}
	c.mu.Unlock()
	if give {
		c.giveData(data)
	}
	return c.mayRead()
}

// deliverAhead gives the handler what was read ahead.
func (c *Conn) deliverAhead() {
	c.mu.Lock()
	data := c.peek().ahead
	if len(data) > 0 {
		c.extra().ahead = nil
	}
	c.mu.Unlock()
	if len(data) > 0 {
		c.giveData(data)
	}
}

func (c *Conn) giveData(data []byte) {
	c.callback(func(h *Handler) {
		if h.Data != nil {
			h.Data(c, data)
		}
	})
}

// readEnded sees to the end of what can be read: the peer's EOF or an error.
func (c *Conn) readEnded(err error) {
	if !isEOF(err) {
		c.fail(c.condition("read", err), false) // the first end counts: nothing comes of an error due to our own closing
		return
	}
	c.mu.Lock()
	open := c.state == connOpen && !c.parting
	if open && (c.quit || c.peek().upgrade != nil) { // who reads next meets it again
		c.mu.Unlock()
		return
	}
	c.eof = true
	c.mu.Unlock()
	if !open {
		return
	}
	c.tell(c.condition("read", io.EOF))
	c.mu.Lock()
	keep := c.quit || c.handler.HalfOpen && c.shut != shutDone
	c.mu.Unlock()
	if !keep {
		c.CloseAfterFlush() // fails only if it is closing already
	}
}

// handlerLeaves ends handler style for a handler that was given up. It reports false if there is a new one meanwhile.
func (c *Conn) handlerLeaves() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.quit || c.state != connOpen {
		return false
	}
	c.forgetHandler()
	c.boundReads() // fails only on a closed connection, as Read will
	return true
}

// forgetHandler takes the handler off. The lock is held.
func (c *Conn) forgetHandler() {
	c.lookAgain()
	c.handler, c.quit = nil, false
	c.op.CountCallbacks(-1)
}

// handlerDone makes the last callbacks of a connection that is closed, and takes the handler off. A callback may call
// runtime.Goexit.
func (c *Conn) handlerDone() {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.forgetHandler()
	}()
	c.mu.Lock()
	cond, event, quit := c.cond, c.event, c.quit
	c.mu.Unlock()
	if quit { // whoever uses the connection now learns it there
		return
	}
	if cond == errByUser {
		cond = nil
	}
	defer c.callback(func(h *Handler) {
		if h.Closed != nil {
			h.Closed(c, cond)
		}
	})
	if event {
		c.tell(cond)
	}
}
