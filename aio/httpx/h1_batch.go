package httpx

import (
	"errors"
	"sync"
	"time"

	"goaio.example/aio"
)

// h1Batch gathers the responses to requests that arrived together, to send them
// together.
type h1Batch struct {
	out  *outBuffer
	over []*h1Exchange // exchanges whose responses are in out
}

const (
	batchTime = time.Millisecond // how long responses are gathered at most
	batchSize = 32 << 10         // how many bytes are gathered at most
)

// outBuffer is a buffer for bytes to be sent.
type outBuffer struct {
	b    []byte
	seen seen // of the fields in b, if they are those of an h1Writer
}

var outBuffers = sync.Pool{New: func() any { return &outBuffer{b: make([]byte, 0, 4<<10)} }}

func getBuffer() *outBuffer { return outBuffers.Get().(*outBuffer) }

// putBuffer returns a buffer to the pool, unless it has grown large.
func putBuffer(o *outBuffer) {
	if cap(o.b) <= 2*batchSize {
		o.b, o.seen = o.b[:0], seen{}
		outBuffers.Put(o)
	}
}

// batches holds batches for reuse.
var batches = sync.Pool{New: func() any { return new(h1Batch) }}

// delivery is a batch that was handed to the connection, and the future of the
// send. The zero delivery is empty.
type delivery struct {
	b *h1Batch
	f *aio.Future[int]
}

// tell ends the exchanges whose responses were sent. The connection's lock is
// not held.
func (d delivery) tell() {
	if d.b == nil {
		return
	}
	for _, x := range d.b.over {
		x.sentBy(d.f)
	}
	clear(d.b.over)
	d.b.over = d.b.over[:0]
	batches.Put(d.b)
}

// put sends the whole response to x, head and body. It gathers a small one if
// the next request has already arrived. It returns the delivery of responses
// gathered before or together with this one, and the future of x's own
// response, which is nil if the response was gathered. The lock is held.
func (k *h1Conn) put(x *h1Exchange, head *outBuffer, body []byte) (sent delivery, f *aio.Future[int]) {
	more := k.inData && len(k.rest) > 0 && !x.close
	if (more || k.batch != nil) && len(head.b)+len(body) < batchSize {
		k.gather(x, head, body)
		if !more || len(k.batch.out.b) >= batchSize {
			sent = k.flush()
		}
		return sent, nil
	}
	sent = k.flush()
	return sent, k.send(head, body)
}

// wasPut ends the exchanges whose responses put has handed over. The lock is
// not held.
func (x *h1Exchange) wasPut(sent delivery, f *aio.Future[int]) {
	sent.tell()
	if f != nil {
		x.sentBy(f)
	}
}

// nothing does nothing.
func nothing() {}

// gather adds a response to the batch. The lock is held.
func (k *h1Conn) gather(x *h1Exchange, head *outBuffer, body []byte) {
	b := k.batch
	if b == nil {
		b = batches.Get().(*h1Batch)
		b.out = head
		k.batch = b
		k.setAlarm(dueBatch, batchTime)
	} else {
		b.out.b = append(b.out.b, head.b...)
		putBuffer(head)
	}
	b.out.b = append(b.out.b, body...)
	b.over = append(b.over, x)
}

// flush sends the batch. The caller calls tell on the result after releasing
// the lock, which is held.
func (k *h1Conn) flush() delivery {
	b := k.batch
	if b == nil {
		return delivery{}
	}
	k.batch = nil
	if k.due == dueBatch {
		k.stopAlarm()
	}
	out := b.out
	b.out = nil
	return delivery{b, k.send(out, nil)}
}

// flushNow sends the batch and ends its exchanges. The lock is held; it is
// released while the exchanges are ended.
func (k *h1Conn) flushNow() {
	if k.batch == nil {
		return
	}
	sent := k.flush()
	k.mu.Unlock()
	defer k.mu.Lock()
	sent.tell()
}

// send sends head and body, and returns head to the pool. The lock is held,
// which keeps the order.
func (k *h1Conn) send(head *outBuffer, body []byte) *aio.Future[int] {
	if len(head.b)+len(body) <= batchSize {
		head.b = append(head.b, body...)
		f := k.c.Send(head.b)
		// gathered responses have filled the queue
		if _, err := f.Result(); errors.Is(err, aio.ErrBacklog) {
			return k.c.SendOwned(head.b)
		}
		putBuffer(head)
		return f
	}
	return k.c.SendOwned(head.b, body)
}

// copyBuffers holds buffers for copying a body.
var copyBuffers = sync.Pool{New: func() any { return new([piece]byte) }}
