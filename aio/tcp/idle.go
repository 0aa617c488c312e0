package tcp

import (
	"sync/atomic"
	"time"

	"goaio.example/aio/internal/alarm"
)

// idleTimes holds a connection's idle timeouts. They are read without a lock.
type idleTimes struct {
	read, write atomic.Int64 // nanoseconds, 0: none
	// time of the last bytes, as the connection's age; kept only with a timeout
	lastRead, lastWrite atomic.Int64
}

// ErrIdle is the cause of a condition that ends a connection because its idle
// timeout has passed: see Conn.SetTimeouts. Such a condition is an
// aio.ErrTimeout, as is the system's ETIMEDOUT, which is not an ErrIdle.
var ErrIdle error = idleError{}

type idleError struct{}

func (idleError) Error() string   { return "idle timeout" }
func (idleError) Timeout() bool   { return true }
func (idleError) Temporary() bool { return false }

// SetTimeouts sets the connection's idle timeouts. The read timeout is how long
// nothing may arrive while the connection is being read (by a handler that is
// in no callback, not paused, and not held up by a full queue; by a waiting
// Read; by a TLS handshake). The write timeout is how long sending may make no
// progress. When a timeout passes the connection ends with ErrTimeout. 0, or
// less, clears a timeout. Unlike the deadlines, which only fail a call, idle
// timeouts close the connection. SetTimeouts fails with ErrClosed or the
// connection's condition if it has ended.
func (c *Conn) SetTimeouts(read, write time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.ended() {
		return c.endError("set timeouts")
	}
	if read > 0 || write > 0 || c.times.Load() != nil {
		idle, now := &c.makeTimes().idle, c.now()
		idle.lastRead.Store(now)
		idle.lastWrite.Store(now)
		idle.read.Store(int64(max(read, 0)))
		idle.write.Store(int64(max(write, 0)))
	}
	c.setAlarmLocked()
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
	c.readingBegins()
}

// sent counts data handed to the kernel.
func (c *Conn) sent(n int) {
	if n > 0 {
		c.countOut(n)
		c.writingBegins()
	}
}

// countOut is sent without reading the clock, for the end of a Write.
func (c *Conn) countOut(n int) {
	c.bytesOut.Add(int64(n))
	c.op.CountBytes(0, n)
}

// readingBegins starts the read timeout.
func (c *Conn) readingBegins() {
	if idle := &c.peekTimes().idle; idle.read.Load() != 0 {
		idle.lastRead.Store(c.now())
	}
}

// writingBegins starts the write timeout, or restarts it after progress.
func (c *Conn) writingBegins() {
	if idle := &c.peekTimes().idle; idle.write.Load() != 0 {
		idle.lastWrite.Store(c.now())
	}
}

// setAlarm sets the alarm for the next moment at which the connection may have
// something to do.
func (c *Conn) setAlarm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.setAlarmLocked()
}

// setAlarmLocked is setAlarm with the lock held.
func (c *Conn) setAlarmLocked() {
	if c.life.ended() {
		return
	}
	next := time.Duration(-1)
	c.moments(func(d time.Duration, _ func()) {
		if next < 0 || d < next {
			next = max(d, 0)
		}
	})
	if next >= 0 {
		alarm.Of(&c.op).Set(&c.makeTimes().alarm, next)
		return
	}
	c.stopAlarm()
}

// stopAlarm stops the alarm, if there is one.
func (c *Conn) stopAlarm() {
	if t := c.times.Load(); t != nil {
		alarm.Of(&c.op).Stop(&t.alarm)
	}
}

// moments reports the times at which the connection may have something to do:
// how long it is until then, and what to do, without the lock, which is held
// now.
func (c *Conn) moments(tell func(in time.Duration, do func())) {
	x, idle := c.peek(), &c.peekTimes().idle
	if r := idle.read.Load(); r != 0 {
		tell(c.readLeft(r), func() { c.fail(c.condition("read", ErrIdle), false) })
	}
	if w := idle.write.Load(); w != 0 {
		tell(c.writeLeft(w), func() { c.fail(c.condition("write", ErrIdle), true) })
	}
	if c.life.stage == stageLingering {
		tell(time.Until(x.linger), func() { c.endDone() })
	}
	if !x.gather.IsZero() {
		tell(time.Until(x.gather), c.gatheredLong)
	}
	c.hangUpMoments(tell)
	if c.accepted() && c.drained() && c.life.open() {
		c.drainMoments(tell)
	}
}

// drainMoments is moments for an accepted connection of a draining loop. One on
// which nothing arrives ends when it is no longer young, even if it begins with
// TLS and nothing arrives in the handshake.
func (c *Conn) drainMoments(tell func(in time.Duration, do func())) {
	switch up := c.peek().upgrade; {
	case up != nil && c.in.marks&marksWork == 0:
		heard := time.Duration(up.heard.Load())
		tell(heard+youngConn-c.op.Age(), func() { c.endDone() })
	case (c.in.engaged() || c.in.marks&markDrains != 0) && c.bytesIn.Load() == 0:
		if young := youngConn - c.op.Age(); young > 0 {
			tell(young, func() {}) // Fire wakes the engine and Reads
		}
	}
}

// readLeft returns how much of the read timeout r is left: all of it while the
// connection is not read. The lock is held.
func (c *Conn) readLeft(r int64) time.Duration {
	reads := c.peek().reads.waiting > 0 || c.in.engaged() && c.in.doing == reading && c.in.marks&markPaused == 0
	if !reads || !c.life.open() {
		return time.Duration(r)
	}
	return time.Duration(c.peekTimes().idle.lastRead.Load() + r - c.now())
}

// writeLeft returns how much of the write timeout w is left: all of it while
// there is nothing to send. The lock is held.
func (c *Conn) writeLeft(w int64) time.Duration {
	if !c.out.stream.taken() {
		return time.Duration(w)
	}
	return time.Duration(c.peekTimes().idle.lastWrite.Load() + w - c.now())
}

// connAlarm is the alarm.Firer of a Conn.
type connAlarm Conn

// Fire does what is due.
func (a *connAlarm) Fire() {
	c := (*Conn)(a)
	c.mu.Lock()
	if c.life.ended() {
		c.mu.Unlock()
		return
	}
	var due []func()
	c.moments(func(in time.Duration, do func()) {
		if in <= 0 {
			due = append(due, do)
		}
	})
	c.mu.Unlock()
	for _, do := range due {
		do()
	}
	c.lookAtDrain()
}

// lookAtDrain makes the engine and Reads check what a drain requires of them.
func (c *Conn) lookAtDrain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wakeLocked()
	c.drainsChanged()
	c.setAlarmLocked()
}
