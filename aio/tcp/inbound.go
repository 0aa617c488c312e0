package tcp

// inbound is what comes in on a connection: who gets it, and whether more may
// come. The connection's lock guards it.
type inbound struct {
	handler *Handler // nil in stream style
	run     uint32   // counts engines that have served the connection, one after the other
	style   style
	doing   doing
	peer    peerSide
	marks   marks
}

// style is who gets what comes in.
type style uint8

const (
	// streamStyle gives it to callers of Read. There is no engine.
	streamStyle style = iota
	// handlerStyle gives it to the handler, for which an engine reads.
	handlerStyle
	// leavingStyle is that of a handler that was given up: Read waits until its
	// engine has left.
	leavingStyle
)

// doing is what the engine of handlerStyle and leavingStyle does.
type doing uint8

const (
	reading  doing = iota // it reads, or waits for something to read
	calling               // it makes a callback
	outdated              // it makes a callback of a handler that was replaced meanwhile
	resting               // it does not read until resume
)

// peerSide is whether the peer has ended its sending side.
type peerSide uint8

const (
	// peerOpen: more may come.
	peerOpen peerSide = iota
	// peerEnded: the end was met, and the handler, if there is one, or comes
	// later, was not told of it.
	peerEnded
	// peerTold: the end was met, and the handler told of it.
	peerTold
)

// inCallback reports whether the engine makes a callback.
func (d doing) inCallback() bool { return d == calling || d == outdated }

// marks are the program's marks on a connection, and that of a frame.
type marks uint8

const (
	markBusy   marks = 1 << iota // see Conn.SetBusy
	markPaused                   // see Conn.PauseReading
	markDrains                   // see Conn.DrainReads
	markPart                     // a frame has come in part; see Framing.Handler
	markFrame                    // Lines and the like read within a frame
	markTaken                    // a callback has hijacked the connection

	// marksWork are those of a connection that is not idle.
	marksWork = markBusy | markPaused | markPart
)

// handled reports whether there is a handler that was not given up.
func (in *inbound) handled() bool { return in.style == handlerStyle }

// engaged reports whether an engine serves the connection.
func (in *inbound) engaged() bool { return in.style != streamStyle }

// setHandler makes h the connection's handler, from which on an engine serves
// the connection. The lock is held.
func (c *Conn) setHandler(h *Handler) {
	c.in.handler, c.in.style, c.in.doing = h, handlerStyle, reading
	c.in.run++
	if c.in.peer == peerTold { // another handler was
		c.in.peer = peerEnded
	}
	c.op.CountCallbacks(1)
	c.readingBegins()
}

// replaceHandler makes h the handler of a connection that has one, given up or
// not. The lock is held.
func (c *Conn) replaceHandler(h *Handler) {
	c.in.handler, c.in.style = h, handlerStyle
	if c.in.doing == calling {
		c.in.doing = outdated
	}
	c.unframe()
	if c.in.peer == peerTold {
		c.in.peer = peerEnded
	}
	c.lookAgain()
}

// giveUpHandler has the engine leave, if there is one. The lock is held.
func (c *Conn) giveUpHandler() {
	if c.in.engaged() {
		c.in.style = leavingStyle
		c.unframe()
	}
}

// dropHandler begins stream style. The lock is held.
func (c *Conn) dropHandler() {
	c.in.handler, c.in.style, c.in.doing = nil, streamStyle, reading
	c.opened()
	c.op.CountCallbacks(-1)
	c.lookAgain()
	c.upgradeInStream()
}

// lookAgain wakes those who wait for a handler to leave. The lock is held.
func (c *Conn) lookAgain() {
	if x := c.x.Load(); x != nil {
		x.left.Ring()
	}
}

// rest has the engine rest until resume. The lock is held.
func (c *Conn) rest() duty {
	c.in.doing = resting
	return dueRest
}

// resume has an engine that rests go on. The lock is held.
func (c *Conn) resume() {
	if c.in.doing == resting {
		c.in.doing = reading
		c.engine().resume(c)
		c.readingBegins()
	}
}
