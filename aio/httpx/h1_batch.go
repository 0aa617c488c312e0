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

// put sends the whole answer to x, head and body. It gathers one that is small
// while another request has come already. The lock is not held.
func (k *h1Conn) put(x *h1Exchange, head *outBuffer, body []byte) {
	k.mu.Lock()
	more := k.inData && len(k.rest) > 0 && !x.close
	if (more || k.batch != nil) && len(head.b)+len(body) < batchSize {
		sent := nothing
		k.gather(x, head, body)
		if !more || len(k.batch.out.b) >= batchSize {
			sent = k.flush()
		}
		k.mu.Unlock()
		sent()
		return
	}
	sent := k.flush()
	f := k.send(head, body)
	k.mu.Unlock()
	sent()
	x.sentBy(f)
}

func nothing() {}

// gather adds an answer to the batch. The lock is held.
func (k *h1Conn) gather(x *h1Exchange, head *outBuffer, body []byte) {
	b := k.batch
	if b == nil {
		b = &h1Batch{out: head}
		k.batch = b
		k.setAlarm(dueBatch, batchTime)
	} else {
		b.out.b = append(b.out.b, head.b...)
		putBuffer(head)
	}
	b.out.b = append(b.out.b, body...)
	b.over = append(b.over, x)
}

// flush sends the batch. What it returns is to be called without the lock,
// which is held.
func (k *h1Conn) flush() (sent func()) {
	b := k.batch
	if b == nil {
		return nothing
	}
	k.batch = nil
	if k.due == dueBatch {
		k.stopAlarm()
	}
	f := k.send(b.out, nil)
	return func() {
		for _, x := range b.over {
			x.sentBy(f)
		}
	}
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
	sent()
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
