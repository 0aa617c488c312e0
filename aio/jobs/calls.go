package jobs

import (
	"context"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
)

var kindCalls = aio.NewKind("jobs.calls")

// calls is the operation that a Worker's calls to its broker belong to. It is a
// child of the loop, so that a job can be released after the operation that has
// started the Worker was cancelled. When the loop is cancelled, calls may take
// half of Abandon.
type calls struct {
	op    aio.Op
	live  context.Context // of all calls; a cancellation of op does not end it
	kill  context.CancelCauseFunc
	clock alarm.Alarm

	reserve       context.Context // of Reserves
	stopReserving context.CancelCauseFunc
}

// init makes the contexts, before a cancellation may come.
func (c *calls) init() {
	c.clock.Init((*callsClock)(c))
	c.live, c.kill = context.WithCancelCause(context.WithoutCancel(c.op.Context()))
	c.reserve, c.stopReserving = context.WithCancelCause(c.live)
}

// start starts the operation, for a Worker that is started with ctx.
func (c *calls) start(ctx context.Context, daemon bool) error {
	c.op.AsServed()
	if daemon {
		c.op.AsDaemon()
	}
	return c.op.Start(aio.Detach(ctx), kindCalls, "broker", (*callsDriver)(c))
}

// end ends the operation.
func (c *calls) end() {
	alarm.Of(&c.op).Stop(&c.clock)
	c.op.End(nil)
	c.kill(aio.ErrClosed)
}

// ctx returns a context for a call that may take d.
func (c *calls) ctx(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(c.live, d, aio.ErrTimeout)
}

// callsDriver is the driver of the calls' operation.
type callsDriver calls

func (d *callsDriver) OpCancel(error) {
	alarm.Of(&d.op).Set(&d.clock, loopAbandon(d.op.Loop())/2)
}

// callsClock is the alarm.Firer of the calls.
type callsClock calls

func (c *callsClock) Fire() { c.kill(aio.ErrExit) }
