package beanstalk

import (
	"context"
	"time"

	"goaio.example/aio"
)

var kindTubes = aio.NewKind("beanstalk.tubes")

// plain sends a command that needs neither a tube nor a job.
func plain[T any](ctx context.Context, c *Client, kind aio.Kind, v *verb, line []byte, take func(*call[T], *reply) (T, error)) *aio.Future[T] {
	p, err := c.poolOf(ctx)
	if err != nil {
		return aio.Failed[T](err)
	}
	call := &call[T]{take: take}
	call.line = line
	return submit(ctx, p, kind, v, call)
}

// ListTubes returns a future of the names of all tubes, in the server's order.
func (c *Client) ListTubes(ctx context.Context) *aio.Future[[]string] {
	return plain(ctx, c, kindTubes, verbListTubes, line(verbListTubes.name), takeTubes)
}

func takeTubes(_ *call[[]string], r *reply) ([]string, error) { return parseList(r.body) }

// TubeUsed returns a future of the tube that the client's shared connection
// currently uses: that of the last Put, Kick, PeekReady, PeekDelayed or
// PeekBuried. Programs do not need it, as each of these names its tube.
func (c *Client) TubeUsed(ctx context.Context) *aio.Future[string] {
	return plain(ctx, c, kindTubes, verbTubeUsed, line(verbTubeUsed.name),
		func(_ *call[string], r *reply) (string, error) { return r.name, nil })
}

// PauseTube keeps jobs of a tube from being reserved for the time d, in whole
// seconds, rounded up; 0 ends a pause. It fails with ErrNotFound if there is no
// such tube.
func (c *Client) PauseTube(ctx context.Context, tube string, d time.Duration) *aio.Future[struct{}] {
	p, err := c.poolOf(ctx)
	if err != nil {
		return aio.Failed[none](err)
	}
	s, err := seconds("pause", d)
	if err == nil {
		err = checkName(tube)
	}
	if err != nil {
		return invalid[none](c, verbPauseTube, tube, 0, err)
	}
	call := &call[none]{take: takeNone}
	call.about, call.line = tube, line(verbPauseTube.name, tube, formatID(uint64(s)))
	return submit(ctx, p, kindTubes, verbPauseTube, call)
}
