package tcp

import (
	"context"
	"net"
	"sync"

	"goaio.example/aio"
)

// DefaultHighWater is the default high-water mark of a connection's queue of
// outgoing data, in bytes.
const DefaultHighWater = 1 << 20

// outbox is a connection's queue of outgoing bytes, which exists while bytes
// wait. The Conn's lock guards it.
type outbox struct {
	segs [][]byte // what waits, in order
	// free bytes after the last segment, which is then the outbox's own memory
	tail    int
	size    int       // bytes that wait
	end     int64     // bytes ever added to the queue
	pending []*sendOp // in order of last
}

// sendOp is a Send whose bytes are not all handed over yet. It is queued before
// its operation begins, which must not happen with the lock held, and so may be
// over by then.
type sendOp struct {
	aio.Promise[int]
	last int64 // the position in the queue after its last byte
	n    int   // how many bytes it is

	mu      sync.Mutex // guards the fields below
	begun   bool
	outcome *sendOutcome // set if it is over before it has begun
}

// sendOutcome is the result of a send.
type sendOutcome struct {
	err  error // nil if all bytes are handed over
	told bool  // an event callback was called with err
}

// begin begins the operation of the send.
func (s *sendOp) begin(ctx context.Context) {
	_ = s.Start(ctx, kindSend, "", s) // an error is the future's
	s.mu.Lock()
	s.begun = true
	early := s.outcome
	s.mu.Unlock()
	if early != nil {
		s.settle(*early)
	}
}

// end ends the send.
func (s *sendOp) end(o sendOutcome) {
	s.mu.Lock()
	begun := s.begun
	if !begun {
		s.outcome = &o
	}
	s.mu.Unlock()
	if begun {
		s.settle(o)
	}
}

// settle resolves the future.
func (s *sendOp) settle(o sendOutcome) {
	switch {
	case o.err == nil:
		s.Resolve(s.n)
	case o.told:
		s.Op().Told()
		fallthrough
	default:
		s.Reject(o.err)
	}
}

// OpCancel does nothing: the bytes are queued, and go out with the others
// unless the connection is aborted.
func (s *sendOp) OpCancel(error) {}
func (s *sendOp) OpName() string { return "send" }

const (
	minSegment = 4 << 10 // smallest segment allocated by the outbox
	// least number of bytes that a send counts towards the mark
	minSend = 256
	// bytes written at a time, and so the unit of progress
	maxBatch = 64 << 10
	maxVec   = 64 // segments that are written at a time
)

// add appends p, or a copy if p is not owned.
func (o *outbox) add(p []byte, owned bool) {
	o.size += len(p)
	o.end += int64(len(p))
	if owned {
		o.segs = append(o.segs, p)
		o.tail = 0
		return
	}
	if n := min(o.tail, len(p)); n > 0 {
		last := &o.segs[len(o.segs)-1]
		*last = append(*last, p[:n]...)
		o.tail -= n
		p = p[n:]
	}
	if len(p) == 0 {
		return
	}
	seg := make([]byte, len(p), max(len(p), minSegment))
	copy(seg, p)
	o.segs = append(o.segs, seg)
	o.tail = cap(seg) - len(seg)
}

// batch returns the bytes to write next. The segments stay queued until
// advance; add only writes after them.
func (o *outbox) batch() net.Buffers {
	var out net.Buffers
	n := 0
	for _, s := range o.segs {
		if len(out) == maxVec || n >= maxBatch {
			break
		}
		s = s[:min(len(s), maxBatch-n)]
		out = append(out, s)
		n += len(s)
	}
	return out
}

// advance drops the first n bytes, which have been handed over.
func (o *outbox) advance(n int) {
	o.size -= n
	for n > 0 {
		if n < len(o.segs[0]) {
			o.segs[0] = o.segs[0][n:]
			break
		}
		n -= len(o.segs[0])
		o.segs[0] = nil
		o.segs = o.segs[1:]
	}
	if len(o.segs) == 0 {
		o.segs, o.tail = nil, 0
	}
}

// complete removes and returns the sends whose bytes have all been handed over.
func (o *outbox) complete() []*sendOp {
	i := 0
	for i < len(o.pending) && o.pending[i].last <= o.end-int64(o.size) {
		i++
	}
	done := o.pending[:i:i]
	o.pending = o.pending[i:]
	return done
}

// The Conn's side of its queue. The caller holds the lock.

// queued returns how many bytes wait.
func (c *Conn) queued() int {
	if queue := c.peek().queue; queue != nil {
		return queue.size
	}
	return 0
}

// outbox returns the queue, which the first call makes.
func (c *Conn) outbox() *outbox {
	x := c.extra()
	if x.queue == nil {
		x.queue = new(outbox)
	}
	return x.queue
}

// full reports whether the queue has reached its mark, by its bytes or by the
// additional memory of its sends.
func (c *Conn) full() bool {
	queue := c.peek().queue
	if queue == nil {
		return false
	}
	mark := c.opts.mark()
	return queue.size >= mark || len(queue.pending) > mark/minSend
}

// advance drops the first n bytes of the queue, which have been handed over,
// and returns the sends that this completes. It wakes those that wait for room.
func (c *Conn) advance(n int) []*sendOp {
	c.outbox().advance(n)
	done := c.completed()
	if !c.full() {
		c.hasRoom()
		c.resume()
	}
	return done
}

// completed removes and returns the sends whose bytes have all been handed
// over, and drops the queue if it is empty.
func (c *Conn) completed() []*sendOp {
	x := c.peek()
	if x.queue == nil {
		return nil
	}
	done := x.queue.complete()
	if x.queue.size == 0 && len(x.queue.pending) == 0 {
		x.queue = nil
	}
	return done
}

// hasRoom wakes goroutines that wait for room in the queue.
func (c *Conn) hasRoom() {
	if x := c.x.Load(); x != nil {
		x.room.Ring()
	}
}

// dropQueue drops the queue and returns the sends that therefore fail.
func (c *Conn) dropQueue() (lost []*sendOp) {
	if x := c.x.Load(); x != nil && x.queue != nil {
		lost, x.queue = x.queue.pending, nil
	}
	c.hasRoom()
	c.endFlush()
	return lost
}

// resolve resolves sends that are complete.
func resolve(done []*sendOp) {
	for _, s := range done {
		s.end(sendOutcome{})
	}
}
