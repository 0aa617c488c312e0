package tcp

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"net"
	"os"
	"time"
)

// errHandled is the error of Read on a connection whose data goes to a handler.
var errHandled = errors.New("tcp: the connection has a Handler, which is given its data (SetHandler(Handler{}) gives it up)")

// errShaking is the error of reading and writing while TLS is being started.
var errShaking = errors.New("tcp: TLS is being started on the connection")

// Read reads from the connection, blocking until there is something, the read deadline or idle timeout has passed, or
// the connection ends. The peer's end is a bare io.EOF; every other error is an *aio.ConnError. On a connection with a
// Handler it fails; while a handler that was given up is still running it waits.
func (c *Conn) Read(p []byte) (int, error) {
	if n, err := c.readBegins(p); n > 0 || err != nil {
		return n, err
	}
	var n int
	var err error
	if l := c.layer(); l != nil {
		n, err = l.Read(p)
	} else {
		n, err = c.stream().Read(p)
	}
	handled := c.readEnds(n)
	switch {
	case err == nil:
		return n, nil
	case isEOF(err):
		c.mu.Lock()
		c.eof = true
		c.mu.Unlock()
		return n, io.EOF
	case handled && isWake(err):
		err = errHandled
	}
	return n, c.failure("read", err)
}

// stream is the transport of Read and Write: a bare connection's is the socket that it has become.
func (c *Conn) stream() transport {
	if p := c.peek().promoted.Load(); p != nil {
		return p.transport
	}
	return c.transport()
}

// isEOF reports whether reading ended with the peer's end.
func isEOF(err error) bool { return errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) }

// readBegins waits until a handler that was given up has left the connection, and begins a Read: what was read ahead is
// there at once, and ends it.
func (c *Conn) readBegins(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.state != connOpen:
			return 0, c.closedLocked("read")
		case c.peek().cut > 0:
			return 0, c.condition("read", os.ErrDeadlineExceeded)
		case c.handler == nil:
			return c.readBegun(p)
		case !c.quit:
			return 0, c.condition("read", errHandled)
		}
		left := c.leaving()
		c.mu.Unlock()
		<-left
		c.mu.Lock()
	}
}

// readBegun is readBegins on a connection without a handler. The lock is held.
func (c *Conn) readBegun(p []byte) (int, error) {
	x := c.extra()
	switch {
	case x.upgrade != nil:
		return 0, c.condition("read", errShaking)
	case len(x.ahead) > 0 && !x.rdl.passed():
		n := copy(p, x.ahead)
		if x.ahead = x.ahead[n:]; len(x.ahead) == 0 {
			x.ahead = nil
		}
		return n, nil
	}
	x.readers++
	c.readingBegins()
	return 0, nil
}

// readEnds ends a Read, which brought n bytes. It reports whether the connection has a handler now, which waits for that.
func (c *Conn) readEnds(n int) (handled bool) {
	if n > 0 {
		c.received(n)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	x := c.extra()
	x.readers--
	if c.handler != nil && x.readers == 0 {
		c.resume()
	}
	return c.handler != nil
}

// Write writes p, behind whatever Send has queued, blocking until the kernel has taken it, the write deadline or idle
// timeout has passed, or the connection ends. Every error is an *aio.ConnError. Writes do not mix; on a TLS connection,
// what others Send meanwhile may come between two parts of 16 KiB.
func (c *Conn) Write(p []byte) (int, error) {
	if l := c.layer(); l != nil {
		return c.writeTLS(l, p)
	}
	if err := c.takeStream(); err != nil {
		return 0, err
	}
	n := 0
	var err error
	for t := c.stream(); n < len(p) && err == nil; {
		var m int
		m, err = t.writeSome(p[n:])
		c.countOut(m)
		if n += m; n < len(p) {
			c.writingBegins()
		}
	}
	c.giveStream()
	return n, c.failure("write", err)
}

// copyPart is how much ReadFrom has the system copy at a time.
const copyPart = 1 << 20

// ReadFrom copies from r to the connection until r's end: an *os.File by the system's own means (sendfile) where it can,
// on a connection without TLS and write timeout. An error of r's comes as it is, one of the connection's as an
// *aio.ConnError.
func (c *Conn) ReadFrom(r io.Reader) (sum int64, err error) {
	limit := int64(math.MaxInt64)
	if l, ok := r.(*io.LimitedReader); ok {
		r, limit = l.R, l.N
		defer func() { l.N -= sum }()
	}
	for sum < limit {
		part := min(limit-sum, copyPart)
		n, err := c.copySome(r, part)
		sum += n
		if err != nil || n < part {
			return sum, err
		}
	}
	return sum, nil
}

// copySome copies n bytes from r, or less if r ends. It leaves out splice, which would do for another Conn what sendfile
// does for a file: package net keeps the pipes it needs for that, so they would be left when the loop has ended.
func (c *Conn) copySome(r io.Reader, n int64) (int64, error) {
	to, ok := c.transport().under().(io.ReaderFrom)
	if _, isFile := r.(*os.File); !ok || !isFile || c.layer() != nil || c.peek().idle.write.Load() != 0 {
		buf := readBuffers.Get().(*[readSize]byte)
		defer readBuffers.Put(buf)
		return io.CopyBuffer(writerOnly{c}, io.LimitReader(r, n), buf[:])
	}
	if err := c.takeStream(); err != nil {
		return 0, err
	}
	m, err := to.ReadFrom(io.LimitReader(r, n))
	c.sent(int(m))
	c.giveStream()
	var file *fs.PathError
	if errors.As(err, &file) {
		return m, file
	}
	return m, c.failure("write", err)
}

// WriteTo copies from the connection to w until the peer's end. An error of w's comes as it is, one of the connection's as
// an *aio.ConnError.
func (c *Conn) WriteTo(w io.Writer) (int64, error) {
	buf := readBuffers.Get().(*[readSize]byte)
	defer readBuffers.Put(buf)
	return io.CopyBuffer(writerOnly{w}, readerOnly{c}, buf[:])
}

// writerOnly hides what io.Copy would rather use.
type writerOnly struct{ io.Writer }

// takeStream waits until nothing is queued and nobody writes, and takes the stream for a Write. It fails on the write
// deadline and when the connection takes no more.
func (c *Conn) takeStream() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.admitWrite(func() bool { return !c.writing && !c.busy && c.queued() == 0 }); err != nil {
		return err
	}
	c.busy, c.writing = true, true
	if wdl := &c.peek().wdl; !wdl.at.IsZero() {
		c.transport().SetWriteDeadline(wdl.at) // fails only on a closed connection, as the write will
	}
	c.writingBegins()
	return nil
}

