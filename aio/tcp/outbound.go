package tcp

// outbound is the outgoing side of a connection. The connection's lock guards
// it.
type outbound struct {
	side   side
	stream stream
	corked bool // sends are gathered; see Conn.Cork
}

// side is the progress of the outgoing side towards its end.
type side uint8

const (
	// sideOpen accepts sends.
	sideOpen side = iota
	// sideEnding accepts no more sends, and ends when everything is sent.
	sideEnding
	// sideAlerted is sideEnding on TLS, once the close_notify alert is queued
	// after everything else.
	sideAlerted
	// sideEnded has ended, visibly to the peer.
	sideEnded
	// sideFailed has failed. The connection ends with that condition once
	// received data is delivered.
	sideFailed
)

// stream says who owns the transport's outgoing stream. A Write on TLS does not
// own it: its records go through the queue, and it excludes other Writes.
type stream uint8

const (
	streamFree     stream = iota // it has no owner
	streamFlushing               // the engine, or a goroutine, writes the queue
	streamWriting                // a Write has it
	streamRecords                // no owner; a Write on TLS is in progress
	// the queue is being written; a Write on TLS is in progress
	streamRecord
)

// taken reports whether the stream has an owner.
func (s stream) taken() bool { return s != streamFree && s != streamRecords }

// written reports whether a Write is in progress.
func (s stream) written() bool { return s >= streamWriting }

// startFlush starts writing the queue, which is not empty. The stream has no
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

// endFlush undoes startFlush. The lock is held.
func (c *Conn) endFlush() {
	switch c.out.stream {
	case streamFlushing:
		c.out.stream = streamFree
	case streamRecord:
		c.out.stream = streamRecords
	}
	c.streamChanged()
}

// startRecords begins a Write on TLS, while no other Write is in progress. The
// lock is held.
func (c *Conn) startRecords() {
	if c.out.stream == streamFlushing {
		c.out.stream = streamRecord
	} else {
		c.out.stream = streamRecords
	}
}

// endRecords undoes startRecords. The lock is held.
func (c *Conn) endRecords() {
	if c.out.stream == streamRecord {
		c.out.stream = streamFlushing
	} else {
		c.out.stream = streamFree
	}
	c.streamChanged()
}

// streamChanged wakes goroutines that wait for the stream or for an empty
// queue. The lock is held.
func (c *Conn) streamChanged() {
	if x := c.x.Load(); x != nil {
		x.free.Ring()
	}
}

// sendFailed records that sending has failed with a condition. A handler first
// gets received data and then the condition; in stream style the connection
// ends. If the connection is being closed, only the flush ends.
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
