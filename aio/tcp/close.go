package tcp

import (
	"context"
	"errors"
	"io"
	"net"
	"time"
)

// errByUser is the cond of a connection that was closed by Close, CloseAfterFlush or Abort, or cleanly after the peer's
// EOF: nobody needs to be told.
var errByUser = errors.New("tcp: closed")

// lingerTime is how long a connection that has said all it has to say waits for its peer's end.
const lingerTime = 5 * time.Second

// Close closes the connection at once. What the kernel has taken is still sent, unless the peer has sent something that
// nobody has read: the system then resets the connection. What Send has queued beyond that is dropped, and its futures
// fail with ErrClosed. A TLS peer sees a clean end if nothing is dropped, and the system takes the close_notify at once.
// CloseAfterFlush loses nothing. Close fails with ErrClosed if the connection is closed already.
func (c *Conn) Close() error { return c.userClose("close", false) }

// Abort closes the connection at once with a reset: the peer sees ErrReset, and what is under way is dropped. A unix
// socket knows no reset: there Abort is a Close. It fails with ErrClosed if the connection is closed already.
func (c *Conn) Abort() error { return c.userClose("abort", true) }

func (c *Conn) userClose(op string, reset bool) error {
	if !reset {
		c.farewell()
	}
	if !c.end(errByUser, reset) {
		return c.condition(op, net.ErrClosed)
	}
	return nil
}

// finish closes the connection from within.
func (c *Conn) finish() {
	c.farewell()
	c.end(errByUser, false)
}

// CloseAfterFlush closes the connection when everything sent so far has been handed to the kernel, and the peer has
// ended too or 5 s have passed: so that what is under way is not lost by a reset. It returns at once. From now on sends
// fail with ErrClosed, and what arrives is dropped. It fails with ErrClosed if the connection is closed, or closing,
// already.
func (c *Conn) CloseAfterFlush() error {
	c.mu.Lock()
	if c.state != connOpen {
		c.mu.Unlock()
		return c.condition("close", net.ErrClosed)
	}
	c.state = connFlushing
	c.mu.Unlock()
	c.flushed()
	return nil
}

// CloseWrite ends the outgoing side once everything sent so far has been handed to the kernel: the peer reads EOF. It
// returns at once. Sends fail with ErrClosed from now on; reading goes on. It fails with ErrClosed if the outgoing side
// has ended already.
func (c *Conn) CloseWrite() error {
	c.mu.Lock()
	if c.state != connOpen || c.shut != shutNot {
		c.mu.Unlock()
		return c.condition("close", net.ErrClosed)
	}
	c.shut = shutAsked
	c.mu.Unlock()
	c.flushed()
	return nil
}

// Flush waits until everything sent so far has been handed to the kernel. It fails with the connection's condition, or
// with an *aio.AwaitError when ctx ends first.
func (c *Conn) Flush(ctx context.Context) error {
	_, err := c.flushOp().Await(ctx)
	return err
}

// flushed goes on with what waits for the queue to be empty, if it is empty.
func (c *Conn) flushed() {
	c.mu.Lock()
	for {
		if c.queued() > 0 || c.busy || c.writing || c.state == connClosed {
			c.mu.Unlock()
			return
		}
		l := c.layer()
		if l == nil || c.alerted || c.state != connFlushing && c.shut != shutAsked {
			break
		}
		c.mu.Unlock()
		c.alert(l) // goes through the queue
		c.mu.Lock()
	}
	closing := c.state == connFlushing
	shut := c.shut == shutAsked || closing && c.shut == shutNot
	if shut {
		c.shut = shutDone
	}
	if closing {
		c.state = connLinger
		c.extra().linger = time.Now().Add(lingerTime)
	}
	handled := c.handler != nil
	over := c.eof && (closing || shut && handled) || closing && !c.canShut()
	wake := c.resting
	c.mu.Unlock()
	switch {
	case over:
		c.finish()
		return
	case shut && c.canShut():
		c.transport().under().(closeWriter).CloseWrite() // fails only on a connection that is gone, which reading finds out
	}
	if closing {
		c.setAlarm()
		if !handled {
			c.run(c.discard)
		}
	}
	if closing || wake || c.drained() {
		c.wake()
	}
}

