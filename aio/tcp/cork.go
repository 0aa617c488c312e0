package tcp

import (
	"bytes"
	"net"
	"time"
)

// corkTime is how long data sent on a corked connection waits at most.
const corkTime = time.Millisecond

// Cork gathers what is sent from now on, so that it goes out in as few system
// calls and packets as possible. The gathered data is sent when Uncork is
// called, when the running callback returns, when it reaches 64 KiB, and after
// 1 ms, so that no response waits for a later callback that takes long. Write,
// Flush, CloseWrite, CloseAfterFlush and Close send it first. The future of a
// send resolves when the kernel has its bytes, as always. Cork may be called
// several times; one Uncork ends all. On a connection that has ended Cork does
// nothing.
func (c *Conn) Cork() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.open() {
		c.out.corked = true
	}
}

// Uncork undoes Cork, and sends the gathered data.
func (c *Conn) Uncork() {
	c.mu.Lock()
	c.uncork()
	c.mu.Unlock()
}

// uncork is Uncork with the lock held; it releases the lock meanwhile.
func (c *Conn) uncork() {
	if c.out.corked {
		c.out.corked = false
		c.writeGathered()
	}
}

// gathered schedules the sending of what a corked connection has gathered. The
// lock is held.
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

// writeGathered writes what the kernel accepts of the queue, as Send does, and
// has the rest written, unless it is being written. The lock is held; it is
// released meanwhile.
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

// length returns the total length of the buffers.
func length(bufs net.Buffers) (n int) {
	for _, p := range bufs {
		n += len(p)
	}
	return n
}

// push starts writing the queue unless it is being written. The queue may have
// been gathered. The lock is held.
func (c *Conn) push() {
	if c.queued() > 0 && !c.out.stream.taken() {
		c.extra().gather = noTime
		c.startFlush()
	}
}

// pushLast is push for a connection that no longer accepts sends. What TLS
// still adds to the queue is not gathered. The lock is held.
func (c *Conn) pushLast() {
	c.out.corked = false
	c.push()
}

// joined returns bufs as one buffer if that is cheaper than writing them one by
// one.
func joined(bufs net.Buffers) net.Buffers {
	if len(bufs) < 2 || length(bufs) > smallSend {
		return bufs
	}
	return net.Buffers{bytes.Join(bufs, nil)}
}

// gatheredLong sends what has been gathered for corkTime.
func (c *Conn) gatheredLong() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.extra().gather = noTime
	c.writeGathered()
}
