package tcp

import (
	"net"

	"goaio.example/aio"
)

// DefaultHighWater is the default mark, in bytes, from which on a connection's queue of outgoing data takes no more.
const DefaultHighWater = 1 << 20

// outbox is a connection's queue of outgoing bytes. The Conn's lock guards it.
type outbox struct {
	segs    [][]byte      // what waits, in order
	tail    int           // free bytes behind the last segment, which is then the outbox's own memory
	size    int           // bytes that wait
	end     int64         // bytes ever taken into the queue
	mark    int           // high-water mark
	busy    bool          // a flusher or a Write has the stream
	free    chan struct{} // closed when busy ends; set by who waits for that
	room    chan struct{} // closed when the queue is not full any more; set by who waits for that
	pending []*sendOp     // in order of end
}

// sendOp is a Send whose bytes are not all handed over yet.
type sendOp struct {
	aio.Promise[int]
	end int64 // the position in the stream behind its last byte
	n   int   // how many bytes it is
}

// OpCancel does nothing: the bytes are queued, and go out with the others unless the connection is aborted.
func (s *sendOp) OpCancel(error) {}
func (s *sendOp) OpDrain()       {}
func (s *sendOp) OpIdle()        {}
func (s *sendOp) OpName() string { return "send" }

const (
	minSegment = 4 << 10  // smallest segment of the outbox's own
	minSend    = 256      // bytes that a send counts for at least, towards the mark
	maxBatch   = 64 << 10 // bytes that a flusher writes at a time: what counts as progress
	maxVec     = 64       // segments that a flusher writes at a time
)

// add appends a copy of p.
func (o *outbox) add(p []byte) {
	o.size += len(p)
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

// addOwned appends p itself.
func (o *outbox) addOwned(p []byte) {
	if len(p) > 0 {
		o.size += len(p)
		o.segs = append(o.segs, p)
		o.tail = 0
	}
}

// batch returns what a flusher writes next. The segments stay queued until advance; add only writes behind them.
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

// advance drops the first n bytes, which have been handed over, and returns the sends that are complete by that.
func (o *outbox) advance(n int) []*sendOp {
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
	done := o.complete()
	if o.room != nil && !o.full() {
		close(o.room)
		o.room = nil
	}
	return done
}

// full reports whether the queue is at its mark, by its bytes or by the memory that the sends in it take besides.
func (o *outbox) full() bool { return o.size >= o.mark || len(o.pending) > o.mark/minSend }

// complete takes the sends whose bytes have all been handed over.
func (o *outbox) complete() []*sendOp {
	i := 0
	for i < len(o.pending) && o.pending[i].end <= o.end-int64(o.size) {
		i++
	}
	done := o.pending[:i:i]
	o.pending = o.pending[i:]
	if len(o.pending) == 0 {
		o.pending = nil
	}
	return done
}

// drop forgets everything and returns the sends that fail by that.
func (o *outbox) drop() []*sendOp {
	lost := o.pending
	o.segs, o.tail, o.size, o.pending = nil, 0, 0, nil
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
	o.release()
	return lost
}

// release lets the next one have the stream.
func (o *outbox) release() {
	o.busy = false
	o.changed()
}

// changed has those look again who wait for the stream.
func (o *outbox) changed() {
	if o.free != nil {
		close(o.free)
		o.free = nil
	}
}
