package jobstest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/jobs"
)

// A Broker is what a driver tests: an empty queue on a broker, and the broker's
// abilities.
type Broker struct {
	// Putter puts jobs into the queue.
	Putter jobs.Putter
	// Queue is the queue's name.
	Queue string
	// Open returns a Source of the queue. It is called several times, as by
	// different workers.
	Open func(ctx context.Context) (jobs.Source, error)
	// Lease is how long the Sources lease jobs. It should be short, because
	// cases wait for its end.
	Lease time.Duration
	// Delay is a delay for Put and Release: one unit of the broker. 0 means
	// Lease.
	Delay time.Duration
	// Shared says that the broker does not distinguish the leases of
	// deliveries: calls for a lease that has ended may succeed.
	Shared bool
	// Keeps says that jobs whose Source was closed wait for the end of their
	// leases.
	Keeps bool
	// Nudge is called repeatedly with a lease while a case waits for its end:
	// for a broker that may notice the end only when the connection sends
	// something. nil means that this is not needed.
	Nudge func(ctx context.Context, l jobs.Lease)
	// Buried returns the number of buried jobs. nil means that the broker does
	// not keep them.
	Buried func(ctx context.Context) (int, error)
}

// TestSource runs all cases, each as a subtest in a separate loop, at the same
// time, because most wait for leases. It calls open for a queue for each.
// Errors that become events of the loop fail the test, except those of leases,
// which may be lost on a busy machine.
func TestSource(t *testing.T, open func(ctx context.Context, t *testing.T) Broker) {
	var all sync.WaitGroup
	for _, c := range Cases() {
		all.Go(func() { t.Run(c.Name, func(t *testing.T) { c.inLoop(t, open) }) })
	}
	all.Wait()
}

// inLoop runs the case in a loop.
func (c Case) inLoop(t *testing.T, open func(ctx context.Context, t *testing.T) Broker) {
	l := &aio.Loop{OnEvent: func(e aio.Event) {
		var lease *jobs.LeaseError
		switch {
		case errors.As(e.Err, &lease):
			t.Logf("event of %s: %v", e.Op.Name, e.Err)
		case !aio.IsInfo(e.Err):
			t.Errorf("event of %s: %v", e.Op.Name, e.Err)
		}
	}}
	err := l.Run(context.Background(), func(ctx context.Context) error {
		c.Run(ctx, t, open(ctx, t))
		l.Exit(nil) // connections that the driver keeps may end
		return nil
	})
	if err != nil {
		t.Errorf("the loop's end: %v", err)
	}
}

// Case is one of the cases of TestSource.
type Case struct {
	Name string
	run  func(c *check)
}

// Run runs the case with an empty queue, in the loop of ctx.
func (c Case) Run(ctx context.Context, t *testing.T, b Broker) {
	if b.Delay == 0 {
		b.Delay = b.Lease
	}
	k := &check{T: t, ctx: ctx, b: b}
	defer k.closeAll()
	c.run(k)
}

// Cases returns the cases of TestSource.
func Cases() []Case {
	return []Case{
		{"a job comes as it was put", asPut},
		{"a deleted job does not come again", deleted},
		{"a released job comes again", released},
		{"a job released with a delay comes later", releasedLater},
		{"a delayed job comes later", delayed},
		{"a buried job does not come again", buried},
		{"a lease ends", leaseEnds},
		{"a touched lease lasts", touched},
		{"a lost lease is told of", lost},
		{"one job comes to one worker", once},
		{"a Reserve that is cancelled loses no job", cancelled},
		{"a dead ctx", deadCtx},
		{"a closed Source gives its jobs back", closedGives},
		{"a Reserve ends with its Source", closedReserve},
		{"a Worker does the jobs", worker},
	}
}
