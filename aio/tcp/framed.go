package tcp

// framed is a Framing with a callback for its frames. Connections share it.
type framed struct {
	Framing
	frame func(c *Conn, frame []byte) // nil: none
}

// frames is a connection's state of the framed that gets its data. The
// connection's lock guards it.
type frames struct {
	by   *framed   // owner of part
	part framePart // an incomplete frame, while markPart is set
	// data after the frame that the callback is called with; borrowed
	rest []byte
}

// data is the callback Data. It calls frame for each whole frame while the
// connection allows that, and keeps the incomplete next one. It keeps data that
// may not be divided now as read ahead.
func (f *framed) data(c *Conn, data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// the old framed has left it to this one
	if c.in.marks&markPart != 0 && c.peek().frames.by != f {
		data = append(c.takePart(), data...)
	}
	for run := c.in.run; len(data) > 0; {
		if !c.takesFrame(run) {
			c.keepAhead(data)
			return
		}
		frame, n, err := f.next(c, data)
		if err != nil {
			c.frameFailed(err)
			return
		}
		data = data[n:]
		if frame != nil {
			data = c.callFrame(f, run, frame, data)
		}
	}
}

// takesFrame reports whether the callback that the engine with number run is
// making may continue with another frame. The lock is held.
func (c *Conn) takesFrame(run uint32) bool {
	return c.life.open() && c.in.run == run && c.in.handled() && c.in.doing == calling &&
		c.peek().upgrade == nil && c.in.marks&markPaused == 0 && !c.full()
}

// next takes the next frame from data, and returns how many bytes of data that
// are. If the frame is incomplete it returns nil, and keeps data. The lock is
// held.
func (f *framed) next(c *Conn, data []byte) (frame []byte, n int, err error) {
	switch {
	case f.err != nil:
		return nil, 0, f.err
	case c.in.marks&markPart == 0:
		n, err = f.whole(data)
		if n == 0 && err == nil {
			c.keepPart(f, data)
			return nil, len(data), nil
		}
		if err == nil {
			frame, err = f.payload(data[:n])
		}
		return frame, n, err
	}
	n, whole, err := c.extra().frames.part.add(&f.Framing, data)
	if whole && err == nil {
		frame, err = f.payload(c.takePart())
	}
	return frame, n, err
}

// callFrame calls frame. It returns what is left of rest, the data after the
// frame: nothing if it was taken meanwhile. The lock is held; it is released
// during the call.
func (c *Conn) callFrame(f *framed, run uint32, frame, rest []byte) (left []byte) {
	if f.frame == nil {
		return rest
	}
	if len(rest) == 0 { // needs no connExtra
		c.unlocked(func() { f.frame(c, frame) })
		return nil
	}
	fr := &c.extra().frames
	fr.rest = rest
	defer func() { // also if frame does not return
		if c.in.run == run { // otherwise it belongs to another engine
			left, fr.rest = fr.rest, nil
		}
	}()
	c.unlocked(func() { f.frame(c, frame) })
	return nil
}

// keepAhead keeps data that a handler may not be called with now, unless the
// connection has ended or is closing. The lock is held.
func (c *Conn) keepAhead(data []byte) {
	if c.life.open() {
		c.extra().reads.putBack(data)
	}
}

// frameFailed ends the connection with the condition of a frame. The lock is
// held; it is released meanwhile.
func (c *Conn) frameFailed(err error) {
	c.unlocked(func() { c.fail(c.condition("read", err), false) })
}

// keepPart keeps a copy of the first part of a frame. The lock is held.
func (c *Conn) keepPart(f *framed, part []byte) {
	x := c.extra()
	x.frames.by = f
	x.frames.part.append(part, len(part))
	c.in.marks |= markPart
}

// takePart removes and returns what keepPart has kept, nil if there is nothing.
// The lock is held.
func (c *Conn) takePart() []byte {
	if c.in.marks&markPart == 0 {
		return nil
	}
	c.in.marks &^= markPart
	fr := &c.extra().frames
	part := fr.part.buf
	fr.by, fr.part.buf = nil, nil
	return part
}

// endPart handles an incomplete frame at the peer's end: the handler gets a
// last line, or the condition that the frame was cut short. The lock is held;
// it is released meanwhile.
func (c *Conn) endPart() {
	f := c.peek().frames.by
	switch line, err := f.last(c.takePart()); {
	case err != nil:
		c.frameFailed(err)
	case line != nil && f.frame != nil:
		c.call(func(*Handler) { f.frame(c, line) })
	}
}

// unframe keeps what was read for a framed and not passed to its callback as
// read ahead: the next handler or reader gets it. The lock is held.
func (c *Conn) unframe() {
	x := c.x.Load()
	if x == nil {
		return
	}
	x.reads.putBack(x.frames.rest)
	x.frames.rest = nil
	x.reads.putBack(c.takePart())
}
