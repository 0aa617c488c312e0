package tcp

import "goaio.example/aio"

// DrainReads sets whether Read stops waiting once the loop drains, or the
// connection's server does by Shutdown. What can be read at once is still read.
// A Read that waits, and one that would wait, then fails with an *aio.ConnError
// that is an aio.ErrExit. So whatever reads the connection comes to its end by
// itself: Lines and the like, io.Copy, WriteTo, and Chunks, whose channel is
// closed. Writing goes on, and so do the deadlines: a Read whose deadline has
// passed fails with that.
//
// Lines, Delimited and LengthPrefixed read a frame that has come in part to its
// end before, if the connection itself was given to them and no bufio.Reader of
// it. SetBusy likewise holds it off while a message has come in part, say: Read
// waits then. An accepted connection from which nothing has come yet has a
// second, as one in handler style has. With a Handler, DrainReads has no effect
// before the handler is given up. On a connection that has ended it does
// nothing. Server.DrainReads sets it for all connections of a server.
func (c *Conn) DrainReads(on bool) { c.mark(markDrains, on) }

// readsDrain reports whether a Read is not to wait. The lock is held.
func (c *Conn) readsDrain() bool {
	return c.in.marks&(markDrains|markBusy|markFrame) == markDrains && c.drained() && !c.young()
}

// young reports whether the peer of an accepted connection is about to say
// something: nothing has come yet, and it had less than a second for that.
func (c *Conn) young() bool {
	return c.accepted() && c.bytesIn.Load() == 0 && c.op.Age() < youngConn
}

// drainsChanged has Reads that wait end, or wait again, when readsDrain may
// have changed. The lock is held.
func (c *Conn) drainsChanged() {
	if c.drained() {
		c.boundReads() // fails only on a closed connection, as Read will
	}
}

// drainsLater has a Read that waits end when the connection stops being young.
// The lock is held.
func (c *Conn) drainsLater() {
	if c.in.marks&markDrains != 0 && c.young() && c.drained() {
		c.setAlarmLocked()
	}
}

// drainWoke reports whether a Read that has ended on a deadline, which was not
// its own, is to begin anew.
func (c *Conn) drainWoke() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &c.extra().reads
	return r.drained && r.cuts == 0 && !r.deadline.passed()
}

// readNow reads ahead what is there, for a Read that is not to wait. The error
// is that Read's. It may return without either: then the connection's state is
// to be looked at again. The lock is held, but not all the while.
func (c *Conn) readNow() error {
	x := c.extra()
	r := &x.reads
	if r.waiting > 0 { // they end at once, and then the transport may be read
		c.boundReads() // fails only on a closed connection, as they will
		x.left.Wait(&c.mu)
		return nil
	}
	r.looking = true
	r.underWay++
	var dry bool
	var err error
	c.unlocked(func() {
		c.transport().SetReadDeadline(noTime) // fails only on a closed connection, as reading will
		dry, err = c.source().poll(c.gatherAhead)
		err = c.endRead(err)
	})
	r.looking = false
	c.readMet(err)
	c.boundReads() // likewise
	c.readerLeaves()
	c.lookAgain()
	switch {
	case len(r.ahead) > 0: // an error is met again behind it
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

// gatherAhead keeps what is read for a Read that is not to wait.
func (c *Conn) gatherAhead(data []byte) bool {
	c.received(len(data))
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &c.extra().reads
	r.ahead = append(r.ahead, data...)
	return true
}

// isDrained reports whether err is what a Read returns that was not to wait.
func isDrained(err error) bool {
	e, ok := err.(*aio.ConnError)
	return ok && e.Err == aio.ErrExit
}
