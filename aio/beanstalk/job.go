package beanstalk

import (
	"context"
	"time"

	"goaio.example/aio"
)

// Job is a job that was reserved. It belongs to the connection that has
// reserved it, and is given back by the server when that ends or when the job's
// TTR has passed since it was reserved or touched last. It is done with by
// Delete, Release or Bury: until then it keeps a connection from waiting for
// the next job. All methods may be called from any goroutine.
type Job struct {
	ID   uint64
	Body []byte

	w *wire

	// The pool's lock guards these.
	state    jobState
	known    bool // stats were asked for
	stats    JobStats
	deadline time.Time
	gone     chan struct{} // what Lost returns; nil until it is asked for
}

// jobState is how far a job has come:
//
//	held ─► leaving ─► done
//	  │ ▲________│ │
//	  └──────► lost ◄┘
//
// A job is leaving while an answer to Delete, Release or Bury is awaited. It is
// held again if the server could not do that.
type jobState uint8

const (
	jobHeld jobState = iota
	jobLeaving
	jobDone
	jobLost
)

var (
	kindRelease = aio.NewKind("beanstalk.release")
	kindBury    = aio.NewKind("beanstalk.bury")
	kindTouch   = aio.NewKind("beanstalk.touch")
)

// newJob is a job that a wire has reserved. If the wire has reserved it before,
// that reservation has run out. The lock is held.
func (w *wire) newJob(r *reply) *Job {
	j := &Job{ID: r.id, Body: r.body, w: w}
	if w.dead != nil {
		j.lose()
		return j
	}
	if old := w.jobs[j.ID]; old != nil {
		old.lose()
	}
	w.jobs[j.ID] = j
	return j
}

// lose marks a job as lost. The lock is held.
func (j *Job) lose() {
	if j.state == jobDone || j.state == jobLost {
		return
	}
	j.state = jobLost
	if j.gone != nil {
		close(j.gone)
	}
}

// notFound notes that the server does not know the job as reserved. The lock is
// held.
func (j *Job) notFound() {
	if j.w.jobs[j.ID] == j {
		delete(j.w.jobs, j.ID)
	}
	j.lose()
}

// Lost returns a channel that is closed when the job is known to be lost: its
// connection has ended, it was reserved anew after its TTR, or the server has
// answered a command with NOT_FOUND. Delete, Release and Bury do not close it.
// That the TTR has passed is not known otherwise: see Deadline.
func (j *Job) Lost() <-chan struct{} {
	j.w.pool.lock()
	defer j.w.pool.unlock()
	if j.gone == nil {
		j.gone = make(chan struct{})
		if j.state == jobLost {
			close(j.gone)
		}
	}
	return j.gone
}

// LastStats returns what Stats has told last, or what was asked for when the
// job was reserved (Consumer.Stats). It reports false if there was neither.
func (j *Job) LastStats() (JobStats, bool) {
	j.w.pool.lock()
	defer j.w.pool.unlock()
	return j.stats, j.known
}

// Deadline returns the time until which the server keeps the job reserved at
// least, by what Stats and Touch have told: what the server said was left,
// counted from when it was asked. It is up to a second early, as the server
// rounds down, and the zero time if the job's TTR is not known.
func (j *Job) Deadline() time.Time {
	j.w.pool.lock()
	defer j.w.pool.unlock()
	return j.deadline
}

// Delete deletes the job: it is done.
//
// Errors of Delete, Release, Bury and Touch: ErrJobLost, with ErrNotFound if
// the server has said so, and with the connection's error if that has ended;
// ErrJobDone after the first Delete, Release or Bury that succeeded or whose
// outcome is not known; what the server answers. If the error is an
// ErrUnanswered, the server may have done it.
func (j *Job) Delete(ctx context.Context) *aio.Future[struct{}] {
	return j.finish(ctx, kindDelete, verbDelete, numbered(verbDelete.name, j.ID))
}

// Release gives the job back, with a priority (see PutOptions), and a delay, in
// whole seconds, rounded up, before which it is not reserved again.
func (j *Job) Release(ctx context.Context, priority uint32, delay time.Duration) *aio.Future[struct{}] {
	s, err := seconds("delay", delay)
	if err != nil {
		return invalid[none](j.w.pool.client, verbRelease, "", j.ID, err)
	}
	return j.finish(ctx, kindRelease, verbRelease, numbered(verbRelease.name, j.ID, uint64(priority), uint64(s)))
}

// Bury puts the job aside, with a priority, until it is kicked.
func (j *Job) Bury(ctx context.Context, priority uint32) *aio.Future[struct{}] {
	return j.finish(ctx, kindBury, verbBury, numbered(verbBury.name, j.ID, uint64(priority)))
}

// Touch has the job's TTR begin anew.
func (j *Job) Touch(ctx context.Context) *aio.Future[struct{}] {
	c := &call[none]{take: takeNone}
	c.line = numbered(verbTouch.name, j.ID)
	return jobCommand(ctx, j, kindTouch, verbTouch, c)
}

// Stats returns a future of what the server tells of the job, and has it kept
// for LastStats and Deadline. It goes by the connection that has reserved the
// job.
func (j *Job) Stats(ctx context.Context) *aio.Future[JobStats] {
	c := &call[JobStats]{}
	c.line = numbered(verbStatsJob.name, j.ID)
	c.take = func(_ *call[JobStats], r *reply) (JobStats, error) {
		s, err := parseJobStats(r.body, j.ID)
		if err == nil {
			j.w.pool.lock()
			j.learn(s, c.at)
			j.w.pool.unlock()
		}
		return s, err
	}
	return jobCommand(ctx, j, kindStats, verbStatsJob, c)
}

// learn keeps what the server has told of the job. The lock is held.
func (j *Job) learn(s JobStats, asked time.Time) {
	j.stats, j.known = s, true
	if s.State == Reserved {
		j.deadline = asked.Add(s.TimeLeft)
	}
}
