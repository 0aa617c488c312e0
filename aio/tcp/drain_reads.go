package tcp

import "goaio.example/aio"

// DrainReads sets whether Read stops waiting once the loop drains, or once
// Shutdown of the connection's server is called. Available data is still read.
// A Read that waits, or would wait, then fails with an *aio.ConnError that is
// an aio.ErrExit. So all code that reads from the connection ends: Lines and
// the like, io.Copy, WriteTo, and Chunks, whose channel is closed. Writing
// continues, and deadlines still apply: a Read whose deadline has passed fails
// with that.
//
// Lines, Delimited and LengthPrefixed read an incomplete frame to its end
// first, if they were given the connection itself and not a bufio.Reader of it.
// SetBusy has the same effect, for example while a message is incomplete: Read
// then waits. An accepted connection on which nothing has arrived yet has a
// second, as in handler style. With a Handler, DrainReads has no effect until
// the handler is removed. On a connection that has ended it does nothing.
// Server.DrainReads sets it for all connections of a server.
func (c *Conn) DrainReads(on bool) { c.mark(markDrains, on) }

// readsDrain reports whether a Read must not wait. The lock is held.
func (c *Conn) readsDrain() bool {
	return c.in.marks&(markDrains|markBusy|markFrame) == markDrains && c.drained() && !c.young()
}

// young reports whether the peer of an accepted connection may be about to send
// its first data: nothing has arrived yet, and less than a second has passed.
func (c *Conn) young() bool {
	return c.accepted() && c.bytesIn.Load() == 0 && c.op.Age() < youngConn
}

// drainsChanged makes waiting Reads end, or wait again, when readsDrain may
// have changed. The lock is held.
func (c *Conn) drainsChanged() {
	if c.drained() {
		// fails only on a closed connection, on which Read fails too
		c.boundReads()
	}
}

// drainsLater makes a waiting Read end when the connection is no longer young.
// The lock is held.
func (c *Conn) drainsLater() {
	if c.in.marks&markDrains != 0 && c.young() && c.drained() {
		c.setAlarmLocked()
	}
}

// drainWoke reports whether a Read that ended on a deadline other than its own
// must start again.
func (c *Conn) drainWoke() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &c.extra().reads
	return r.drained && r.cuts == 0 && !r.deadline.passed()
}

// readNow reads available data ahead, for a Read that must not wait. It returns
// the error for that Read. If there is neither data nor an error, the caller
// looks at the connection's state again. The lock is held; it is released
// meanwhile.
func (c *Conn) readNow() error {
	x := c.extra()
	r := &x.reads
	if r.waiting > 0 { // they end at once, and then the transport may be read
		// fails only on a closed connection, on which they fail too
		c.boundReads()
		x.left.Wait(&c.mu)
		return nil
	}
	r.looking = true
	r.underWay++
	var dry bool
	var err error
	c.unlocked(func() {
		// fails only on a closed connection, on which reading fails too
		c.transport().SetReadDeadline(noTime)
		dry, err = c.source().poll(c.gatherAhead)
		err = c.endRead(err)
	})
	r.looking = false
	c.readMet(err)
	c.boundReads() // as above
	c.readerLeaves()
	c.lookAgain()
	switch {
	case len(r.ahead) > 0: // an error will occur again after it
		return nil
	case isEOF(err):
		return errEOF
	case err != nil && !isWake(err):
		c.unlocked(func() { err = c.failure("read", err) })
		return err
	case dry && c.readsDrain():
		return c.condition("read", aio.ErrExit)
	}
	return nil
}

// gatherAhead keeps what is read for a Read that must not wait.
func (c *Conn) gatherAhead(data []byte) bool {
	c.received(len(data))
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &c.extra().reads
	r.ahead = append(r.ahead, data...)
	return true
}

// isDrained reports whether err is the error of a Read that must not wait.
func isDrained(err error) bool {
	e, ok := err.(*aio.ConnError)
	return ok && e.Err == aio.ErrExit
}
