package tcp

// PauseReading has the handler be given nothing more, once a callback that is
// running has returned, until ResumeReading is called: the peer is held up when
// the kernel's buffers are full. So a server bounds what comes in while an
// answer is owed. Meanwhile the read timeout stands still, the peer's end is
// not met, only a hang-up seen (see AfterHangUp), and a loop that drains takes
// the connection for busy. In stream style it has no effect before SetHandler
// is called.
func (c *Conn) PauseReading() { c.mark(markPaused, true) }

// ResumeReading ends what PauseReading began.
func (c *Conn) ResumeReading() { c.mark(markPaused, false) }

// SetBusy sets or clears the mark that the connection is busy. A loop that
// drains ends an accepted connection in handler style when it is idle; one that
// is busy is not: a part of a message has come, say, or the program is about to
// send. It also holds off what DrainReads asks for. The timeouts go on.
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
