package tcp

import (
	"errors"
	"io"
	"time"

	"goaio.example/aio"
)

// duty is what a connection in handler style asks of its engine.
type duty uint8

const (
	dueRead    duty = iota // read
	dueRest                // do not read until woken: the queue is full, or the peer has ended
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
	switch {
	case c.state == connClosed:
		return dueClosed
	case c.state == connLinger && (c.eof || !time.Now().Before(c.linger)):
		return dueEnd
	case c.handler.stop:
		return dueStop
	case c.upgrade != nil && c.state == connOpen:
		return dueUpgrade
	case c.eof, c.state == connOpen && c.out.size >= c.out.mark:
		if c.paused == nil {
			c.paused = make(chan struct{})
		}
		return dueRest
	case draining && c.idleLocked():
		return dueProbe
	}
	return dueRead
}

// mayRead reports whether reading is all that is due.
func (c *Conn) mayRead() bool { return c.due() == dueRead }

// idleLocked reports whether the connection is idle, so that a draining loop may end it: nothing is queued, nothing
// started by it runs, and its first data has come or it had a second for that. The lock is held.
func (c *Conn) idleLocked() bool {
	if c.state != connOpen || c.out.size > 0 || c.out.busy || !c.op.Idle() {
		return false
	}
	return c.rstats.bytes.Load() > 0 || time.Since(c.born) >= youngConn
}

// endIfIdle ends a connection of a draining loop from which nothing can be read, if it is still idle.
func (c *Conn) endIfIdle() {
	c.mu.Lock()
	idle := c.idleLocked()
	c.mu.Unlock()
	if idle {
		c.end(errByUser, false)
	}
}

// rest waits until the connection is woken. due has seen to it that it can be.
func (c *Conn) rest() {
	c.mu.Lock()
	paused := c.paused
	c.mu.Unlock()
	if paused != nil {
		<-paused
	}
}

// source is where the handler's data comes from.
type source interface {
	pump(deliver func([]byte) bool, idle func() bool) error
	poll(deliver func([]byte) bool) (dry bool, err error)
}

func (c *Conn) source() source {
	if l := c.tls.Load(); l != nil {
		return l
	}
	return c.t
}

// opened begins a new connection's handling: with the TLS handshake that it asks for, then Open.
func (c *Conn) opened() {
	c.mu.Lock()
	up := c.upgrade
	c.mu.Unlock()
	if up != nil && !c.carryOutUpgrade() {
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
	open := c.state == connOpen
	c.mu.Unlock()
	if open {
		c.callback(func(h *Handler) {
			if h.Data != nil {
				h.Data(c, data)
			}
		})
	}
	return c.mayRead()
}

// readEnded sees to the end of what can be read: the peer's EOF or an error.
func (c *Conn) readEnded(err error) {
	if !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		c.end(c.condition("read", err), false) // the first end counts: nothing comes of an error due to our own closing
		return
	}
	c.mu.Lock()
	c.eof = true
	tell := c.state == connOpen
	half := c.handler.HalfOpen
	c.mu.Unlock()
	if !tell {
		return
	}
	c.tell(c.condition("read", io.EOF))
	if !half {
		c.CloseAfterFlush() // fails only if it is closing already
	}
}

// handlerLeaves ends handler style for a handler that was given up. It reports false if there is a new one meanwhile.
func (c *Conn) handlerLeaves() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.handler.stop {
		return false
	}
	c.t.SetReadDeadline(c.rdl.at) // fails only on a closed connection, as Read will
	c.forgetHandler()
	return true
}

// forgetHandler takes the handler off. The lock is held.
func (c *Conn) forgetHandler() {
	if c.handler.left != nil {
		close(c.handler.left)
	}
	c.handler = nil
	c.op.CountCallbacks(-1)
}

// handlerDone makes the last callbacks of a connection that is closed. A callback may call runtime.Goexit.
func (c *Conn) handlerDone() {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.forgetHandler()
	}()
	c.mu.Lock()
	cond := c.cond
	c.mu.Unlock()
	if cond == errByUser {
		cond = nil
	}
	defer c.callback(func(h *Handler) {
		if h.Closed != nil {
			h.Closed(c, cond)
		}
	})
	var e *aio.ConnError
	if errors.As(cond, &e) {
		c.tell(cond)
	}
}
