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

// Close closes the connection at once. What the kernel has taken is still sent; what Send has queued beyond that is
// dropped, and its futures fail with ErrClosed. Close fails with ErrClosed if the connection is closed already.
func (c *Conn) Close() error { return c.userClose("close", false) }

// Abort closes the connection at once with a reset: the peer sees ErrReset, and what is under way is dropped. It fails
// with ErrClosed if the connection is closed already.
func (c *Conn) Abort() error { return c.userClose("abort", true) }

func (c *Conn) userClose(op string, reset bool) error {
	if !c.end(errByUser, reset) {
		return c.condition(op, net.ErrClosed)
	}
	return nil
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
	if c.out.size > 0 || c.out.busy || c.state == connClosed {
		c.mu.Unlock()
		return
	}
	closing := c.state == connFlushing
	shut := c.shut == shutAsked || closing && c.shut == shutNot
	if l := c.tls.Load(); shut && l != nil && !c.alerted {
		c.alerted = true
		c.mu.Unlock()
		l.closeNotify() // goes through the queue
		c.flushed()
		return
	}
	if shut {
		c.shut = shutDone
	}
	if closing {
		c.state = connLinger
		c.linger = time.Now().Add(lingerTime)
	}
	over := closing && (c.eof || !c.canShut())
	streaming := c.handler == nil
	c.mu.Unlock()
	switch {
	case over:
		c.end(errByUser, false)
		return
	case shut && c.canShut():
		c.t.under().(closeWriter).CloseWrite() // fails only on a connection that is gone, which reading finds out
	}
	if closing && streaming {
		c.run(c.discard)
	} else if closing {
		c.setAlarm()
	}
	c.wake()
}

// closeWriter is a transport whose outgoing side can end alone.
type closeWriter interface{ CloseWrite() error }

func (c *Conn) canShut() bool {
	_, ok := c.t.under().(closeWriter)
	return ok
}

// discard drops what arrives on a closing connection without a handler, until the peer's end.
func (c *Conn) discard() {
	c.t.SetReadDeadline(time.Now().Add(lingerTime))
	io.Copy(io.Discard, readerOnly{c.t})
	c.end(errByUser, false)
}

// readerOnly hides what io.Copy would rather use.
type readerOnly struct{ io.Reader }

// end ends the connection with the condition, the first time: it closes the transport, with a reset if need be, and
// fails what is queued. The goroutines that wait for the transport do the rest. It reports false if the connection had
// ended.
func (c *Conn) end(cond error, reset bool) bool {
	c.mu.Lock()
	if c.state == connClosed {
		c.mu.Unlock()
		return false
	}
	c.state = connClosed
	c.cond = cond
	c.rdl.set(time.Time{})
	c.wdl.set(time.Time{})
	lost := c.out.drop()
	told := c.handler != nil && cond != errByUser
	if c.done != nil {
		close(c.done)
	}
	c.resume()
	up := c.upgrade
	c.upgrade = nil
	c.mu.Unlock()

	if t, ok := c.t.under().(interface{ SetLinger(sec int) error }); ok && reset {
		t.SetLinger(0) // fails only on a connection that is gone
	}
	c.t.Close() // likewise
	for _, s := range lost {
		if told {
			s.Op().Told()
		}
		s.Reject(c.ended("send", cond))
	}
	if up != nil {
		up.promise.Reject(c.ended("tls", cond))
	}
	c.letGo()
	return true
}

// Done returns a channel that is closed when the connection is.
func (c *Conn) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.doneLocked()
}

func (c *Conn) doneLocked() <-chan struct{} {
	if c.done == nil {
		c.done = make(chan struct{})
		if c.state == connClosed {
			close(c.done)
		}
	}
	return c.done
}

// drained reports whether the connection's loop or server drains.
func (c *Conn) drained() bool {
	return c.server != nil && c.server.draining.Load() || c.op.Draining()
}
