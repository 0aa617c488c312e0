package tcp

import (
	"errors"
	"os"
)

// Write writes p, behind whatever Send has queued, blocking until the kernel
// has taken it, the write deadline or idle timeout has passed, or the
// connection ends. Every error is an *aio.ConnError. Writes do not mix; on a
// TLS connection, what others Send meanwhile may come between two parts of 16
// KiB.
func (c *Conn) Write(p []byte) (int, error) {
	if l := c.layer(); l != nil {
		return c.writeTLS(l, p)
	}
	switch err := c.takeStream(); err {
	case nil:
	case errTLSBegun:
		return c.Write(p)
	default:
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
	c.giveStream(err)
	return n, c.failure("write", err)
}

// takeStream waits until nothing is queued and no Write is under way, and takes
// the stream for a Write. It fails on the write deadline, when the connection
// takes no more, and with errTLSBegun if it has TLS by then.
func (c *Conn) takeStream() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.admitWrite(func() bool { return c.out.stream == streamFree && c.queued() == 0 }); err != nil {
		return err
	}
	if c.layer() != nil {
		return errTLSBegun
	}
	c.out.stream = streamWriting
	if wdl := &c.peek().wdl; !wdl.at.IsZero() {
		c.transport().SetWriteDeadline(wdl.at) // fails only on a closed connection, as the write will
	}
	c.writingBegins()
	return nil
}

// errTLSBegun says that what is written must be encrypted.
var errTLSBegun = errors.New("tcp: TLS has begun")

// giveStream ends what takeStream began, with how writing has failed.
func (c *Conn) giveStream(err error) {
	c.mu.Lock()
	c.writeMet(err)
	if !c.peek().wdl.at.IsZero() {
		c.transport().SetWriteDeadline(noTime) // which must not bound what Send queued meanwhile
	}
	done := c.completed()
	c.out.stream = streamFree
	more := c.queued() > 0 && !c.life.ended()
	if more {
		c.startFlush()
	} else {
		c.streamChanged()
	}
	awaited := c.in.engaged() || !c.life.open() || c.out.side != sideOpen
	c.mu.Unlock()
	resolve(done)
	if !more && awaited {
		c.flushed()
	}
}

// admitWrite waits until a Write may begin. It fails if the connection takes no
// more. The lock is held, but not while waiting.
func (c *Conn) admitWrite(ready func() bool) error {
	refused := func() error {
		switch {
		case !c.life.open() || c.out.side != sideOpen:
			return c.endError("write")
		case c.peek().upgrade != nil:
			return c.condition("write", errShaking)
		case c.peek().wdl.passed():
			return c.condition("write", os.ErrDeadlineExceeded)
		}
		return nil
	}
	if err := c.waitOut(func() bool { return refused() != nil || ready() }); err != nil {
		return err
	}
	return refused()
}

// waitOut waits until ready, which the end of a Write and of the queue may
// bring about. The lock is held, but not while waiting.
func (c *Conn) waitOut(ready func() bool) error {
	for {
		switch {
		case c.life.ended():
			return c.endError("write")
		case ready():
			return nil
		case c.peek().wdl.passed():
			return c.condition("write", os.ErrDeadlineExceeded)
		}
		c.push() // what is gathered comes first
		x := c.extra()
		free, late, done := x.free.C(), x.wdl.wait(&c.mu), c.doneLocked()
		c.mu.Unlock()
		select {
		case <-free:
		case <-late:
		case <-done:
		}
		c.mu.Lock()
	}
}
