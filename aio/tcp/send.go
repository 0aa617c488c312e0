package tcp

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"sync/atomic"

	"goaio.example/aio"
)

var kindSend = aio.NewKind("tcp.send")

// Send sends data after everything sent before. It never blocks, and does not
// keep data: what the kernel does not accept at once is copied. The future
// resolves with len(data) when all of it has been handed to the kernel, and
// fails with the connection's condition if that will never happen. If the queue
// is at its high-water mark (1 MiB unless set otherwise) nothing is sent and
// the future fails with ErrBacklog: see Writable. Below the mark all of data is
// accepted, so that the queue is never longer than the mark plus one send. Each
// send counts at least 256 bytes towards the mark.
func (c *Conn) Send(data []byte) *aio.Future[int] { return c.send(len(data), false, data) }

// SendString is Send for a string.
func (c *Conn) SendString(s string) *aio.Future[int] { return c.Send([]byte(s)) }

// SendOwned sends buffers one after the other. It takes them over: they must
// not be changed afterwards. Buffers of up to 16 KiB in total are copied into
// one, for one system call; more is not copied. It never blocks, and ignores
// the high-water mark: it queues the buffers whatever the queue's length, so
// wait for its future before sending more. The future is like Send's, for the
// sum of the lengths.
func (c *Conn) SendOwned(bufs ...[]byte) *aio.Future[int] {
	n := 0
	for _, b := range bufs {
		n += len(b)
	}
	if len(bufs) > 1 && n <= smallSend {
		bufs = [][]byte{bytes.Join(bufs, nil)}
	}
	return c.send(n, true, bufs...)
}

// flushOp returns a future that resolves when everything sent so far has been
// handed to the kernel.
func (c *Conn) flushOp() *aio.Future[int] {
	c.mu.Lock()
	c.push()
	switch {
	case c.life.ended() || c.out.side == sideFailed:
		defer c.mu.Unlock()
		return aio.Failed[int](c.endError("flush"))
	case c.queued() == 0 && !c.out.stream.taken():
		c.mu.Unlock()
		return aio.Resolved(0)
	}
	return c.track(0)
}

// Writable returns a channel that is closed once the queue is below its
// high-water mark, so that Send accepts data, or the connection has ended, so
// that Send returns why.
func (c *Conn) Writable() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	room := &c.extra().room
	ch := room.C()
	if !c.full() || c.life.ended() {
		room.Ring()
	}
	return ch
}

// smallSend is the number of bytes up to which copying them together is cheaper
// than writing them separately.
const smallSend = 16 << 10

// send sends the n bytes in bufs. Owned buffers need not be copied, and are not
// refused because of a backlog.
func (c *Conn) send(n int, owned bool, bufs ...[]byte) *aio.Future[int] {
	l := c.layer()
	if l != nil {
		// keeps the order of encryption and that of the queue the same
		l.wmu.Lock()
		defer l.wmu.Unlock()
	}
	c.mu.Lock()
	if err := c.refusal(owned); err != nil {
		c.mu.Unlock()
		return c.failedSend(err)
	}
	if l == nil && c.layer() != nil { // TLS has begun meanwhile
		c.mu.Unlock()
		return c.send(n, owned, bufs...)
	}
	if l != nil {
		c.mu.Unlock()
		if err := l.sendAll(bufs); err != nil {
			err = c.failure("send", err)
			c.sendFailed(err)
			return c.failedSend(err)
		}
		c.mu.Lock()
		// meanwhile, and the queue was dropped
		if c.life.ended() || c.out.side == sideFailed {
			err := c.endError("send")
			c.mu.Unlock()
			return c.failedSend(err)
		}
	} else if err := c.enqueue(owned, bufs...); err != nil {
		c.mu.Unlock()
		err = c.failure("send", err)
		c.sendFailed(err)
		return c.failedSend(err)
	}
	if c.queued() == 0 {
		c.mu.Unlock()
		return sentAtOnce(n)
	}
	much := c.gatheredMuch()
	f := c.track(n)
	if much {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.writeGathered()
	}
	return f
}

// allSent holds futures of small sends that were handed over at once. A
// resolved future never changes, so one is enough for all sends of a length.
var allSent [4096]atomic.Pointer[aio.Future[int]]

