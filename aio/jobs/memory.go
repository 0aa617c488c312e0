package jobs

import (
	"context"
	"fmt"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/bell"
)

var kindPut = aio.NewKind("jobs.put")

// A Memory is a broker within the process: a Putter, with Sources. It is for
// tests, including those in synctest bubbles, and for programs whose jobs may
// end with them. The zero Memory is ready to use. It needs no loop, has no
// goroutine, and may be used by several loops. Jobs of one queue are handed out
// in the order in which they were put, or became ready again. Set the fields
// before use. The methods are safe for concurrent use.
type Memory struct {
	// Lease is how long jobs are leased. 0 means 1 minute; negative: forever.
	Lease time.Duration
	// MaxBytes bounds the stored jobs, including buried ones: their bodies and
	// envelopes, in bytes. A Put beyond it fails with ErrFull, and one of a job
	// that is larger than MaxBytes with ErrTooBig. 0 means 256 MiB; negative:
	// no bound.
	MaxBytes int64

	mu     sync.Mutex
	queues map[string]*memoryQueue
	count  uint64 // number of jobs that were put or became ready again
	bytes  int64
	more   bell.Bell // rung when a job becomes ready, or waits for a time
}

// Put is Putter.Put. It never waits. The errors are ErrInvalid, ErrFull and
// ErrTooBig, those of a ctx without a running loop, and the cause of an ended
// ctx.
func (m *Memory) Put(ctx context.Context, queue string, j Job) *aio.Future[ID] {
	p := aio.NewPromise[ID](ctx, kindPut, printable(queue))
	if p.Op().Ended() {
		return p.Future() // no loop, or an ended ctx
	}
	id, err := m.put(queue, j)
	if err != nil {
		p.Reject(err)
	} else {
		p.Resolve(id)
	}
	return p.Future()
}

func (m *Memory) put(queue string, j Job) (ID, error) {
	data, id, err := Encode(queue, j)
	if err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	size, most := int64(len(data)), m.maxBytes()
	switch {
	case most < 0:
	case size > most:
		return "", fmt.Errorf("%w: %d bytes of %d", ErrTooBig, size, most)
	case m.bytes+size > most:
		return "", fmt.Errorf("%w: it has %d bytes of %d", ErrFull, m.bytes, most)
	}
	m.bytes += size
	m.queue(queue).wait(m, &memoryJob{data: data, id: id}, j.Delay)
	return id, nil
}

func (m *Memory) maxBytes() int64 {
	if m.MaxBytes == 0 {
		return 256 << 20
	}
	return m.MaxBytes
}

func (m *Memory) lease() time.Duration {
	if m.Lease == 0 {
		return time.Minute
	}
	return max(m.Lease, 0)
}

// queue returns a queue, which the first call makes. The lock is held.
func (m *Memory) queue(name string) *memoryQueue {
	q := m.queues[name]
	if q == nil {
		if m.queues == nil {
			m.queues = make(map[string]*memoryQueue)
		}
		q = &memoryQueue{name: name}
		m.queues[name] = q
	}
	return q
}

// Source returns a Source of the given queues. Without queues it has no jobs.
func (m *Memory) Source(queues ...string) Source {
	return &memorySource{m: m, queues: queues, held: make(map[*memoryLease]bool), end: make(chan struct{})}
}

// MemoryStats holds the numbers of jobs of a queue.
type MemoryStats struct {
	Ready    int // ready to be handed out
	Delayed  int // to be ready later
	Reserved int // leased
	Buried   int
}

// Stats returns the current numbers of jobs of a queue.
func (m *Memory) Stats(queue string) MemoryStats {
	m.mu.Lock()
	defer m.mu.Unlock()
	q := m.queue(queue)
	q.promote(m, time.Now())
	s := MemoryStats{Ready: len(q.ready), Buried: len(q.buried)}
	for _, j := range q.waits {
		if j.lease != nil {
			s.Reserved++
		} else {
			s.Delayed++
		}
	}
	return s
}

// MemoryBuried is a job that was buried.
type MemoryBuried struct {
	Job Job
	Why error
}

// Buried returns the buried jobs of a queue, in the order in which they were
// buried.
func (m *Memory) Buried(queue string) []MemoryBuried {
	m.mu.Lock()
	defer m.mu.Unlock()
	q := m.queue(queue)
	out := make([]MemoryBuried, len(q.buried))
	for i, b := range q.buried {
		j, _ := Decode(q.delivery(b, 0)) // Put has encoded it
		out[i] = MemoryBuried{j, b.why}
	}
	return out
}

// Kick makes up to n buried jobs of a queue ready, the oldest first, and
// returns how many. Their attempts count from 0 again.
func (m *Memory) Kick(queue string, n int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	q := m.queue(queue)
	n = max(0, min(n, len(q.buried)))
	for _, j := range q.buried[:n] {
		j.why, j.attempts = nil, 0
		q.wait(m, j, 0)
	}
	q.buried = append([]*memoryJob(nil), q.buried[n:]...)
	return n
}

// errClosed is the error of a closed Source.
var errClosed = fmt.Errorf("jobs: the Source: %w", aio.ErrClosed)
