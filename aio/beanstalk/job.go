package beanstalk

import (
	"context"
	"time"

	"goaio.example/aio"
)

// A Job is a reserved job. It belongs to the connection that has reserved it.
// The server makes it ready again when the connection ends or when its TTR has
// passed since it was reserved or last touched. Delete, Release or Bury
// finishes it: until then it keeps a connection from waiting for the next job.
// All methods are safe for concurrent use.
type Job struct {
	ID   uint64
	Body []byte

	w *wire

	// The pool's lock guards these.
	state    jobState
	known    bool // stats were asked for
	stats    JobStats
	deadline time.Time
	gone     chan struct{} // result of Lost; nil until asked for
}

// jobState is the state of a reserved job:
//
//	held ─► leaving ─► done
//	  │ ▲________│ │
//	  └──────► lost ◄┘
//
// A job is leaving while the response to Delete, Release or Bury is
// outstanding. It is held again if the server could not carry out the command.
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

// newJob returns a job that a wire has reserved. If the wire has reserved it
// before, that reservation has expired. The lock is held.
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

// notFound records that the job is not reserved for the wire any more,
// according to the server. The lock is held.
func (j *Job) notFound() {
	if j.w.jobs[j.ID] == j {
		delete(j.w.jobs, j.ID)
	}
	j.lose()
}

// Lost returns a channel that is closed when the job is known to be lost: its
// connection has ended, it was reserved again after its TTR, or the server has
// responded to a command with NOT_FOUND. Delete, Release and Bury do not close
// it. There is no other way to notice that the TTR has passed: see Deadline.
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

// LastStats returns the latest result of Stats, or the statistics from when the
// job was reserved (Consumer.Stats). It reports false if there are none.
func (j *Job) LastStats() (JobStats, bool) {
	j.w.pool.lock()
	defer j.w.pool.unlock()
	return j.stats, j.known
}

// Deadline returns the time until which the server keeps the job reserved at
// least, according to Stats and Touch: the time left, counted from the request.
// It is up to a second early, as the server rounds down, and the zero time if
// the job's TTR is not known.
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
// outcome is not known; and the server's error responses. If the error is an
// ErrUnanswered, the server may have carried out the command.
func (j *Job) Delete(ctx context.Context) *aio.Future[struct{}] {
	return j.finish(ctx, kindDelete, verbDelete, numbered(verbDelete.name, j.ID))
}

// Release makes the job ready again after a delay, in whole seconds, rounded
// up, with a priority (see PutOptions).
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

// Touch restarts the job's TTR.
func (j *Job) Touch(ctx context.Context) *aio.Future[struct{}] {
	c := &call[none]{take: takeNone}
	c.line = numbered(verbTouch.name, j.ID)
	return jobCommand(ctx, j, kindTouch, verbTouch, c)
}

// Stats returns a future of the server's statistics of the job, and stores them
// for LastStats and Deadline. It uses the connection that has reserved the job.
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

// learn stores the server's statistics of the job. The lock is held.
func (j *Job) learn(s JobStats, asked time.Time) {
	j.stats, j.known = s, true
	if s.State == Reserved {
		j.deadline = asked.Add(s.TimeLeft)
	}
}
