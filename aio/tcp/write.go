package tcp

import (
	"errors"
	"os"
)

// Write writes p after the data that Send has queued. It blocks until the
// kernel has accepted it, the write deadline or idle timeout has passed, or the
// connection ends. Every error is an *aio.ConnError. Writes do not mix; on a
// TLS connection, data of a concurrent Send may come between two parts of 16
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

// takeStream waits until nothing is queued and no Write is in progress, and
// takes the stream for a Write. It fails on the write deadline, when the
// connection accepts no more sends, and with errTLSBegun if it has TLS by then.
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
		// fails only on a closed connection, on which the write fails too
		c.transport().SetWriteDeadline(wdl.at)
	}
	c.writingBegins()
	return nil
}

// errTLSBegun means that the data must be encrypted.
var errTLSBegun = errors.New("tcp: TLS has begun")

// giveStream undoes takeStream; err says how writing has failed.
func (c *Conn) giveStream(err error) {
	c.mu.Lock()
	c.writeMet(err)
	if !c.peek().wdl.at.IsZero() {
		// it must not apply to what Send queued meanwhile
		c.transport().SetWriteDeadline(noTime)
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

// admitWrite waits until a Write may begin. It fails if the connection accepts
// no more sends. The lock is held; it is released while waiting.
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

// waitOut waits until ready returns true, which the end of a Write and of the
// queue may cause. The lock is held; it is released while waiting.
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
		c.push() // gathered data comes first
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
