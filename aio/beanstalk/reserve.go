package beanstalk

import (
	"context"
	"errors"

	"goaio.example/aio"
)

// give gives an arrived job to a waiter, or releases it if there is none. The
// lock is held.
func (on *consuming) give(wt *waiter, w *wire, r *reply) {
	j := w.newJob(r)
	switch {
	case j.state == jobLost && wt != nil:
		on.again(wt)
	case r.skipped:
		on.pool.do(func() {
			j.giveBack(verbBury)
			if wt != nil {
				wt.failed(tooBig(on.pool.client, r), false)
			}
		})
	case wt == nil:
		on.pool.do(func() { j.giveBack(verbRelease) })
	case on.consumer.Stats && w.dead == nil:
		on.study(wt, j)
	default:
		on.pool.do(func() { wt.take(j) })
	}
}

// take resolves the future with the job. If the future is over, the job is
// released.
func (wt *waiter) take(j *Job) {
	if !wt.Resolve(j) {
		j.giveBack(verbRelease)
	}
}

// study asks about the job, and then gives it to the waiter. The lock is held.
func (on *consuming) study(wt *waiter, j *Job) {
	on.pins++
	j.ask(func(error) {
		defer on.unpin()
		on.pool.lock()
		defer on.pool.unlock()
		if j.state == jobLost {
			on.again(wt)
			on.pump()
			return
		}
		on.pool.do(func() { wt.take(j) })
	})
}

// ask asks the server about the job, and calls fn with the error. A job that
// the server does not know is lost. If the server cannot answer, the job is
// unchanged. The lock is held.
func (j *Job) ask(fn func(err error)) {
	c := &command{verb: verbStatsJob, id: j.ID, line: numbered(verbStatsJob.name, j.ID)}
	c.asker = askFunc(func(w *wire, r *reply, err error) {
		var s JobStats
		if err == nil {
			s, err = parseJobStats(r.body, j.ID)
		}
		j.w.pool.lock()
		switch {
		case err == nil:
			j.learn(s, c.at)
		case errors.Is(err, ErrProtocol):
			j.w.kill(err)
		case err == ErrNotFound:
			j.notFound()
		}
		j.w.pool.unlock()
		fn(err)
	})
	j.w.put(c)
}

// giveBack releases, or buries, a job that no caller has got, with its own
// priority: as if it had not been reserved, except that the server counts it.
// If the connection ends meanwhile, the server makes the job ready anyway.
func (j *Job) giveBack(v *verb) {
	p := j.w.pool
	p.lock()
	defer p.unlock()
	switch {
	case j.state != jobHeld:
	case j.known:
		j.putBack(v)
	default:
		j.ask(func(err error) {
			if err == nil {
				p.lock()
				defer p.unlock()
				if j.state == jobHeld {
					j.putBack(v)
				}
			}
		})
	}
}

// putBack is giveBack when the priority is known. The lock is held.
func (j *Job) putBack(v *verb) {
	numbers := []uint64{j.ID, uint64(j.stats.Priority)}
	if v == verbRelease {
		numbers = append(numbers, 0)
	}
	j.leave()
	j.w.put(&command{verb: v, id: j.ID, line: numbered(v.name, numbers...), asker: askFunc(func(w *wire, r *reply, err error) {
		p := j.w.pool
		p.lock()
		defer p.unlock()
		if w == nil || err == ErrNotFound {
			j.lose()
		} else {
			j.left(r.word)
		}
	})})
}

// reserveBy sends a reserve that does not wait on a connection that is not
// blocked.
func reserveBy(ctx context.Context, c *Consumer, v *verb, call *call[*Job]) *aio.Future[*Job] {
	on, err := c.on(ctx, v)
	if err != nil {
		return aio.Failed[*Job](err)
	}
	defer on.unpin()
	if !call.begin(ctx, on.pool, kindReserve, v) {
		return call.Future()
	}
	if v == verbReserve && call.Op().Draining() {
		call.failed(aio.ErrExit, false)
		return call.Future()
	}
	call.asker = &nowAsker{on, call}
	on.submit(&call.command)
	return call.Future()
}

// submit sends a command on a connection that is not blocked.
func (on *consuming) submit(c *command) {
	p := on.pool
	p.lock()
	var err error
	if c.state == commandNew {
		c.size = len(c.line)
		if on.consumer.isClosed() {
			err = aio.ErrClosed
		} else if err = p.admit(c); err == nil {
			c.state = commandHeld
			on.direct.push(c)
			on.pump()
		}
	}
	p.unlock()
	if err != nil {
		c.asker.failed(err, false)
	}
}

// A nowAsker passes the response to a reserve that does not wait to its call.
type nowAsker struct {
	on   *consuming
	call *call[*Job]
}

func (a *nowAsker) failed(err error, sent bool) { a.call.failed(err, sent) }

func (a *nowAsker) answered(w *wire, r *reply) {
	if r.word != wordReserved {
		a.call.answered(w, r)
		return
	}
	p := w.pool
	p.lock()
	j := w.newJob(r)
	study := a.on.consumer.Stats && w.dead == nil && !r.skipped
	if study {
		j.ask(func(err error) { a.end(j, r, err) })
	}
	p.unlock()
	if !study {
		a.end(j, r, nil)
	}
}

// end resolves the future.
func (a *nowAsker) end(j *Job, r *reply, err error) {
	switch {
	case r.skipped:
		j.giveBack(verbBury)
		a.call.failed(tooBig(a.call.pool.client, r), false)
	case err != nil && !anyCommand.hasError(err):
		a.call.Reject(j.lostError(a.call.verb, err, false))
	case !a.call.Resolve(j):
		j.giveBack(verbRelease)
	}
}
