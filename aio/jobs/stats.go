package jobs

import (
	"sync/atomic"
	"time"
)

// Stats holds the figures of a Worker since its start.
type Stats struct {
	Running  int   // jobs whose lease is held or whose Handle has not returned
	Reserved int64 // leases returned by Reserve
	Deleted  int64 // jobs done, and deleted
	Retried  int64 // jobs that failed, and were released to be tried again
	Returned int64 // jobs released because the Worker ended
	Buried   int64 // jobs buried
	Lost     int64 // leases lost while the job ran
	Unsure   int64 // leases not settled: the job is or may be handed out again

	Outages   int       // how often the broker could not be reached
	DownSince time.Time // since when it cannot be reached; zero if it can
	DownErr   error     // the latest error of Reserve, if it cannot
}

// figures holds the counters behind Stats.
type figures struct {
	running                                                    atomic.Int64
	reserved, deleted, retried, returned, buried, lost, unsure atomic.Int64
}

// Stats returns a snapshot of the Worker's figures. It may be called at any
// time.
func (w *Worker) Stats() Stats {
	f := &w.figures
	s := Stats{
		Running: int(f.running.Load()), Reserved: f.reserved.Load(), Deleted: f.deleted.Load(), Retried: f.retried.Load(),
		Returned: f.returned.Load(), Buried: f.buried.Load(), Lost: f.lost.Load(), Unsure: f.unsure.Load(),
	}
	w.outage.mu.Lock()
	defer w.outage.mu.Unlock()
	s.Outages, s.DownSince, s.DownErr = w.outage.count, w.outage.since, w.outage.err
	return s
}
