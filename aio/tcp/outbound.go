package tcp

// outbound is what goes out on a connection. The connection's lock guards it.
type outbound struct {
	side   side
	stream stream
	corked bool // sends are gathered; see Conn.Cork
}

// side is how far the outgoing side's end has come.
type side uint8

const (
	// sideOpen takes what is sent.
	sideOpen side = iota
	// sideEnding takes no more, and ends when everything is sent.
	sideEnding
	// sideAlerted is sideEnding on TLS, once the close_notify alert is queued
	// behind everything.
	sideAlerted
	// sideEnded has ended, as the peer sees.
	sideEnded
	// sideFailed has failed. The connection ends with that condition once what
	// has come is delivered.
	sideFailed
)

// stream is who owns the transport's outgoing stream. A Write on TLS does not
// own it: its records go through the queue, and it keeps other Writes out.
type stream uint8

const (
	streamFree     stream = iota // it has no owner
	streamFlushing               // the engine, or a goroutine, writes the queue
	streamWriting                // a Write has it
	streamRecords                // it has no owner; a Write on TLS is under way
	streamRecord                 // the queue is written; a Write on TLS is under way
)

// taken reports whether the stream has an owner.
func (s stream) taken() bool { return s != streamFree && s != streamRecords }

// written reports whether a Write is under way.
func (s stream) written() bool { return s >= streamWriting }

// startFlush has the queue written, which is not empty. The stream has no
// owner. The lock is held.
func (c *Conn) startFlush() {
	if c.out.stream == streamRecords {
		c.out.stream = streamRecord
	} else {
		c.out.stream = streamFlushing
	}
	c.writingBegins()
	c.engine().flush(c)
}

// endFlush ends what startFlush began. The lock is held.
func (c *Conn) endFlush() {
	switch c.out.stream {
	case streamFlushing:
		c.out.stream = streamFree
	case streamRecord:
		c.out.stream = streamRecords
	}
	c.streamChanged()
}

// startRecords begins a Write on TLS, while no other Write is under way. The
// lock is held.
func (c *Conn) startRecords() {
	if c.out.stream == streamFlushing {
		c.out.stream = streamRecord
	} else {
		c.out.stream = streamRecords
	}
}

// endRecords ends what startRecords began. The lock is held.
func (c *Conn) endRecords() {
	if c.out.stream == streamRecord {
		c.out.stream = streamFlushing
	} else {
		c.out.stream = streamFree
	}
	c.streamChanged()
}

// streamChanged wakes those who wait for the stream or for an empty queue. The
// lock is held.
func (c *Conn) streamChanged() {
	if x := c.x.Load(); x != nil {
		x.free.Ring()
	}
}

// sendFailed notes that sending has failed with a condition. A handler is given
// what has come before it is told; in stream style the connection ends. The
// failure of a connection that is being closed ends the flush only: Close ends
// the connection.
func (c *Conn) sendFailed(cond error) {
	c.mu.Lock()
	if c.life.stage == stageParting {
		c.endFlush()
		c.mu.Unlock()
		return
	}
	if !c.life.open() || !c.in.handled() {
		c.mu.Unlock()
		c.fail(cond, false)
		return
	}
	if c.out.side == sideFailed {
		c.mu.Unlock()
		return
	}
	c.out.side = sideFailed
	c.extra().cause = cond
	lost := c.dropQueue()
	c.mu.Unlock()
	for _, s := range lost {
		c.rejectSend(s, cond)
	}
	c.wake()
}
