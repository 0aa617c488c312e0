package tcp

// inbound is the incoming side of a connection: its receiver, and whether more
// may arrive. The connection's lock guards it.
type inbound struct {
	handler *Handler // nil in stream style
	// number of engines that have served the connection, one after the other
	run   uint32
	style style
	doing doing
	peer  peerSide
	marks marks
}

// style says how incoming data is received.
type style uint8

const (
	// streamStyle: callers of Read receive it. There is no engine.
	streamStyle style = iota
	// handlerStyle: the handler receives it, for which an engine reads.
	handlerStyle
	// leavingStyle: the handler was removed, and Read waits until its engine
	// has left.
	leavingStyle
)

// doing says what the engine of handlerStyle and leavingStyle does.
type doing uint8

const (
	reading doing = iota // it reads, or waits for data
	calling              // it makes a callback
	// it makes a callback of a handler that was replaced meanwhile
	outdated
	resting // it does not read until resume
)

// peerSide says whether the peer has ended its sending side.
type peerSide uint8

const (
	// peerOpen: more may arrive.
	peerOpen peerSide = iota
	// peerEnded: the end was reached, and the handler, now or later, was not
	// told.
	peerEnded
	// peerTold: the end was reached, and the handler was told.
	peerTold
)

// inCallback reports whether the engine makes a callback.
func (d doing) inCallback() bool { return d == calling || d == outdated }

// marks are the program's marks on a connection, and those of frames.
type marks uint8

const (
	markBusy   marks = 1 << iota // see Conn.SetBusy
	markPaused                   // see Conn.PauseReading
	markDrains                   // see Conn.DrainReads
	markPart                     // a frame is incomplete; see Framing.Handler
	markFrame                    // Lines and the like read within a frame
	markTaken                    // a callback has hijacked the connection

	// marksWork are the marks of a connection that is not idle.
	marksWork = markBusy | markPaused | markPart
)

// handled reports whether there is a handler that was not removed.
func (in *inbound) handled() bool { return in.style == handlerStyle }

// engaged reports whether an engine serves the connection.
func (in *inbound) engaged() bool { return in.style != streamStyle }

// setHandler makes h the connection's handler. An engine serves the connection
// from then on. The lock is held.
func (c *Conn) setHandler(h *Handler) {
	c.in.handler, c.in.style, c.in.doing = h, handlerStyle, reading
	c.in.run++
	if c.in.peer == peerTold { // another handler was
		c.in.peer = peerEnded
	}
	c.op.CountCallbacks(1)
	c.readingBegins()
}

// replaceHandler makes h the handler of a connection that has one, even a
// removed one. The lock is held.
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

// giveUpHandler makes the engine leave, if there is one. The lock is held.
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

// lookAgain wakes goroutines that wait for a handler to leave. The lock is
// held.
func (c *Conn) lookAgain() {
	if x := c.x.Load(); x != nil {
		x.left.Ring()
	}
}

// rest makes the engine rest until resume. The lock is held.
func (c *Conn) rest() duty {
	c.in.doing = resting
	return dueRest
}

// resume makes a resting engine continue. The lock is held.
func (c *Conn) resume() {
	if c.in.doing == resting {
		c.in.doing = reading
		c.engine().resume(c)
		c.readingBegins()
	}
}
