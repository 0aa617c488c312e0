package beanstalk

import (
	"context"
	"fmt"
	"time"

	"goaio.example/aio"
)

// PutOptions are the options of a job. With the zero PutOptions a job is most
// urgent, ready at once, and made ready again when its worker has neither
// finished nor touched it for a minute.
type PutOptions struct {
	// Priority is the job's priority: jobs with a smaller one are reserved
	// first. 0 is the most urgent.
	Priority uint32
	// Delay is how long until the job becomes ready, in whole seconds, rounded
	// up. 0 means that it is ready at once.
	Delay time.Duration
	// TTR is the time to run: how long the job is reserved for a worker that
	// does not touch it, in whole seconds, rounded up. 0 means 60 s.
	TTR time.Duration
}

// DefaultTTR is the TTR of a job whose PutOptions have none.
const DefaultTTR = 60 * time.Second

var kindPut = aio.NewKind("beanstalk.put")

// Put puts a job into a tube, and returns a future of its ID, which resolves
// when the server has the job. body is copied.
//
// Errors, in addition to those of the connection: ErrInvalid for a tube or a
// time that the protocol does not allow, ErrJobTooBig, ErrDraining,
// ErrOutOfMemory, ErrInternal, aio.ErrBacklog; and ErrBuried with the ID of a
// job that was put, but buried. After an ErrUnanswered it is not known whether
// the job was put: putting it again may duplicate it. After any other error it
// was not.
func (c *Client) Put(ctx context.Context, tube string, body []byte, o PutOptions) *aio.Future[uint64] {
	p, err := c.poolOf(ctx)
	if err != nil {
		return aio.Failed[uint64](err)
	}
	cmd, err := c.putCommand(tube, body, o)
	if err != nil {
		return invalid[uint64](c, verbPut, tube, 0, err)
	}
	call := &call[uint64]{take: takePut}
	call.tube, call.line = tube, cmd
	return submit(ctx, p, kindPut, verbPut, call)
}

// putCommand returns the bytes to send.
func (c *Client) putCommand(tube string, body []byte, o PutOptions) ([]byte, error) {
	if err := checkName(tube); err != nil {
		return nil, err
	}
	delay, err := seconds("delay", o.Delay)
	if err != nil {
		return nil, err
	}
	ttr, err := seconds("TTR", orDuration(o.TTR, DefaultTTR))
	if err != nil {
		return nil, err
	}
	if most := c.maxJobSize(); len(body) > most {
		return nil, fmt.Errorf("%w: %d bytes, Client.MaxJobSize is %d", ErrJobTooBig, len(body), most)
	}
	return putLine(o.Priority, delay, ttr, body), nil
}

func takePut(_ *call[uint64], r *reply) (uint64, error) {
	if r.word == wordBuriedID {
		return r.id, ErrBuried
	}
	return r.id, nil
}

// submit begins a call and sends it on the shared connection.
func submit[T any](ctx context.Context, p *pool, kind aio.Kind, v *verb, c *call[T]) *aio.Future[T] {
	c.out.Store(int64(len(c.line)))
	if c.begin(ctx, p, kind, v) {
		if err := p.lane.submit(&c.command); err != nil {
			c.failed(err, false)
		}
	}
	return c.Future()
}
