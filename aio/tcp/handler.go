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
	// Data is called with what has arrived. data is valid during the call only; it may be up to 68 KiB, or what a TLS record carries.
	Data func(c *Conn, data []byte)
	// Event is called with each condition, once: the peer's EOF, which is information (see aio.IsInfo), or the error
	// that ended the connection: an *aio.ConnError. c is nil for a dial that failed. Without Event, conditions go to the
	// event handler of the ctx that the connection was made with. Ends that were asked for (Close, an exiting loop) are
	// no events.
	Event func(c *Conn, err error)
	// Closed is called last, once, when the connection is closed: with nil after Close and after the peer's EOF, else
	// with what ended the connection: the condition, the cause of being cancelled, a *aio.PanicError or aio.ErrGoexit.
	Closed func(c *Conn, err error)
	// HalfOpen keeps the connection open after the peer's EOF, until it is closed from this side. Without it what
	// was sent so far is flushed after EOF, and the connection closed. CloseWrite after EOF closes it too.
	HalfOpen bool
}

// isZero reports whether the handler has no callbacks: it stands for none.
func (h *Handler) isZero() bool {
	return h.Open == nil && h.Data == nil && h.Event == nil && h.Closed == nil && !h.HalfOpen
}

// leaving returns a channel for the handler's having left, or going on. The lock is held.
func (c *Conn) leaving() <-chan struct{} {
	x := c.extra()
	if x.left == nil {
		x.left = make(chan struct{})
	}
	return x.left
}

// lookAgain wakes those who wait for the handler's having left. The lock is held.
func (c *Conn) lookAgain() {
	if x := c.peek(); x.left != nil {
		close(x.left)
		x.left = nil
	}
}

// hasHandler reports whether the connection has a handler, given up or not.
func (c *Conn) hasHandler() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.handler != nil
}

// handled reports whether the connection has a handler that was not given up. The lock is held.
func (c *Conn) handled() bool { return c.handler != nil && !c.quit }

// SetHandler gives what arrives from now on to h; a Read that waits fails. If the connection had a handler, h replaces it,
// from the next callback on; what that handler has not been given yet goes to h. Open is not called. The zero Handler
// gives the current one up, without any further callback, so that Read can be used: Read waits until a callback that is
// running has returned, so the callback itself must not Read. SetHandler fails with ErrClosed or the connection's
// condition if the connection has ended, or is closing.
func (c *Conn) SetHandler(h Handler) error {
	c.mu.Lock()
	if c.state != connOpen {
		defer c.mu.Unlock()
		return c.closedLocked("set handler")
	}
	switch {
	case h.isZero():
		if c.handler != nil {
			c.quit = true
		}
	case c.handler != nil:
		c.handler, c.quit = &h, false
		c.lookAgain()
	default:
		c.startHandling(&h, false)
	}
	c.mu.Unlock()
	c.wake()
	return nil
}

// startHandling starts handler style, with a call of Open if open is set. The lock is held.
func (c *Conn) startHandling(h *Handler, open bool) {
	c.setHandling(h)
	c.engine().start(c, open)
}

// setHandling makes h the connection's handler. The lock is held.
func (c *Conn) setHandling(h *Handler) {
	c.handler, c.quit = h, false
	c.op.CountCallbacks(1)
	c.readingBegins()
}

// callback calls fn with the current handler, contained. A panic ends the connection.
func (c *Conn) callback(fn func(h *Handler)) {
	c.mu.Lock()
	if c.handler == nil {
		c.mu.Unlock()
		return
	}
	h := c.handler
	c.calling = true
	c.mu.Unlock()
	err := c.op.Call(func() { fn(h) }, func(error) {})
	c.mu.Lock()
	c.calling = false
	c.readingBegins()
	c.mu.Unlock()
	if err != nil {
		c.end(err, true)
	}
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
	c.wakeLocked()
}

func (c *Conn) wakeLocked() {
	if c.handler != nil {
		c.resume()
		c.engine().wake(c)
	}
}

// resume has the engine go on if it waits until it may read. The lock is held.
func (c *Conn) resume() {
	if c.resting {
		c.resting = false
		c.engine().resume(c)
		c.readingBegins()
	}
}

var (
	_ net.Conn   = (*Conn)(nil)
	_ aio.Driver = (*connDriver)(nil)
)
