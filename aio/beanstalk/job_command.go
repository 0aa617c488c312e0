package beanstalk

import (
	"context"

	"goaio.example/aio"
)

// finish sends a command after which the job is not reserved any more.
func (j *Job) finish(ctx context.Context, kind aio.Kind, v *verb, line []byte) *aio.Future[none] {
	c := &call[none]{take: takeNone}
	if v == verbRelease {
		c.take = takeReleased
	}
	c.line = line
	return jobCommand(ctx, j, kind, v, c, j.leave, j.left)
}

// takeReleased: a job that could not be released was buried.
func takeReleased(_ *call[none], r *reply) (none, error) {
	if r.word == wordBuried {
		return none{}, ErrBuried
	}
	return none{}, nil
}

// leave is called when the command is sent. The lock is held.
func (j *Job) leave() {
	j.state = jobLeaving
	delete(j.w.jobs, j.ID)
}

// left is called with the answer. The lock is held.
func (j *Job) left(answer word) {
	switch {
	case j.state != jobLeaving:
	case anyCommand.has(answer):
		j.state = jobHeld // the server could not do it
		if j.w.dead != nil || j.w.jobs[j.ID] != nil {
			j.lose()
			return
		}
		j.w.jobs[j.ID] = j
	default:
		j.state = jobDone
	}
}

// A jobAsker passes the answer about a job on to its call.
type jobAsker[T any] struct {
	job  *Job
	call *call[T]
	then func(answer word) // with the lock held; may be nil
}

func (a *jobAsker[T]) answered(w *wire, r *reply) {
	p := w.pool
	p.lock()
	if r.word == wordNotFound {
		a.job.notFound()
	} else if a.then != nil {
		a.then(r.word)
	}
	p.unlock()
	if r.word == wordNotFound {
		a.call.Reject(a.job.lostError(a.call.verb, ErrNotFound, false))
		return
	}
	a.call.answered(w, r)
}

func (a *jobAsker[T]) failed(err error, sent bool) {
	a.job.w.pool.lock()
	a.job.lose()
	a.job.w.pool.unlock()
	a.call.Reject(a.job.lostError(a.call.verb, err, sent))
}

// jobCommand sends a command by the connection that has reserved the job. sent
// is called with the lock held when the command is sent, then with the answer.
func jobCommand[T any](ctx context.Context, j *Job, kind aio.Kind, v *verb, c *call[T], sent func(), then func(word)) *aio.Future[T] {
	p := j.w.pool
	c.id = j.ID
	c.out.Store(int64(len(c.line)))
	if !c.begin(ctx, p, kind, v) {
		return c.Future()
	}
	c.asker = &jobAsker[T]{j, c, then}
	p.lock()
	err := j.refusal(v)
	if err == nil && c.state == commandNew {
		j.w.put(&c.command)
		if sent != nil {
			sent()
		}
		j.w.owner.settled(j.w)
	}
	p.unlock()
	if err != nil {
		c.Reject(err)
	}
	return c.Future()
}

// refusal is why the job can take no command. The lock is held.
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

// lostError is the error of a command about a job that is lost.
func (j *Job) lostError(v *verb, err error, sent bool) error {
	return &Error{Op: v.name, Addr: j.w.pool.client.addr(), ID: j.ID, Err: err, Unanswered: sent, Lost: true}
}
