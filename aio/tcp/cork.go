package tcp

import (
	"bytes"
	"net"
	"time"
)

// corkTime is how long what is sent on a corked connection waits at most.
const corkTime = time.Millisecond

// Cork gathers what is sent from now on, so that it goes out in as few system
// calls and packets as possible. What is gathered is sent when Uncork is called,
// when the callback that is running returns, when it is 64 KiB, and after 1 ms,
// so that no answer waits for a later callback that takes long. Write, Flush,
// CloseWrite, CloseAfterFlush and Close send it first. The future of a send
// resolves when the kernel has its bytes, as ever. Cork may be called again; one
// Uncork ends all. On a connection that has ended Cork does nothing.
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
	if !c.out.corked {
		return
	}
	c.out.corked = false
	if c.queued() == 0 || c.out.stream.taken() {
		return
	}
	c.extra().gather = noTime
	n, err := c.transport().tryWritev(c.outbox().batch())
	c.sent(n)
	done := c.advance(n)
	if err == nil {
		c.push()
	}
	c.mu.Unlock()
	defer c.mu.Lock()
	resolve(done)
	if err != nil {
		c.sendFailed(c.condition("write", err))
	}
}

// gathered sees that what a corked connection has gathered goes out in time.
// The lock is held.
func (c *Conn) gathered() {
	x := c.extra()
	switch {
	case c.queued() >= maxBatch:
		c.push()
	case x.gather.IsZero() && !c.out.stream.taken():
		x.gather = time.Now().Add(corkTime)
		c.setAlarmLocked()
	}
}

// push has the queue written if nobody writes it, as when it was gathered. The
// lock is held.
func (c *Conn) push() {
	if c.queued() > 0 && !c.out.stream.taken() {
		c.extra().gather = noTime
		c.startFlush()
	}
}

// joined returns bufs as one buffer if that is cheaper than to write them one
// by one.
func joined(bufs net.Buffers) net.Buffers {
	n := 0
	for _, p := range bufs {
		n += len(p)
	}
	if len(bufs) < 2 || n > smallSend {
		return bufs
	}
	return net.Buffers{bytes.Join(bufs, nil)}
}

// gatheredLong sends what was gathered for corkTime.
func (c *Conn) gatheredLong() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.extra().gather = noTime
	c.push()
}
