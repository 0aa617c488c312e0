package tcp

import (
	"context"
	"io"
	"net"
	"time"
)

// lingerTime is how long a connection that has sent everything waits for its
// peer's end.
const lingerTime = 5 * time.Second

// Close closes the connection at once. Data that the kernel has accepted is
// still sent, unless the peer has sent something that was not read: the system
// then resets the connection. Data queued by Send beyond that is dropped, and
// its futures fail with ErrClosed. A TLS peer sees a clean end if nothing is
// dropped and the system accepts the close_notify at once. Where only a
// blocking write can send it (on Windows, and over a net.Conn that is not a
// socket), Close waits for that write, for 10 ms at most. CloseAfterFlush loses
// nothing. Close fails with ErrClosed if the connection is closed already.
func (c *Conn) Close() error { return c.userClose("close", false) }

// Abort closes the connection at once with a reset: the peer sees ErrReset, and
// data in transit is dropped. A unix socket has no reset; there Abort is a
// Close. It fails with ErrClosed if the connection is closed already.
func (c *Conn) Abort() error { return c.userClose("abort", true) }

// userClose implements Close and Abort.
func (c *Conn) userClose(op string, reset bool) error {
	if !reset {
		c.Uncork()
		c.farewell()
	}
	if !c.endAsked(reset) {
		return c.condition(op, net.ErrClosed)
	}
	return nil
}

// finish closes a connection that has nothing more to do.
func (c *Conn) finish() {
	c.farewell()
	c.endDone()
}

// CloseAfterFlush closes the connection when everything sent so far has been
// handed to the kernel, and the peer has ended too or 5 s have passed, so that
// a reset does not drop data in transit. It returns at once. From then on sends
// and reads fail with ErrClosed, and arriving data is dropped. It fails with
// ErrClosed if the connection is closed, or closing, already.
func (c *Conn) CloseAfterFlush() error { return c.closeAfterFlush(endingAsked) }

// closeAfterFlush is CloseAfterFlush; how says how the connection then ends.
func (c *Conn) closeAfterFlush(how ending) error {
	c.mu.Lock()
	if !c.life.open() {
		c.mu.Unlock()
		return c.condition("close", net.ErrClosed)
	}
	c.life = lifetime{stageFlushing, how}
	failed := c.out.side == sideFailed
	c.pushLast()
	c.lookAgain() // for a Read that waits for a handler to leave
	if c.in.engaged() {
		c.wakeLocked() // further data is dropped
	} else {
		c.run(c.discard)
	}
	c.mu.Unlock()
	if failed {
		c.endDone()
	} else {
		c.flushed()
	}
	return nil
}

// CloseWrite ends the outgoing side once everything sent so far has been handed
// to the kernel: the peer reads EOF. It returns at once. Sends fail with
// ErrClosed from now on; reading goes on. It fails with ErrClosed if the
// outgoing side has ended already.
func (c *Conn) CloseWrite() error {
	c.mu.Lock()
	if !c.life.open() || c.out.side != sideOpen {
		c.mu.Unlock()
		return c.condition("close", net.ErrClosed)
	}
	c.out.side = sideEnding
	c.pushLast()
	c.mu.Unlock()
	c.flushed()
	return nil
}

// Flush waits until everything sent so far has been handed to the kernel. It
// fails with the connection's condition, or with an *aio.AwaitError if ctx ends
// first.
func (c *Conn) Flush(ctx context.Context) error {
	_, err := c.flushOp().Await(ctx)
	return err
}

