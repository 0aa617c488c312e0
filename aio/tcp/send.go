package tcp

import (
	"bytes"
	"fmt"
	"net"
	"sync/atomic"

	"goaio.example/aio"
)

var kindSend = aio.NewKind("tcp.send")

// Send sends data behind everything sent before. It never blocks, and does not
// keep data: what the kernel does not take at once is copied. The future
// resolves with len(data) when all of it has been handed to the kernel, and
// fails with the connection's condition if that will never be. If the queue is
// at its high-water mark (1 MiB unless set otherwise) nothing is sent and the
// future fails with ErrBacklog: see Writable. Below the mark data is taken
// whole, so that the queue is never longer than the mark and one send. Towards
// the mark each send counts as 256 bytes at least.
func (c *Conn) Send(data []byte) *aio.Future[int] { return c.send(len(data), false, data) }

// SendString is Send for a string.
func (c *Conn) SendString(s string) *aio.Future[int] { return c.Send([]byte(s)) }

// SendOwned sends buffers one after the other. It takes them over: they must
// not be changed afterwards. Together up to 16 KiB they are copied into one,
// for one system call; more is not copied. It never blocks and knows no
// backlog: it queues them whatever the queue's length, so its future is what to
// wait for before sending more. The future is as Send's, for the sum of the
// lengths.
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
// high-water mark, so that Send takes data, or the connection has ended, so
// that it says why not.
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

// smallSend is how many bytes are cheaper to copy together than to write apart.
const smallSend = 16 << 10

// send sends n bytes in bufs. Those that are owned need not be copied, and are
// not refused for a backlog.
func (c *Conn) send(n int, owned bool, bufs ...[]byte) *aio.Future[int] {
	l := c.layer()
	if l != nil {
		l.wmu.Lock() // keeps what is encrypted together with its place in the queue
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
		if c.life.ended() || c.out.side == sideFailed { // meanwhile, and what was queued is dropped
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

// allSent are the futures of small sends that were handed over at once. A
// resolved future never changes, so that one is enough for all sends of a
// length.
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

// refusal is why a send is not taken, nil if it is. The lock is held.
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

// enqueue hands over what the kernel takes now and queues the rest, for which
// it has the queue flushed. A corked connection queues everything. The lock is
// held.
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

// writeFirst writes what the kernel takes of bufs, by one system call where the
// transport has one for that. The lock is held.
func (c *Conn) writeFirst(bufs net.Buffers) (int, error) {
	switch {
	case length(bufs) == 0:
		return 0, nil
	case len(bufs) == 1:
		return c.transport().tryWrite(bufs[0])
	}
	return c.transport().tryWritev(bufs[:min(len(bufs), maxVec)])
}

// track returns the future of a send of n bytes that ends where the queue ends
// now. The lock is held, and let go.
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
			done := c.completed() // a Flush may have come since the last bytes went
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
		if c.peekTimes().idle.write.Load() != 0 { // each byte that goes is progress
			var m int
			m, err = c.transport().writeSome(bufs[0])
			n = int64(m)
		} else {
			n, err = c.transport().writev(&bufs)
		}
		c.sent(int(n))
		c.mu.Lock()
		c.writeMet(err)
		if c.queued() == 0 { // it was dropped: the connection has ended, or sending has failed
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