// admitWrite waits until a Write may begin, see waitOut. It fails if the connection takes no more.
func (c *Conn) admitWrite(ready func() bool) error {
	refused := func() error {
		switch {
		case c.state != connOpen || c.shut != shutNot:
			return c.closedLocked("write")
		case c.peek().upgrade != nil:
			return c.condition("write", errShaking)
		case c.peek().wdl.passed():
			return c.condition("write", os.ErrDeadlineExceeded)
		}
		return nil
	}
	err := c.waitOut(func() bool { return refused() != nil || ready() })
	if err != nil {
		return err
	}
	return refused()
}

// waitOut waits until ready, which the end of a Write and of the queue may bring about. The lock is held, but not while
// waiting.
func (c *Conn) waitOut(ready func() bool) error {
	for {
		switch {
		case c.cond != nil:
			return c.closedLocked("write")
		case ready():
			return nil
		case c.peek().wdl.passed():
			return c.condition("write", os.ErrDeadlineExceeded)
		}
		x := c.extra()
		if x.free == nil {
			x.free = make(chan struct{})
		}
		free, late, done := x.free, x.wdl.wait(&c.mu), c.doneLocked()
		c.mu.Unlock()
		select {
		case <-free:
		case <-late:
		case <-done:
		}
		c.mu.Lock()
	}
}

// giveStream ends what takeStream began.
func (c *Conn) giveStream() {
	c.mu.Lock()
	c.writing = false
	if !c.peek().wdl.at.IsZero() {
		c.transport().SetWriteDeadline(time.Time{}) // which must not bound what Send queued meanwhile
	}
	done := c.completed()
	more := c.queued() > 0 && c.state != connClosed
	if more {
		c.writingBegins()
		c.engine().flush(c)
	} else {
		c.release()
	}
	awaited := c.handler != nil || c.state != connOpen || c.shut != shutNot
	c.mu.Unlock()
	resolve(done)
	if !more && awaited {
		c.flushed()
	}
}

// closedLocked is the error of an operation on a connection that has ended, or takes no more. The lock is held.
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
	c.extra().rdl.set(t)
	return c.boundReads()
}

// boundReads has the transport keep to Read's deadline, if there may be Reads. The lock is held.
func (c *Conn) boundReads() error {
	x := c.peek()
	switch {
	case c.handler != nil || c.state != connOpen:
		return nil
	case x.cut > 0:
		return c.transport().SetReadDeadline(past)
	}
	return c.transport().SetReadDeadline(x.rdl.at)
}

// SetWriteDeadline sets the deadline of Write; the zero time is none. It does not bound what Send queues.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == connClosed {
		return c.closedLocked("set deadline")
	}
	c.extra().wdl.set(t)
	if c.writing && c.layer() == nil {
		return c.transport().SetWriteDeadline(t)
	}
	return nil
}