// flushed continues with what waits for an empty queue, if the queue is empty:
// the end of the outgoing side, and that of the connection.
func (c *Conn) flushed() {
	c.mu.Lock()
	if !c.alertPeer() {
		c.mu.Unlock()
		return
	}
	closing := c.life.stage == stageFlushing
	shut := c.out.side == sideEnding || c.out.side == sideAlerted || closing && c.out.side == sideOpen
	if shut {
		c.out.side = sideEnded
	}
	if closing {
		c.life.stage = stageLingering
		c.extra().linger = time.Now().Add(lingerTime)
	}
	handled := c.in.engaged()
	ended := c.in.peer != peerOpen && closing || c.in.peer == peerTold && shut && handled
	over := ended || closing && !c.canShut()
	wake := closing || c.in.doing == resting || c.drained()
	c.mu.Unlock()
	switch {
	case over:
		c.finish()
		return
	case shut && c.canShut():
		// fails only if the connection is gone, which reading finds out
		c.transport().under().(closeWriter).CloseWrite()
	}
	if closing {
		c.setAlarm()
	}
	if wake {
		c.wake()
	}
}

// alertPeer tells a TLS peer that no more data will come, if that is due. It
// reports whether everything is sent, so that what waits for that may continue.
// The lock is held; it is released meanwhile.
func (c *Conn) alertPeer() bool {
	sent := func() bool {
		return c.queued() == 0 && c.out.stream == streamFree && c.life.stage < stageParting && c.out.side != sideFailed
	}
	l := c.layer()
	ends := c.life.stage == stageFlushing && c.out.side == sideOpen || c.out.side == sideEnding
	if l == nil || !ends || !sent() {
		return sent()
	}
	c.unlocked(func() { c.alert(l) }) // goes through the queue
	return sent()
}

// alert tells a TLS peer, through the queue and once, that no more data will
// come. It returns when the alert is queued.
func (c *Conn) alert(l *tlsLayer) {
	l.wmu.Lock() // after a send that is being encrypted
	defer l.wmu.Unlock()
	c.mu.Lock()
	alerted := c.out.side >= sideAlerted
	c.mu.Unlock()
	if alerted {
		return
	}
	l.CloseWrite() // fails only if the connection is gone
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out.side < sideAlerted {
		c.out.side = sideAlerted
	}
}

// farewell gives the peer of a TLS connection that is about to be closed a
// clean end, if closing loses nothing and the alert can be sent without
// waiting, or within partingTime where only a blocking write can send it.
func (c *Conn) farewell() {
	l := c.layer()
	if l == nil {
		return
	}
	c.mu.Lock()
	c.out.corked = false // the alert must not be gathered
	clean := !c.life.ended() && c.queued() == 0 && !c.out.stream.written()
	if !c.life.ended() {
		c.life.stage = stageParting
	}
	c.mu.Unlock()
	if !clean {
		return
	}
	c.alert(l)
	if t, ok := c.transport().(interface{ tries() bool }); ok && !t.tries() {
		c.awaitAlert()
	}
}

// partingTime is how long Close waits for a transport to take the alert that
// cannot tell at once whether it does.
const partingTime = 10 * time.Millisecond

// awaitAlert waits until the alert that is queued has been written, or that has
// failed, for partingTime at most.
func (c *Conn) awaitAlert() {
	late := time.NewTimer(partingTime)
	defer late.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.out.stream.taken() && !c.life.ended() {
		free, done := c.extra().free.C(), c.doneLocked()
		over := false
		c.unlocked(func() {
			select {
			case <-free:
			case <-done:
			case <-late.C:
				over = true
			}
		})
		if over {
			return
		}
	}
}

// closeWriter is a transport whose outgoing side can end separately.
type closeWriter interface{ CloseWrite() error }

func (c *Conn) canShut() bool {
	_, ok := c.transport().under().(closeWriter)
	return ok
}

// discard drops what arrives on a closing connection without a handler, until
// the peer's end. The peer's end ends the connection, once everything is sent.
// So does the linger time.
func (c *Conn) discard() {
	// fails only on a closed connection, on which reading fails too
	c.transport().SetReadDeadline(noTime)
	io.Copy(io.Discard, readerOnly{c.transport()})
	c.mu.Lock()
	c.peerEnds()
	over := c.life.stage >= stageLingering
	c.mu.Unlock()
	if over {
		c.endDone()
	}
}
