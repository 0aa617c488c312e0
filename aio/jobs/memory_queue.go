package jobs

import (
	"container/heap"
	"strconv"
	"time"
)

// memoryJob is a job in a Memory. It is ready, waits for a time (delayed or
// leased), is buried, or gone.
type memoryJob struct {
	data     []byte
	id       ID
	turn     uint64 // orders those that are ready
	attempts int
	at       time.Time    // when the delay, or the lease, ends
	lease    *memoryLease // nil if it is not leased
	slot     int          // in waits
	why      error        // why it is buried
}

// memoryQueue is a queue of a Memory, whose lock guards it.
type memoryQueue struct {
	name   string
	ready  byTurn
	waits  byTime
	buried []*memoryJob
}

// wait makes a job ready after d.
func (q *memoryQueue) wait(m *Memory, j *memoryJob, d time.Duration) {
	j.lease = nil
	m.count++
	j.turn = m.count
	if d > 0 {
		q.until(m, j, time.Now().Add(d))
		return
	}
	heap.Push(&q.ready, j)
	m.more.Ring()
}

// until makes a job wait for a time.
func (q *memoryQueue) until(m *Memory, j *memoryJob, at time.Time) {
	j.at = at
	heap.Push(&q.waits, j)
	if j.slot == 0 { // it is the first that a Reserve waits for
		m.more.Ring()
	}
}

// promote makes jobs ready whose delay, or lease, is over.
func (q *memoryQueue) promote(m *Memory, now time.Time) {
	for len(q.waits) > 0 && !q.waits[0].at.After(now) {
		j := heap.Pop(&q.waits).(*memoryJob)
		if j.lease != nil {
			delete(j.lease.s.held, j.lease)
		}
		q.wait(m, j, 0)
	}
}

// take leases the first ready job to l.
func (q *memoryQueue) take(m *Memory, now time.Time, l *memoryLease) {
	j := heap.Pop(&q.ready).(*memoryJob)
	j.attempts++
	j.lease = l
	l.job, l.q, l.d = j, q, q.delivery(j, m.lease())
	l.s.held[l] = true
	q.renew(m, j, now)
}

// renew begins the lease of a job that is in no heap.
func (q *memoryQueue) renew(m *Memory, j *memoryJob, now time.Time) {
	lease := m.lease()
	if lease == 0 {
		lease = 100 * 365 * 24 * time.Hour
	}
	q.until(m, j, now.Add(lease))
}

// delivery describes a job that is handed out.
func (q *memoryQueue) delivery(j *memoryJob, lease time.Duration) Delivery {
	return Delivery{Queue: q.name, Data: j.data, BrokerID: strconv.FormatUint(j.turn, 10), Attempts: j.attempts, Lease: lease}
}

// byTurn is a heap of ready jobs.
type byTurn []*memoryJob

func (h byTurn) Len() int           { return len(h) }
func (h byTurn) Less(i, k int) bool { return h[i].turn < h[k].turn }
func (h byTurn) Swap(i, k int)      { h[i], h[k] = h[k], h[i] }
func (h *byTurn) Push(x any)        { *h = append(*h, x.(*memoryJob)) }
func (h *byTurn) Pop() any          { return popLast((*[]*memoryJob)(h)) }

// byTime is a heap of jobs that wait for a time.
type byTime []*memoryJob

func (h byTime) Len() int           { return len(h) }
func (h byTime) Less(i, k int) bool { return h[i].at.Before(h[k].at) }
func (h *byTime) Pop() any          { return popLast((*[]*memoryJob)(h)) }

func (h byTime) Swap(i, k int) {
	h[i], h[k] = h[k], h[i]
	h[i].slot, h[k].slot = i, k
}

func (h *byTime) Push(x any) {
	j := x.(*memoryJob)
	j.slot = len(*h)
	*h = append(*h, j)
}

// popLast takes the last job out.
func popLast(jobs *[]*memoryJob) *memoryJob {
	n := len(*jobs) - 1
	j := (*jobs)[n]
	(*jobs)[n] = nil
	*jobs = (*jobs)[:n]
	return j
}
