package tcp

// PauseReading stops calling the handler with data, once a running callback has
// returned, until ResumeReading is called: the peer is held up when the
// kernel's buffers are full. With it a server bounds incoming data while a
// response is outstanding. Meanwhile the read timeout stands still, the peer's
// end is not reached, though a hang-up is seen (see AfterHangUp), and a
// draining loop considers the connection busy. In stream style it has no effect
// before SetHandler is called.
func (c *Conn) PauseReading() { c.mark(markPaused, true) }

// ResumeReading undoes PauseReading.
func (c *Conn) ResumeReading() { c.mark(markPaused, false) }

// SetBusy sets or clears the mark that the connection is busy. A draining loop
// ends an accepted connection in handler style when it is idle; a busy one is
// not idle: for example, part of a message has arrived, or the program is about
// to send. It also delays the effect of DrainReads. Timeouts still apply.
func (c *Conn) SetBusy(busy bool) { c.mark(markBusy, busy) }

// mark sets or clears a mark.
func (c *Conn) mark(m marks, set bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.in.marks
	if set {
		c.in.marks |= m
	} else {
		c.in.marks &^= m
	}
	if c.in.marks == old {
		return
	}
	if !set {
		if m == markPaused {
			c.readingBegins()
		}
		c.wakeLocked()
	}
	c.drainsChanged()
}
