package tcp

import (
	"net"

	"goaio.example/aio"
)

// lifetime is the stage of a connection's life, and how it ends. The
// connection's lock guards it.
type lifetime struct {
	stage  stage
	ending ending
}

// stage is a stage of a connection's life. The stages come in this order; each
// may be left out.
type stage uint8

const (
	// stageOpening: the TLS handshake, if any, and the handler's Open are still
	// to come.
	stageOpening stage = iota
	// stageOpen: the connection sends and receives.
	stageOpen
	// stageFlushing begins with CloseAfterFlush: the connection accepts no more
	// sends, drops what arrives, and goes to the next stage when everything is
	// sent.
	stageFlushing
	// stageLingering begins when everything is sent: the connection waits for
	// the peer's end, because closing the socket earlier would reset data in
	// transit.
	stageLingering
	// stageParting begins with Close: a TLS peer gets the close_notify alert.
	stageParting
	// stageEnded begins when the transport is closed.
	stageEnded
)

// ending says how a connection ends. It is set with the first stage that leads
// to the end, and may change until stageEnded.
type ending uint8

const (
	// The zero ending: the connection goes on.
	_ ending = iota
	// endingAsked: the program asked for it.
	endingAsked
	// endingDone: the peer ended, or an idle connection drains.
	endingDone
	// endingTold: a condition that the handler is told.
	endingTold
	// endingUntold: a condition in stream style; the next use of the connection
	// returns it.
	endingUntold
	// endingForced: a cancellation, a panic or a runtime.Goexit; the operation
	// reports it.
	endingForced
)

// open reports whether the connection sends and receives, or is about to.
func (l *lifetime) open() bool { return l.stage <= stageOpen }

// ended reports whether the transport is closed.
func (l *lifetime) ended() bool { return l.stage == stageEnded }

// broken reports whether a condition has ended the connection.
func (l *lifetime) broken() bool {
	return l.ended() && (l.ending == endingTold || l.ending == endingUntold)
}

// told reports whether a future that fails because the connection has ended is
// not a lost error: the program has ended the connection, or learns the error
// in another way.
func (l *lifetime) told() bool {
	return l.ended() && l.ending != endingDone && l.ending != endingUntold
}

// opened begins stageOpen. The lock is held.
func (c *Conn) opened() {
	if c.life.stage == stageOpening {
		c.life.stage = stageOpen
	}
}

// endAsked ends a connection because the program asked for it, with a reset if
// that is set. It reports false if the connection had ended.
func (c *Conn) endAsked(reset bool) bool { return c.end(endingAsked, nil, reset) }

// endDone ends a connection that has nothing more to do.
func (c *Conn) endDone() bool { return c.end(endingDone, nil, false) }

// endForced ends a connection with a reset because it was cancelled, or because
// of a panic.
func (c *Conn) endForced(cause error) bool { return c.end(endingForced, cause, true) }

// fail ends a connection with a condition, which its handler is told.
func (c *Conn) fail(cond error, reset bool) bool { return c.end(endingTold, cond, reset) }

// end ends a connection. The first call counts: it closes the transport, with a
// reset if reset is set, and fails what is queued. The engine and the
// goroutines that wait for the transport do the rest. end reports false if the
// connection had ended.
func (c *Conn) end(how ending, cause error, reset bool) bool {
	// the loop is about to cancel this connection too
	if loop := c.op.LoopCause(); how == endingTold && loop != nil {
		how, cause = endingForced, loop
	}
	c.mu.Lock()
	if c.life.ended() {
		c.mu.Unlock()
		return false
	}
	switch {
	// the failure was not reported
	case c.out.side == sideFailed && how != endingForced:
		how, cause = endingTold, c.peek().cause
	// by CloseAfterFlush
	case how == endingDone && c.life.ending == endingAsked:
		how = endingAsked
	}
	if how == endingTold && !c.in.handled() {
		how = endingUntold
	}
	c.life = lifetime{stageEnded, how}
	if cause != nil || c.x.Load() != nil {
		c.extra().cause = cause
	}
	lost := c.dropQueue()
	up := c.endWaits()
	c.mu.Unlock()

	if t, ok := c.transport().under().(interface{ SetLinger(sec int) error }); ok && reset {
		t.SetLinger(0) // fails only on a connection that is gone
	}
	c.transport().Close() // as above
	for _, s := range lost {
		c.rejectSend(s, c.endError("send"))
	}
	if up != nil {
		up.reject(c.endError("tls"), c.life.told())
	}
	c.letGo()
	return true
}

// endWaits wakes those who wait for something that cannot come after the end,
// and returns a handshake that will not be made. The lock is held.
func (c *Conn) endWaits() *upgrade {
	x := c.x.Load()
	if x == nil {
		return nil
	}
	x.reads.deadline.set(noTime)
	x.wdl.set(noTime)
	c.disarmHangUp()
	if x.hangUp.seen = hangUpOver; len(x.hangUp.calls) > 0 {
		c.tellHangUp()
	}
	if x.done != nil {
		close(x.done)
	}
	c.resume()
	up := x.upgrade
	x.upgrade, x.reads.ahead, x.frames.part.buf = nil, nil, nil
	return up
}

// endError returns the error of an operation on a connection that has ended or
// failed, or accepts no more sends. The lock is held, or the connection has
// ended.
func (c *Conn) endError(op string) error {
	if cause := c.peek().cause; cause != nil {
		return c.condition(op, cause)
	}
	return c.condition(op, net.ErrClosed)
}

// condition returns the condition for an error of op. It returns an EOF
// unchanged.
func (c *Conn) condition(op string, err error) *aio.ConnError {
	return aio.NewConnError(op, c.network(), c.addr(), c.transport().fd(), err)
}

// failure returns the error of op after err: the condition that ended the
// connection, if there is one.
func (c *Conn) failure(op string, err error) error {
	if err == nil || err == errEOF {
		return err
	}
	if cause := c.op.LoopCause(); cause != nil {
		c.endForced(cause) // it is about to happen anyway
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.life.open() {
		return c.endError(op)
	}
	return c.condition(op, err)
}

// Err returns the condition that ended the connection or, if there is none, why
// the channel of Chunks was last closed. It is nil if neither has happened, and
// after Close and the peer's EOF.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := c.peek()
	if c.life.ended() && x.cause != nil {
		return x.cause
	}
	return x.reads.chunkErr
}

// Done returns a channel that is closed when the connection is closed.
func (c *Conn) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.doneLocked()
}

// doneLocked is Done with the lock held.
func (c *Conn) doneLocked() <-chan struct{} {
	x := c.extra()
	if x.done == nil {
		x.done = make(chan struct{})
		if c.life.ended() {
			close(x.done)
		}
	}
	return x.done
}

// drained reports whether the connection's loop or server drains.
func (c *Conn) drained() bool {
	return c.opts.server != nil && c.opts.server.draining.Load() || c.op.Draining()
}
