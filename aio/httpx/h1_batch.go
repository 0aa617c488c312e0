package httpx

import (
	"errors"
	"sync"
	"time"

	"goaio.example/aio"
)

// h1Batch is the answers to requests that came together, which are sent
// together.
type h1Batch struct {
	out  *outBuffer
	over []*h1Exchange // those whose answers are in out
}

const (
	batchTime = time.Millisecond // how long an answer is gathered at most
	batchSize = 32 << 10         // how much is gathered
)

// outBuffer is a buffer for what is sent.
type outBuffer struct{ b []byte }

var outBuffers = sync.Pool{New: func() any { return &outBuffer{make([]byte, 0, 4<<10)} }}

func getBuffer() *outBuffer { return outBuffers.Get().(*outBuffer) }

// putBuffer gives a buffer back, unless it has grown large.
func putBuffer(o *outBuffer) {
	if cap(o.b) <= 2*batchSize {
		o.b = o.b[:0]
		outBuffers.Put(o)
	}
}

// batches are batches that were sent.
var batches = sync.Pool{New: func() any { return new(h1Batch) }}

// delivery is a batch that was handed to the connection, and the future of
// that. The zero delivery is none.
type delivery struct {
	b *h1Batch
	f *aio.Future[int]
}

// tell ends the exchanges whose answers were sent. The connection's lock is not
// held.
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

// put sends the whole answer to x, head and body. It gathers one that is small
// while another request has come already. What it returns are the answers that
// were gathered before, or with it, and the future of x's own answer, which is
// nil if that is among them. The lock is held.
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

// wasPut ends the exchanges whose answers put has handed over. The lock is not
// held.
func (x *h1Exchange) wasPut(sent delivery, f *aio.Future[int]) {
	sent.tell()
	if f != nil {
		x.sentBy(f)
	}
}

// nothing does nothing.
func nothing() {}

// gather adds an answer to the batch. The lock is held.
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

// flush sends the batch. The caller tells what it returns without the lock,
// which is held.
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

// flushNow sends the batch. The lock is held, but not while those are told
// whose answers it has.
func (k *h1Conn) flushNow() {
	if k.batch == nil {
		return
	}
	sent := k.flush()
	k.mu.Unlock()
	defer k.mu.Lock()
	sent.tell()
}

// send sends bytes of which head is to be given back. The lock is held, so that
// the order is kept.
func (k *h1Conn) send(head *outBuffer, body []byte) *aio.Future[int] {
	if len(head.b)+len(body) <= batchSize {
		head.b = append(head.b, body...)
		f := k.c.Send(head.b)
		if _, err := f.Result(); errors.Is(err, aio.ErrBacklog) { // answers that were gathered have filled the queue
			return k.c.SendOwned(head.b)
		}
		putBuffer(head)
		return f
	}
	return k.c.SendOwned(head.b, body)
}

// copyBuffers are for copying a body.
var copyBuffers = sync.Pool{New: func() any { return new([piece]byte) }}
