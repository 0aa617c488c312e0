package beanjobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/beanstalk"
	"goaio.example/aio/jobs"
)

var kindPut = aio.NewKind("jobs.put")

// A Broker is a beanstalkd server as a jobs.Putter, with Sources. The zero
// Broker uses beanstalk.DefaultAddr. Its fields must not be changed once it is
// in use. Its methods are safe for concurrent use, in any number of loops.
type Broker struct {
	// Client is the client of the server that keeps the jobs. nil means a zero
	// one.
	Client *beanstalk.Client
	// Prefix comes before the name of each queue in the name of its tube, such
	// as "shop.", for programs that share a beanstalkd.
	Prefix string
	// TTR is how long the jobs that are put are leased, in whole seconds,
	// rounded up. 0 or less means 60 s.
	TTR time.Duration
	// Priority is the priority of the jobs that are put; jobs with a smaller
	// one are handed out first. 0 is the most urgent.
	Priority uint32

	own beanstalk.Client // if Client is nil
}

func (b *Broker) client() *beanstalk.Client {
	if b.Client == nil {
		return &b.own
	}
	return b.Client
}

// Put is jobs.Putter.Put. The error of the future is a *beanstalk.Error, and
// also jobs.ErrTooBig or jobs.ErrFull (beanstalkd is out of memory) where it is
// one of these. After an error that is a beanstalk.ErrUnanswered, or comes from
// the end of ctx, it is not known whether beanstalkd has the job.
func (b *Broker) Put(ctx context.Context, queue string, j jobs.Job) *aio.Future[jobs.ID] {
	data, id, err := jobs.Encode(queue, j)
	if err != nil {
		return aio.Failed[jobs.ID](err)
	}
	p := aio.NewPromise[jobs.ID](ctx, kindPut, queue)
	if p.Op().Ended() {
		return p.Future() // no loop, or an ended ctx
	}
	f := b.client().Put(p.Context(), b.Prefix+queue, data, beanstalk.PutOptions{
		Priority: b.Priority, Delay: max(j.Delay, 0), TTR: max(b.TTR, 0),
	})
	f.AfterFunc(func() {
		if _, err := f.Result(); err != nil {
			p.Reject(putError(err))
		} else {
			p.Resolve(id)
		}
	})
	return p.Future()
}

// putError also returns the error of a Put as one of package jobs.
func putError(err error) error {
	switch {
	case errors.Is(err, beanstalk.ErrJobTooBig):
		return fmt.Errorf("%w: %w", jobs.ErrTooBig, err)
	case errors.Is(err, beanstalk.ErrOutOfMemory), errors.Is(err, beanstalk.ErrBuried):
		return fmt.Errorf("%w: %w", jobs.ErrFull, err)
	}
	return err
}
