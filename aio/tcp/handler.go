package tcp

import (
	"net"

	"goaio.example/aio"
)

// Handler is the callbacks of a connection. Any may be nil. Those of one connection never overlap and come in order; those
// of different connections run concurrently. A callback may block: that holds up its own connection only.
type Handler struct {
	// Open is called first, when the connection was accepted or dialed; with TLS, after the handshake.
	Open func(c *Conn)
	// Data is called with what has arrived. data is valid during the call only; at most 64 KiB.
	Data func(c *Conn, data []byte)
	// Event is called with each condition, once: the peer's EOF, which is information (see aio.IsInfo), or the error
	// that ended the connection. c is nil for a dial that failed. Without Event, conditions go to the event handler
	// of the ctx that the connection was made with. Ends that were asked for (Close, an exiting loop) are no events.
	Event func(c *Conn, err error)
	// Closed is called last, once, when the connection is closed: with nil after Close and after the peer's EOF, else
	// with what ended the connection.
	Closed func(c *Conn, err error)
	// HalfOpen keeps the connection open after the peer's EOF, until it is closed from this side. Without it what
	// was sent so far is flushed after EOF, and the connection closed.
	HalfOpen bool
}

// isZero reports whether the handler has no callbacks: it stands for none.
func (h *Handler) isZero() bool {
	return h.Open == nil && h.Data == nil && h.Event == nil && h.Closed == nil && !h.HalfOpen
}

// handling is a connection in handler style. The Conn's lock guards it.
type handling struct {
	Handler
	stop bool          // the handler was given up; its goroutine is to leave
	left chan struct{} // closed when it has left; set by who waits for that
}

// SetHandler gives what arrives from now on to h. If the connection had a handler, h replaces it, from the next callback
// on, and Open is not called; what that handler has not been given yet goes to h. The zero Handler gives the current
// one up, without calling its Closed, so that Read can be used: Read waits until a callback that is running has
// returned. SetHandler fails with ErrClosed or the connection's condition if the connection has ended.
func (c *Conn) SetHandler(h Handler) error {
	c.mu.Lock()
	if c.state != connOpen {
		defer c.mu.Unlock()
		return c.closedLocked("set handler")
	}
	switch {
	case h.isZero():
		if c.handler != nil {
			c.handler.stop = true
		}
	case c.handler != nil:
		c.handler.Handler, c.handler.stop = h, false
	default:
		c.startHandling(h, false)
	}
	c.mu.Unlock()
	c.wake()
	return nil
}

// startHandling starts handler style, with a call of Open if open is set. The lock is held.
func (c *Conn) startHandling(h Handler, open bool) {
	c.setHandling(h)
	defaultEngine.start(c, open)
}

// setHandling makes h the connection's handler. The lock is held.
func (c *Conn) setHandling(h Handler) {
	c.handler = &handling{Handler: h}
	c.op.CountCallbacks(1)
}

// toStream waits until a handler that was given up has left the connection.
func (c *Conn) toStream() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.handler != nil {
		if !c.handler.stop {
			return c.condition("read", errHandled)
		}
		if c.handler.left == nil {
			c.handler.left = make(chan struct{})
		}
		left := c.handler.left
		c.mu.Unlock()
		<-left
		c.mu.Lock()
	}
	return nil
}

// callback calls fn with the current handler, contained. A panic ends the connection; it reports false then.
func (c *Conn) callback(fn func(h *Handler)) bool {
	c.mu.Lock()
	if c.handler == nil {
		c.mu.Unlock()
		return false
	}
	h := c.handler.Handler
	c.mu.Unlock()
	err := c.op.Call(func() { fn(&h) }, func(error) {})
	if err != nil {
		c.end(err, true)
	}
	return err == nil
}

// tell calls Event with a condition, or sends it to the event handler.
func (c *Conn) tell(cond error) {
	c.callback(func(h *Handler) {
		if h.Event != nil {
			h.Event(c, cond)
		} else {
			c.op.Report(cond)
		}
	})
}

// wake has the engine look at the connection again.
func (c *Conn) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.handler != nil {
		c.resume()
		defaultEngine.wake(c)
	}
}

// resume wakes the handler's goroutine if it waits for the queue to drain. The lock is held.
func (c *Conn) resume() {
	if c.paused != nil {
		close(c.paused)
		c.paused = nil
	}
}

var (
	_ net.Conn   = (*Conn)(nil)
	_ aio.Driver = (*connDriver)(nil)
)
