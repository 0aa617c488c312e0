package tcp

import (
	"net"
	"sync/atomic"
	"time"
)

// idleTimes is a connection's idle timeouts. They are read without a lock.
type idleTimes struct{ read, write atomic.Int64 } // nanoseconds, 0: none

// SetTimeouts sets the connection's idle timeouts: how long nothing may come while it is being read (by a handler that
// is in no callback, or a Read that waits), and how long nothing may go out while there is something to send. When that
// is exceeded the connection ends with ErrTimeout. 0, or less, clears a timeout. Unlike the deadlines, which only fail a call, idle
// timeouts close the connection. SetTimeouts fails with ErrClosed or the connection's condition if it has ended.
func (c *Conn) SetTimeouts(read, write time.Duration) error {
	c.mu.Lock()
	if c.state == connClosed {
		defer c.mu.Unlock()
		return c.closedLocked("set timeouts")
	}
	now := c.now()
	c.rstats.last.Store(now)
	c.wstats.last.Store(now)
	c.idle.read.Store(int64(max(read, 0)))
	c.idle.write.Store(int64(max(write, 0)))
	c.mu.Unlock()
	c.setAlarm()
	return nil
}

// now returns the connection's age.
func (c *Conn) now() int64 { return int64(time.Since(c.born)) }

// received counts data from the peer.
func (c *Conn) received(n int) {
	c.rstats.bytes.Add(int64(n))
	c.op.CountBytes(n, 0)
	if c.idle.read.Load() != 0 {
		c.rstats.last.Store(c.now())
	}
}

// sent counts data handed to the kernel.
func (c *Conn) sent(n int) {
	if n == 0 {
		return
	}
	c.wstats.bytes.Add(int64(n))
	c.op.CountBytes(0, n)
	if c.idle.write.Load() != 0 {
		c.wstats.last.Store(c.now())
	}
}

// readingBegins starts the time that the read timeout is about.
func (c *Conn) readingBegins() {
	if c.idle.read.Load() != 0 {
		c.rstats.last.Store(c.now())
	}
}

// writingBegins starts the time that the write timeout is about.
func (c *Conn) writingBegins() {
	if c.idle.write.Load() != 0 {
		c.wstats.last.Store(c.now())
	}
}

// setAlarm sets the alarm for the first moment at which time may ask something of the connection.
func (c *Conn) setAlarm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == connClosed {
		return
	}
	next := time.Duration(-1)
	earliest := func(d time.Duration) {
		if next < 0 || d < next {
			next = max(d, 0)
		}
	}
	if r := c.idle.read.Load(); r != 0 {
		earliest(c.readLeft(r))
	}
	if w := c.idle.write.Load(); w != 0 {
		earliest(c.writeLeft(w))
	}
	if c.state == connLinger {
		earliest(time.Until(c.linger))
	}
	if c.in && c.handler != nil && c.rstats.bytes.Load() == 0 && c.drained() {
		if young := youngConn - time.Since(c.born); young > 0 {
			earliest(young)
		}
	}
	if next >= 0 {
		c.op.Alarms().Set(&c.alarm, next)
	} else {
		c.op.Alarms().Stop(&c.alarm)
	}
}

// readLeft returns how much of the read timeout r is left: all of it while nobody reads. The lock is held.
func (c *Conn) readLeft(r int64) time.Duration {
	reading := c.readers > 0 || c.handler != nil && !c.handler.calling && c.paused == nil
	if !reading || c.state != connOpen {
		return time.Duration(r)
	}
	return time.Duration(c.rstats.last.Load() + r - c.now())
}

// writeLeft returns how much of the write timeout w is left: all of it while there is nothing to send. The lock is held.
func (c *Conn) writeLeft(w int64) time.Duration {
	if !c.out.busy {
		return time.Duration(w)
	}
	return time.Duration(c.wstats.last.Load() + w - c.now())
}

// connAlarm is a Conn as what its alarm calls.
type connAlarm Conn

// Fire ends a connection whose idle timeout has passed, or which has lingered long enough. Otherwise it has the engine
// look at it.
func (a *connAlarm) Fire() {
	c := (*Conn)(a)
	c.mu.Lock()
	r, w := c.idle.read.Load(), c.idle.write.Load()
	over := c.state == connLinger && !time.Now().Before(c.linger)
	op := ""
	switch {
	case c.state == connClosed:
		c.mu.Unlock()
		return
	case r != 0 && c.readLeft(r) <= 0:
		op = "read"
	case w != 0 && c.writeLeft(w) <= 0:
		op = "write"
	}
	c.mu.Unlock()
	switch {
	case over:
		c.end(errByUser, false)
		return
	case op != "":
		c.fail(c.condition(op, errIdle), op == "write")
		return
	}
	c.wake()
	c.setAlarm()
}

// errIdle is what an idle timeout's condition is about.
var errIdle net.Error = idleError{}

type idleError struct{}

func (idleError) Error() string   { return "idle timeout" }
func (idleError) Timeout() bool   { return true }
func (idleError) Temporary() bool { return false }
