package tcp

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// errHandled is the error of Read on a connection whose data goes to a handler.
var errHandled = errors.New("tcp: the connection has a Handler, which is given its data (SetHandler(Handler{}) gives it up)")

// Read reads from the connection, blocking until there is something, the read deadline or idle timeout has passed, or
// the connection ends. The peer's end is a bare io.EOF; every other error is an *aio.ConnError. On a connection with a
// Handler it fails; while a handler that was given up is still running it waits.
func (c *Conn) Read(p []byte) (int, error) {
	if err := c.toStream(); err != nil {
		return 0, err
	}
	c.readBegins()
	var n int
	var err error
	if l := c.tls.Load(); l != nil {
		n, err = l.Read(p)
	} else {
		n, err = c.t.Read(p)
	}
	c.readEnds(n)
	if err != nil {
		err = c.readError(err)
	}
	return n, err
}

// readError is the error that reading returns for the transport's.
func (c *Conn) readError(err error) error {
	if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		c.mu.Lock()
		c.eof = true
		c.mu.Unlock()
		return io.EOF
	}
	return c.failure("read", err)
}

// Write writes p, behind whatever Send has queued, blocking until the kernel has taken it, the write deadline or idle
// timeout has passed, or the connection ends. Every error is an *aio.ConnError.
func (c *Conn) Write(p []byte) (int, error) {
	if l := c.tls.Load(); l != nil {
		return c.writeTLS(l, p)
	}
	if err := c.takeStream(true); err != nil {
		return 0, err
	}
	n, err := c.t.Write(p)
	c.giveStream(n)
	return n, c.failure("write", err)
}

// ReadFrom copies from r to the connection until r's end, by the system's own means (sendfile, splice) where it can.
func (c *Conn) ReadFrom(r io.Reader) (int64, error) {
	rf, ok := c.t.under().(io.ReaderFrom)
	if !ok || c.tls.Load() != nil {
		return io.Copy(writerOnly{c}, r)
	}
	if err := c.takeStream(true); err != nil {
		return 0, err
	}
	if l, ok := r.(*io.LimitedReader); ok {
		if in, ok := l.R.(*Conn); ok && in.plainStream() {
			r = &io.LimitedReader{R: in.t.under(), N: l.N}
		}
	} else if in, ok := r.(*Conn); ok && in.plainStream() {
		r = in.t.under()
	}
	n, err := rf.ReadFrom(r)
	c.giveStream(int(n))
	return n, c.failure("write", err)
}

// WriteTo copies from the connection to w until the peer's end.
func (c *Conn) WriteTo(w io.Writer) (int64, error) {
	buf := readBuffers.Get().(*[readSize]byte)
	defer readBuffers.Put(buf)
	return io.CopyBuffer(writerOnly{w}, readerOnly{c}, buf[:])
}

// writerOnly hides what io.Copy would rather use.
type writerOnly struct{ io.Writer }

// takeStream waits until nothing is queued and nobody writes, and takes the stream for a Write: or, without take, only
// waits. It fails on the write deadline and when the connection ends.
func (c *Conn) takeStream(take bool) error {
	for {
		c.mu.Lock()
		if c.state != connOpen || c.shut != shutNot {
			err := c.closedLocked("write")
			c.mu.Unlock()
			return err
		}
		if c.wdl.passed() {
			c.mu.Unlock()
			return c.condition("write", os.ErrDeadlineExceeded)
		}
		if !c.out.busy && c.out.size == 0 {
			if take {
				c.out.busy, c.writing = true, true
				if !c.wdl.at.IsZero() {
					c.t.SetWriteDeadline(c.wdl.at) // fails only on a closed connection, as the write will
				}
				c.writeBegins()
			}
			c.mu.Unlock()
			return nil
		}
		if c.out.free == nil {
			c.out.free = make(chan struct{})
		}
		free, late, done := c.out.free, c.wdl.wait(&c.mu), c.doneLocked()
		c.mu.Unlock()
		select {
		case <-free:
		case <-late:
		case <-done:
		}
	}
}

// giveStream ends what takeStream began: n bytes were written.
func (c *Conn) giveStream(n int) {
	c.sent(n)
	c.mu.Lock()
	c.out.end += int64(n)
	c.writing = false
	if !c.wdl.at.IsZero() {
		c.t.SetWriteDeadline(time.Time{}) // which must not bound what Send queued meanwhile
	}
	if c.out.size > 0 && c.state != connClosed {
		c.mu.Unlock()
		c.startFlusher()
		return
	}
	c.out.release()
	done := c.out.complete()
	c.mu.Unlock()
	resolve(done)
	c.flushed()
}

// closedLocked is the error of an outgoing operation on a connection that takes no more. The lock is held.
func (c *Conn) closedLocked(op string) error {
	if c.cond != nil {
		return c.ended(op, c.cond)
	}
	return c.condition(op, net.ErrClosed)
}

// SetDeadline sets the deadlines of Read and Write. Unlike an idle timeout, a deadline that passes only fails the call.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline sets the deadline of Read; the zero time is none. It does not bound a Handler.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == connClosed {
		return c.closedLocked("set deadline")
	}
	c.rdl.set(t)
	if c.handler == nil && c.state == connOpen {
		return c.t.SetReadDeadline(t)
	}
	return nil
}

// SetWriteDeadline sets the deadline of Write; the zero time is none. It does not bound what Send queues.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == connClosed {
		return c.closedLocked("set deadline")
	}
	c.wdl.set(t)
	if c.writing {
		return c.t.SetWriteDeadline(t)
	}
	return nil
}

// plainStream reports whether the connection's bytes can be taken from its transport by somebody else.
func (c *Conn) plainStream() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tls.Load() == nil && c.handler == nil && c.state == connOpen
}
