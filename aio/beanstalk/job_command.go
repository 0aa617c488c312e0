package beanstalk

import (
	"context"

	"goaio.example/aio"
)

// finish sends a command that ends the reservation.
func (j *Job) finish(ctx context.Context, kind aio.Kind, v *verb, line []byte) *aio.Future[none] {
	c := &call[none]{take: takeNone}
	if v == verbRelease {
		c.take = takeReleased
	}
	c.line = line
	return jobCommand(ctx, j, kind, v, c)
}

// takeReleased fails if the job was buried because it could not be released.
func takeReleased(_ *call[none], r *reply) (none, error) {
	if r.word == wordBuried {
		return none{}, ErrBuried
	}
	return none{}, nil
}

// jobCommand sends a command on the connection that has reserved the job.
func jobCommand[T any](ctx context.Context, j *Job, kind aio.Kind, v *verb, c *call[T]) *aio.Future[T] {
	p := j.w.pool
	c.id, c.job = j.ID, j
	c.out.Store(int64(len(c.line)))
	if !c.begin(ctx, p, kind, v) {
		return c.Future()
	}
	p.lock()
	err := j.refusal(v)
	if err == nil && c.state == commandNew {
		if v.ends() {
			j.leave()
		}
		j.w.put(&c.command)
		j.w.owner.settled(j.w)
	}
	p.unlock()
	if err != nil {
		c.Reject(err)
	}
	return c.Future()
}

// ends reports whether the command ends a job's reservation.
func (v *verb) ends() bool { return v == verbDelete || v == verbRelease || v == verbBury }

// refusal returns an error if the job accepts no commands. The lock is held.
func (j *Job) refusal(v *verb) error {
	switch {
	case j.state == jobLost:
		err := j.w.dead
		if err == nil {
			err = ErrJobLost
		}
		return j.lostError(v, err, false)
	case j.state != jobHeld:
		return &Error{Op: v.name, Addr: j.w.pool.client.addr(), ID: j.ID, Err: ErrJobDone}
	}
	return nil
}

// lostError returns the error of a command about a lost job.
func (j *Job) lostError(v *verb, err error, sent bool) error {
	return &Error{Op: v.name, Addr: j.w.pool.client.addr(), ID: j.ID, Err: err, Unanswered: sent, Lost: true}
}

// heard records the response to a command about the job, and returns an error
// if the job is lost.
func (j *Job) heard(c *command, answer word) error {
	j.w.pool.lock()
	defer j.w.pool.unlock()
	switch {
	case answer == wordNotFound:
		j.notFound()
		return j.lostError(c.verb, ErrNotFound, false)
	case answer == wordTouched && j.known:
		j.deadline = c.at.Add(j.stats.TTR)
	case c.verb.ends():
		j.left(answer)
	}
	return nil
}

// unheard records that a sent command about the job gets no response, because
// the connection has ended. It returns the command's error.
func (j *Job) unheard(c *command, err error, sent bool) error {
	j.w.pool.lock()
	defer j.w.pool.unlock()
	j.lose()
	return j.lostError(c.verb, err, sent)
}

// leave records that a command that ends the reservation is sent. The lock is
// held.
func (j *Job) leave() {
	j.state = jobLeaving
	delete(j.w.jobs, j.ID)
}

// left records the response to that command. The lock is held.
func (j *Job) left(answer word) {
	switch {
	case j.state != jobLeaving:
	case anyCommand.has(answer):
		j.state = jobHeld // the server could not carry it out
		if j.w.dead != nil || j.w.jobs[j.ID] != nil {
			j.lose()
			return
		}
		j.w.jobs[j.ID] = j
	default:
		j.state = jobDone
	}
}
