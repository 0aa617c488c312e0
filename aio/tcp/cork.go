package tcp

import (
	"bytes"
	"net"
	"time"
)

// corkTime is how long what is sent on a corked connection waits at most.
const corkTime = time.Millisecond

// Cork gathers what is sent from now on, so that it goes out in as few system
// calls and packets as possible. What is gathered is sent when Uncork is
// called, when the callback that is running returns, when it is 64 KiB, and
// after 1 ms, so that no answer waits for a later callback that takes long.
// Write, Flush, CloseWrite, CloseAfterFlush and Close send it first. The future
// of a send resolves when the kernel has its bytes, as ever. Cork may be called
// again; one Uncork ends all. On a connection that has ended Cork does nothing.
func (c *Conn) Cork() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.open() {
		c.out.corked = true
	}
}

// Uncork ends what Cork began, and sends what is gathered.
func (c *Conn) Uncork() {
	c.mu.Lock()
	c.uncork()
	c.mu.Unlock()
}

// uncork is Uncork with the lock held, which it lets go meanwhile.
func (c *Conn) uncork() {
	if c.out.corked {
		c.out.corked = false
		c.writeGathered()
	}
}

// gathered has what a corked connection has gathered go out in time. The lock
// is held.
func (c *Conn) gathered() {
	if x := c.extra(); x.gather.IsZero() && !c.out.stream.taken() {
		x.gather = time.Now().Add(corkTime)
		c.setAlarmLocked()
	}
}

// gatheredMuch reports whether a corked connection has gathered enough to be
// sent. The lock is held.
func (c *Conn) gatheredMuch() bool {
	return c.out.corked && c.queued() >= maxBatch && !c.out.stream.taken()
}

// writeGathered writes what the kernel takes of the queue, as Send does, and
// has the rest written, unless it is being written. The lock is held, but not
// all the while.
func (c *Conn) writeGathered() {
	for c.queued() > 0 && !c.out.stream.taken() {
		c.extra().gather = noTime
		batch := c.outbox().batch()
		n, err := c.transport().tryWritev(batch)
		c.writeMet(err)
		c.sent(n)
		done := c.advance(n)
		if err == nil && n < length(batch) {
			c.push()
		}
		c.unlocked(func() {
			resolve(done)
			if err != nil {
				c.sendFailed(c.condition("write", err))
			}
		})
		if err != nil {
			return
		}
	}
}

// length returns the sum of the buffers' lengths.
func length(bufs net.Buffers) (n int) {
	for _, p := range bufs {
		n += len(p)
	}
	return n
}

// push has the queue written unless it is being written, as when it was
// gathered. The lock is held.
func (c *Conn) push() {
	if c.queued() > 0 && !c.out.stream.taken() {
		c.extra().gather = noTime
		c.startFlush()
	}
}

// pushLast is push for a connection that takes no more to send. What TLS still
// adds to the queue is not gathered. The lock is held.
func (c *Conn) pushLast() {
	c.out.corked = false
	c.push()
}

// joined returns bufs as one buffer if that is cheaper than to write them one
// by one.
func joined(bufs net.Buffers) net.Buffers {
	if len(bufs) < 2 || length(bufs) > smallSend {
		return bufs
	}
	return net.Buffers{bytes.Join(bufs, nil)}
}

// gatheredLong sends what was gathered for corkTime.
func (c *Conn) gatheredLong() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.extra().gather = noTime
	c.writeGathered()
}
