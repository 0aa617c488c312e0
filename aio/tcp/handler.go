package tcp

// A Handler holds the callbacks of a connection. Any may be nil. Callbacks of
// one connection never overlap and come in order; those of different
// connections run concurrently. A callback may block, which holds up only its
// own connection.
type Handler struct {
	// Open is called first, when the connection was accepted or dialed; with
	// TLS, after the handshake.
	Open func(c *Conn)
	// Data is called with arrived data. data is valid only during the call. It
	// may be up to 68 KiB: the data of a TLS record, or what was put back with
	// Unread.
	Data func(c *Conn, data []byte)
	// Event is called once for each condition: the peer's EOF, which is
	// information (see aio.IsInfo), or the error that ended the connection: an
	// *aio.ConnError. c is nil for a failed dial. If Event is nil, conditions
	// go to the event handler of the ctx that the connection was made with.
	// Ends that the program asked for (Close, an exiting loop) are not events.
	Event func(c *Conn, err error)
	// Closed is called last, once, when the connection is closed: with nil
	// after Close and after the peer's EOF, else with what ended the
	// connection: the condition, the cause of its cancellation, a
	// *aio.PanicError or aio.ErrGoexit.
	Closed func(c *Conn, err error)
	// HalfOpen keeps the connection open after the peer's EOF, until it is
	// closed from this side, or the peer resets it. Otherwise, after EOF, what
	// was sent so far is flushed and the connection closed. CloseWrite after
	// EOF closes it too.
	HalfOpen bool
}

// isZero reports whether the handler has no callbacks, which means no handler.
func (h *Handler) isZero() bool {
	return h.Open == nil && h.Data == nil && h.Event == nil && h.Closed == nil && !h.HalfOpen
}

// SetHandler makes h the handler of data that arrives from now on; a waiting
// Read fails. h also gets data that was read and not delivered, and the peer's
// end if that was reached. If the connection had a handler, h replaces it from
// the next callback on. Open is called only if it has not been called yet, as
// on a connection of Dialer.Send. The zero Handler removes the current one,
// without any further callback, so that Read can be used: Read waits until a
// running callback has returned, so the callback itself must not call Read: see
// Hijack. SetHandler fails with ErrClosed or the connection's condition if the
// connection has ended, or is closing.
func (c *Conn) SetHandler(h Handler) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.life.open():
		return c.endError("set handler")
	case h.isZero():
		c.giveUpHandler()
	case c.in.engaged():
		c.replaceHandler(&h)
	default:
		c.setHandler(&h)
		c.lookAgain() // a Chunks gives up
		c.engine().start(c)
		if c.accepted() && c.drained() {
			c.setAlarmLocked() // the end of its youth
		}
	}
	c.wakeLocked()
	return nil
}

// Hijack ends handler style at once, from within a callback: after it returns,
// no callback of the handler begins, not even Closed, and the connection can be
// read and written to while the callback that calls Hijack continues. From then
// on that callback is an ordinary goroutine: a new handler set with SetHandler
// does not wait for it to return. Data that arrived after the callback's data
// is read next; use Unread to put the rest of the callback's data in front of
// it. While no callback is running, Hijack is like SetHandler(Handler{}): Read
// then waits until the connection's engine has left it. Without a handler it
// does nothing. It fails with ErrClosed or the connection's condition if the
// connection has ended, or is closing.
func (c *Conn) Hijack() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !c.life.open():
		return c.endError("hijack")
	case !c.in.engaged():
		return nil
	case !c.in.doing.inCallback():
		c.giveUpHandler()
		c.wakeLocked()
		return nil
	}
	c.unframe()
	if l := c.layer(); l != nil {
		l.keepFed()
	}
	c.in.marks |= markTaken
	return c.engine().abandon(c)
}

// WillBlock announces that the running callback is about to block, or to
// compute for long. Another goroutine then takes over the connections that this
// one serves at once, rather than after some milliseconds. Calling it is never
// necessary; after a while the loop learns which callbacks often block. The
// callback itself must call it.
func (c *Conn) WillBlock() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.engine().aside(c)
}

// call makes a callback of the handler. A panic in it ends the connection. Data
// corked meanwhile is sent. The lock is held; it is released while fn runs.
func (c *Conn) call(fn func(h *Handler)) {
	h, run := c.in.handler, c.in.run
	c.in.doing = calling
	err := c.contained(func() { fn(h) })
	c.called(run, err)
}

// contained calls fn as a callback of the connection's operation. The lock is
// released while fn runs, and held again even if fn does not return.
func (c *Conn) contained(fn func()) error {
	c.mu.Unlock()
	defer c.mu.Lock()
	return c.op.Call(fn, func(error) {})
}

// called ends a callback that the engine with number run has made. The lock is
// held; it is released meanwhile.
func (c *Conn) called(run uint32, err error) {
	if c.in.run == run && c.in.engaged() {
		c.in.doing = reading
	}
	c.readingBegins()
	c.uncork()
	if err != nil {
		c.unlocked(func() { c.endForced(err) })
	}
}

// unlocked calls fn with the connection's lock released.
func (c *Conn) unlocked(fn func()) {
	c.mu.Unlock()
	defer c.mu.Lock() // also if fn does not return: the caller unlocks
	fn()
}

// tell calls Event with a condition, or sends it to the event handler. The lock
// is held; it is released meanwhile.
func (c *Conn) tell(cond error) {
	c.call(func(h *Handler) {
		if h.Event != nil {
			h.Event(c, cond)
		} else {
			c.op.Report(cond)
		}
	})
}

// wake makes the engine look at the connection again.
func (c *Conn) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wakeLocked()
}

// wakeLocked is wake with the lock held.
func (c *Conn) wakeLocked() {
	if c.in.engaged() {
		c.resume()
		c.engine().wake(c)
	}
}