// alert tells a TLS peer, through the queue and once, that no more will come. It returns when that is in the queue.
func (c *Conn) alert(l *tlsLayer) {
	l.wmu.Lock() // behind a send that is being encrypted
	defer l.wmu.Unlock()
	c.mu.Lock()
	alerted := c.alerted
	c.mu.Unlock()
	if alerted {
		return
	}
	l.CloseWrite() // fails only if the connection is gone
	c.mu.Lock()
	c.alerted = true
	c.mu.Unlock()
}

// farewell has the peer of a TLS connection that is about to be closed see a clean end, if nothing is lost by closing it
// and the alert can be sent without waiting.
func (c *Conn) farewell() {
	l := c.layer()
	if l == nil {
		return
	}
	c.mu.Lock()
	clean := c.state != connClosed && c.queued() == 0 && !c.writing
	c.parting = true
	c.mu.Unlock()
	if clean {
		c.alert(l)
	}
}

// closeWriter is a transport whose outgoing side can end alone.
type closeWriter interface{ CloseWrite() error }

func (c *Conn) canShut() bool {
	_, ok := c.transport().under().(closeWriter)
	return ok
}

// discard drops what arrives on a closing connection without a handler, until the peer's end. The linger time ends it too.
func (c *Conn) discard() {
	c.transport().SetReadDeadline(time.Time{}) // fails only on a closed connection, as reading will
	io.Copy(io.Discard, readerOnly{c.transport()})
	c.end(errByUser, false)
}

// readerOnly hides what io.Copy would rather use.
type readerOnly struct{ io.Reader }

// fail ends the connection with a condition, of which the handler is told. See end.
func (c *Conn) fail(cond error, reset bool) bool { return c.endWith(cond, reset, true) }

// end ends the connection because that was asked for, or by a panic. The first end counts: it closes the transport, with
// a reset if need be, and fails what is queued. The goroutines that wait for the transport do the rest. It reports false
// if the connection had ended.
func (c *Conn) end(cond error, reset bool) bool { return c.endWith(cond, reset, false) }

func (c *Conn) endWith(cond error, reset, event bool) bool {
	if cause := c.op.LoopCause(); event && cause != nil { // which is about to reach this connection too
		cond, event = cause, false
	}
	c.mu.Lock()
	if c.state == connClosed {
		c.mu.Unlock()
		return false
	}
	c.state = connClosed
	c.cond, c.event = cond, event
	c.told = cond != errByUser && (!event || c.handled())
	lost := c.dropQueue()
	up := c.dropExtra()
	c.mu.Unlock()

	if t, ok := c.transport().under().(interface{ SetLinger(sec int) error }); ok && reset {
		t.SetLinger(0) // fails only on a connection that is gone
	}
	c.transport().Close() // likewise
	for _, s := range lost {
		c.rejectSend(s, c.ended("send", cond))
	}
	if up != nil {
		up.reject(c.ended("tls", cond), c.told)
	}
	c.letGo()
	return true
}

// dropExtra ends what waits for the connection in its extra state, and returns a handshake that will not be. The lock is
// held.
func (c *Conn) dropExtra() *upgrade {
	x := c.x.Load()
	if x == nil {
		return nil
	}
	x.rdl.set(time.Time{})
	x.wdl.set(time.Time{})
	if x.done != nil {
		close(x.done)
	}
	c.resume()
	up := x.upgrade
	x.upgrade, x.ahead = nil, nil
	return up
}

// Done returns a channel that is closed when the connection is.
func (c *Conn) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.doneLocked()
}

func (c *Conn) doneLocked() <-chan struct{} {
	x := c.extra()
	if x.done == nil {
		x.done = make(chan struct{})
		if c.state == connClosed {
			close(x.done)
		}
	}
	return x.done
}

// drained reports whether the connection's loop or server drains.
func (c *Conn) drained() bool {
	return c.opts.server != nil && c.opts.server.draining.Load() || c.op.Draining()
}
