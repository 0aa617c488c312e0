package beanstalk

import (
	"context"
	"fmt"

	"goaio.example/aio"
)

var (
	kindDelete = aio.NewKind("beanstalk.delete")
	kindKick   = aio.NewKind("beanstalk.kick")
	kindPeek   = aio.NewKind("beanstalk.peek")
)

// none is the value of a future that has only an error.
type none = struct{}

func takeNone(*call[none], *reply) (none, error) { return none{}, nil }

// byID sends a command about a job.
func byID[T any](ctx context.Context, c *Client, kind aio.Kind, v *verb, id uint64, take func(*call[T], *reply) (T, error)) *aio.Future[T] {
	p, err := c.poolOf(ctx)
	if err != nil {
		return aio.Failed[T](err)
	}
	call := &call[T]{take: take}
	call.id, call.line = id, numbered(v.name, id)
	return submit(ctx, p, kind, v, call)
}

// Delete deletes a job that is ready, delayed or buried. For a reserved job use
// Job.Delete: here that is an ErrNotFound, as is a job that does not exist.
func (c *Client) Delete(ctx context.Context, id uint64) *aio.Future[struct{}] {
	return byID(ctx, c, kindDelete, verbDelete, id, takeNone)
}

// KickJob makes a buried or delayed job ready. It fails with ErrNotFound if the
// job is neither.
func (c *Client) KickJob(ctx context.Context, id uint64) *aio.Future[struct{}] {
	return byID(ctx, c, kindKick, verbKickJob, id, takeNone)
}

// Kick makes at most bound jobs of a tube ready: the buried ones or, if there
// are none, the delayed ones. It returns a future of their number.
func (c *Client) Kick(ctx context.Context, tube string, bound uint32) *aio.Future[uint64] {
	return inTube(ctx, c, kindKick, verbKick, tube, numbered(verbKick.name, uint64(bound)), takeCount)
}

func takeCount(_ *call[uint64], r *reply) (uint64, error) { return r.count, nil }

// inTube sends a command about the tube in use.
func inTube[T any](ctx context.Context, c *Client, kind aio.Kind, v *verb, tube string, line []byte, take func(*call[T], *reply) (T, error)) *aio.Future[T] {
	p, err := c.poolOf(ctx)
	if err != nil {
		return aio.Failed[T](err)
	}
	if err := checkName(tube); err != nil {
		return invalid[T](c, v, tube, 0, err)
	}
	call := &call[T]{take: take}
	call.tube, call.line = tube, line
	return submit(ctx, p, kind, v, call)
}

// Peeked is a job that was looked at, but not reserved.
type Peeked struct {
	ID   uint64
	Body []byte
}

// Peek looks at a job. It fails with ErrNotFound if there is no such job.
func (c *Client) Peek(ctx context.Context, id uint64) *aio.Future[Peeked] {
	return byID(ctx, c, kindPeek, verbPeek, id, takePeeked)
}

// PeekReady looks at the job of a tube that would be reserved next. It fails
// with ErrNotFound if none is ready, as do PeekDelayed and PeekBuried.
func (c *Client) PeekReady(ctx context.Context, tube string) *aio.Future[Peeked] {
	return inTube(ctx, c, kindPeek, verbPeekReady, tube, line(verbPeekReady.name), takePeeked)
}

// PeekDelayed looks at the delayed job of a tube that becomes ready next.
func (c *Client) PeekDelayed(ctx context.Context, tube string) *aio.Future[Peeked] {
	return inTube(ctx, c, kindPeek, verbPeekDelayed, tube, line(verbPeekDelayed.name), takePeeked)
}

// PeekBuried looks at the buried job of a tube that would be kicked next.
func (c *Client) PeekBuried(ctx context.Context, tube string) *aio.Future[Peeked] {
	return inTube(ctx, c, kindPeek, verbPeekBuried, tube, line(verbPeekBuried.name), takePeeked)
}

func takePeeked(c *call[Peeked], r *reply) (Peeked, error) {
	if r.skipped {
		return Peeked{ID: r.id}, tooBig(c.pool.client, r)
	}
	return Peeked{ID: r.id, Body: r.body}, nil
}

// tooBig returns the error of a job that is larger than the client accepts.
func tooBig(c *Client, r *reply) error {
	return fmt.Errorf("%w: job %d has %d bytes, Client.MaxJobSize is %d", ErrJobTooBig, r.id, r.size, c.maxJobSize())
}