// sentAtOnce returns a resolved future of n.
func sentAtOnce(n int) *aio.Future[int] {
	if n >= len(allSent) {
		return aio.Resolved(n)
	}
	f := allSent[n].Load()
	if f == nil {
		f = aio.Resolved(n)
		allSent[n].Store(f)
	}
	return f
}

// refusal returns why a send is refused, nil if it is accepted. The lock is
// held.
func (c *Conn) refusal(owned bool) error {
	switch {
	case !c.life.open() || c.out.side != sideOpen:
		return c.endError("send")
	case c.peek().upgrade != nil:
		return c.condition("send", errShaking)
	case !owned && c.full():
		return fmt.Errorf("send to %s: %d bytes are waiting already, of %d sends: %w",
			c.addr(), c.queued(), len(c.outbox().pending), aio.ErrBacklog)
	}
	return nil
}

// enqueue hands over what the kernel accepts now and queues the rest, which is
// then flushed. A corked connection queues everything. The lock is held.
func (c *Conn) enqueue(owned bool, bufs ...[]byte) error {
	n := 0
	if c.queued() == 0 && !c.out.stream.taken() && !c.out.corked {
		var err error
		if n, err = c.writeFirst(bufs); err != nil {
			c.writeMet(err)
			return err
		}
		c.sent(n)
	}
	for _, p := range bufs {
		gone := min(n, len(p))
		if n -= gone; gone < len(p) {
			c.outbox().add(p[gone:], owned)
		}
	}
	if c.out.corked {
		c.gathered()
		return nil
	}
	if c.queued() > 0 && !c.out.stream.taken() {
		c.startFlush()
	}
	return nil
}

// writeFirst writes what the kernel accepts of bufs, with one system call if
// the transport has one for that. The lock is held.
func (c *Conn) writeFirst(bufs net.Buffers) (int, error) {
	switch {
	case length(bufs) == 0:
		return 0, nil
	case len(bufs) == 1:
		return c.transport().tryWrite(bufs[0])
	}
	// the copy keeps the slice of a send of one buffer out of the heap
	return c.transport().tryWritev(slices.Clone(bufs[:min(len(bufs), maxVec)]))
}

// track returns the future of a send of n bytes that ends where the queue ends
// now. It is called with the lock held, and releases it.
func (c *Conn) track(n int) *aio.Future[int] {
	queue := c.outbox()
	s := &sendOp{last: queue.end, n: n}
	queue.pending = append(queue.pending, s)
	c.mu.Unlock()
	s.begin(c.op.Context())
	return s.Future()
}

// failedSend returns the future of a send that failed at once. The connection's
// condition is not reported again. A refusal is a lost error unless the future
// is looked at.
func (c *Conn) failedSend(err error) *aio.Future[int] {
	s := new(sendOp)
	s.begin(c.op.Context())
	c.rejectSend(s, err)
	return s.Future()
}

// rejectSend fails a send.
func (c *Conn) rejectSend(s *sendOp, err error) {
	c.mu.Lock()
	told := c.life.told() || c.out.side == sideFailed && c.in.handled()
	c.mu.Unlock()
	s.end(sendOutcome{err, told})
}

// flush writes the queue until it is empty, blocking.
func (c *Conn) flush() {
	for {
		c.mu.Lock()
		if c.queued() == 0 || c.life.ended() {
			// a Flush may have begun since the last bytes went out
			done := c.completed()
			c.endFlush()
			c.mu.Unlock()
			resolve(done)
			c.flushed()
			return
		}
		bufs := c.outbox().batch()
		c.mu.Unlock()

		var n int64
		var err error
		if c.peekTimes().idle.write.Load() != 0 { // each byte sent is progress
			var m int
			m, err = c.transport().writeSome(bufs[0])
			n = int64(m)
		} else {
			n, err = c.transport().writev(&bufs)
		}
		c.sent(int(n))
		c.mu.Lock()
		c.writeMet(err)
		// dropped: the connection has ended, or sending has failed
		if c.queued() == 0 {
			c.endFlush()
			c.mu.Unlock()
			return
		}
		done := c.advance(int(n))
		c.mu.Unlock()
		resolve(done)
		if err != nil {
			c.sendFailed(c.condition("write", err))
			return
		}
	}
}
