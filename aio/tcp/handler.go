package tcp

// Handler is the callbacks of a connection. Any may be nil. Those of one
// connection never overlap and come in order; those of different connections
// run concurrently. A callback may block: that holds up its own connection
// only.
type Handler struct {
	// Open is called first, when the connection was accepted or dialed; with
	// TLS, after the handshake.
	Open func(c *Conn)
	// Data is called with what has arrived. data is valid during the call only;
	// it may be up to 68 KiB, what a TLS record carries, or what was put back
	// with Unread.
	Data func(c *Conn, data []byte)
	// Event is called with each condition, once: the peer's EOF, which is
	// information (see aio.IsInfo), or the error that ended the connection: an
	// *aio.ConnError. c is nil for a dial that failed. Without Event,
	// conditions go to the event handler of the ctx that the connection was
	// made with. Ends that were asked for (Close, an exiting loop) are no
	// events.
	Event func(c *Conn, err error)
	// Closed is called last, once, when the connection is closed: with nil
	// after Close and after the peer's EOF, else with what ended the
	// connection: the condition, the cause of being cancelled, a
	// *aio.PanicError or aio.ErrGoexit.
	Closed func(c *Conn, err error)
	// HalfOpen keeps the connection open after the peer's EOF, until it is
	// closed from this side, or the peer resets it. Without it what was sent so
	// far is flushed after EOF, and the connection closed. CloseWrite after EOF
	// closes it too.
	HalfOpen bool
}

// isZero reports whether the handler has no callbacks: it stands for none.
func (h *Handler) isZero() bool {
	return h.Open == nil && h.Data == nil && h.Event == nil && h.Closed == nil && !h.HalfOpen
}

// SetHandler gives what arrives from now on to h; a Read that waits fails. h is
// also given what was read and not delivered, and told of the peer's end if
// that has been met. If the connection had a handler, h replaces it, from the
// next callback on. Open is called only if it has not been yet, as on a
// connection of Dialer.Send. The zero Handler gives the current one up, without
// any further callback, so that Read can be used: Read waits until a callback
// that is running has returned, so the callback itself must not Read: see
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

// Hijack ends handler style at once, from within a callback: no callback of the
// handler begins after it has returned, not Closed either, and the connection
// can be read and written to while the callback that calls Hijack goes on. From
// then on that callback is a goroutine like any other: a handler that is set
// with SetHandler does not wait for it to return. What has arrived behind the
// data that the callback was given is read next; put what is left of the data
// itself in front of it with Unread. While no callback is running, Hijack is as
// SetHandler(Handler{}): Read then waits until the connection's engine has left
// it. Without a handler it does nothing. It fails with ErrClosed or the
// connection's condition if the connection has ended, or is closing.
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

// WillBlock says that the callback that is running is about to block, or to
// compute for long. The connections that the same goroutine serves are then
// served by another one from now on, rather than after some milliseconds. It is
// never necessary; a callback that often blocks is known to after a while. It
// must be called by the callback itself.
func (c *Conn) WillBlock() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.engine().aside(c)
}

// call makes a callback of the handler, contained: a panic ends the connection.
// What was corked meanwhile is sent. The lock is held, but not while fn runs.
func (c *Conn) call(fn func(h *Handler)) {
	h, run := c.in.handler, c.in.run
	c.in.doing = calling
	err := c.contained(func() { fn(h) })
	c.called(run, err)
}

// contained calls fn as a callback of the connection's operation. The lock is
// held, but not while fn runs, and again if fn does not return.
func (c *Conn) contained(fn func()) error {
	c.mu.Unlock()
	defer c.mu.Lock()
	return c.op.Call(fn, func(error) {})
}

// called ends a callback that the run-th engine has made. The lock is held, but
// not all the while.
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

// unlocked calls fn with the connection's lock let go.
func (c *Conn) unlocked(fn func()) {
	c.mu.Unlock()
	defer c.mu.Lock() // also when fn does not return: the caller unlocks
	fn()
}

// tell calls Event with a condition, or sends it to the event handler. The lock
// is held, but not meanwhile.
func (c *Conn) tell(cond error) {
	c.call(func(h *Handler) {
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

// wakeLocked is wake with the lock held.
func (c *Conn) wakeLocked() {
	if c.in.engaged() {
		c.resume()
		c.engine().wake(c)
	}
}
