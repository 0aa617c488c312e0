package tcp

import (
	"net"
	"sync/atomic"
	"time"
)

// idleTimes is a connection's idle timeouts. They are read without a lock.
type idleTimes struct {
	read, write         atomic.Int64 // nanoseconds, 0: none
	lastRead, lastWrite atomic.Int64 // when bytes went, as the connection's age; kept only with a timeout
}

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
	if read > 0 || write > 0 || c.x.Load() != nil {
		idle, now := &c.extra().idle, c.now()
		idle.lastRead.Store(now)
		idle.lastWrite.Store(now)
		idle.read.Store(int64(max(read, 0)))
		idle.write.Store(int64(max(write, 0)))
	}
	c.mu.Unlock()
	c.setAlarm()
	return nil
}

// setTimeouts is SetTimeouts for a new connection.
func (c *Conn) setTimeouts(read, write time.Duration) error {
	if read <= 0 && write <= 0 {
		return nil
	}
	return c.SetTimeouts(read, write)
}

// now returns the connection's age.
func (c *Conn) now() int64 { return int64(c.op.Age()) }

// received counts data from the peer.
func (c *Conn) received(n int) {
	c.bytesIn.Add(int64(n))
	c.op.CountBytes(n, 0)
	if idle := &c.peek().idle; idle.read.Load() != 0 {
		idle.lastRead.Store(c.now())
	}
}

// sent counts data handed to the kernel.
func (c *Conn) sent(n int) {
	if n > 0 {
		c.countOut(n)
		c.writingBegins()
	}
}

// countOut is sent without a look at the clock, for the end of a Write.
func (c *Conn) countOut(n int) {
	c.bytesOut.Add(int64(n))
	c.op.CountBytes(0, n)
}

// readingBegins starts the time that the read timeout is about.
func (c *Conn) readingBegins() {
	if idle := &c.peek().idle; idle.read.Load() != 0 {
		idle.lastRead.Store(c.now())
	}
}

// writingBegins starts the time that the write timeout is about, anew after progress.
func (c *Conn) writingBegins() {
	if idle := &c.peek().idle; idle.write.Load() != 0 {
		idle.lastWrite.Store(c.now())
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
	x := c.peek()
	if r := x.idle.read.Load(); r != 0 {
		earliest(c.readLeft(r))
	}
	if w := x.idle.write.Load(); w != 0 {
		earliest(c.writeLeft(w))
	}
	if c.state == connLinger {
		earliest(time.Until(x.linger))
	}
	if c.in && c.handler != nil && c.bytesIn.Load() == 0 && c.drained() {
		if young := youngConn - c.op.Age(); young > 0 {
			earliest(young)
		}
	}
	switch {
	case next >= 0:
		c.op.Alarms().Set(&c.extra().alarm, next)
	case x != &none:
		c.op.Alarms().Stop(&x.alarm)
	}
}

// readLeft returns how much of the read timeout r is left: all of it while nobody reads. The lock is held.
func (c *Conn) readLeft(r int64) time.Duration {
	x := c.peek()
	reading := x.readers > 0 || c.handler != nil && !c.calling && !c.resting
	if !reading || c.state != connOpen {
		return time.Duration(r)
	}
	return time.Duration(x.idle.lastRead.Load() + r - c.now())
}

// writeLeft returns how much of the write timeout w is left: all of it while there is nothing to send. The lock is held.
func (c *Conn) writeLeft(w int64) time.Duration {
	if !c.busy {
		return time.Duration(w)
	}
	return time.Duration(c.peek().idle.lastWrite.Load() + w - c.now())
}

// connAlarm is a Conn as what its alarm calls.
type connAlarm Conn

// Fire ends a connection whose idle timeout has passed, or which has lingered long enough. Otherwise it has the engine
// look at it.
func (a *connAlarm) Fire() {
	c := (*Conn)(a)
	c.mu.Lock()
	x := c.peek()
	r, w := x.idle.read.Load(), x.idle.write.Load()
	over := c.state == connLinger && !time.Now().Before(x.linger)
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
