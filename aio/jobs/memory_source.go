package jobs

import (
	"container/heap"
	"context"
	"time"
)

// memorySource is a Source of a Memory, whose lock guards it.
type memorySource struct {
	m      *Memory
	queues []string
	held   map[*memoryLease]bool
	closed bool
	end    chan struct{} // closed by Close
}

// Reserve waits for a job. It never returns ErrNoJob.
func (s *memorySource) Reserve(ctx context.Context) (Lease, error) {
	m := s.m
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		m.mu.Lock()
		if s.closed {
			m.mu.Unlock()
			return nil, errClosed
		}
		l, next := s.take(time.Now())
		more := m.more.C()
		m.mu.Unlock()
		if l != nil {
			return l, nil
		}
		s.await(ctx, more, next)
	}
}

// take leases the first ready job, or returns when one may become ready. The
// lock is held.
func (s *memorySource) take(now time.Time) (l *memoryLease, next time.Time) {
	var first *memoryQueue
	for _, name := range s.queues {
		q := s.m.queue(name)
		q.promote(s.m, now)
		if len(q.ready) > 0 && (first == nil || q.ready[0].turn < first.ready[0].turn) {
			first = q
		}
		if len(q.waits) > 0 && (next.IsZero() || q.waits[0].at.Before(next)) {
			next = q.waits[0].at
		}
	}
	if first == nil {
		return nil, next
	}
	l = &memoryLease{s: s}
	first.take(s.m, now, l)
	return l, next
}

// await waits until there may be a job.
func (s *memorySource) await(ctx context.Context, more <-chan struct{}, next time.Time) {
	var due <-chan time.Time
	if !next.IsZero() {
		t := time.NewTimer(time.Until(next))
		defer t.Stop()
		due = t.C
	}
	select {
	case <-more:
	case <-due:
	case <-s.end:
	case <-ctx.Done():
	}
}

// Close closes the Source. Jobs that it still leases are ready at once.
func (s *memorySource) Close(context.Context) error {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if s.closed {
		return errClosed
	}
	s.closed = true
	close(s.end)
	for l := range s.held {
		heap.Remove(&l.q.waits, l.job.slot)
		l.q.wait(s.m, l.job, 0)
	}
	s.held = nil
	return nil
}

// memoryLease is a Lease of a Memory, whose lock guards it.
type memoryLease struct {
	s   *memorySource
	q   *memoryQueue
	job *memoryJob
	d   Delivery
}

func (l *memoryLease) Delivery() Delivery { return l.d }

func (l *memoryLease) Touch(ctx context.Context) error {
	return l.with(ctx, func(m *Memory, j *memoryJob) {
		j.lease = l
		l.s.held[l] = true
		l.q.renew(m, j, time.Now())
	})
}

func (l *memoryLease) Delete(ctx context.Context) error {
	return l.with(ctx, func(m *Memory, j *memoryJob) { m.bytes -= int64(len(j.data)) })
}

func (l *memoryLease) Release(ctx context.Context, delay time.Duration) error {
	return l.with(ctx, func(m *Memory, j *memoryJob) { l.q.wait(m, j, delay) })
}

func (l *memoryLease) Bury(ctx context.Context, why error) error {
	return l.with(ctx, func(m *Memory, j *memoryJob) {
		j.why = why
		l.q.buried = append(l.q.buried, j)
	})
}

// with calls fn with the job, which is then in no heap and not leased, if the
// lease has not ended.
func (l *memoryLease) with(ctx context.Context, fn func(m *Memory, j *memoryJob)) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	m := l.s.m
	m.mu.Lock()
	defer m.mu.Unlock()
	l.q.promote(m, time.Now())
	j := l.job
	if j.lease != l {
		return ErrLeaseLost
	}
	heap.Remove(&l.q.waits, j.slot)
	j.lease = nil
	delete(l.s.held, l)
	fn(m, j)
	return nil
}
