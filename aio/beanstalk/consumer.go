package beanstalk

import (
	"context"
	"slices"
	"sync"
	"time"

	"goaio.example/aio"
)

// A Consumer reserves jobs. It makes the connections that it needs: one that
// waiting Reserves share, and others that hold jobs. Its fields must not be
// changed once it is in use. Its methods are safe for concurrent use, in any
// number of loops. Each loop has separate connections.
type Consumer struct {
	// Client provides the server and the settings. nil means a zero Client used
	// only by this consumer.
	Client *Client
	// Tubes are the watched tubes, whose jobs are reserved. None means
	// DefaultTube. Watch and Ignore change the list, not this field.
	Tubes []string
	// Stats asks the server about each reserved job before the future of
	// Reserve resolves, so that Job.LastStats and Job.Deadline are known. It
	// costs a round trip for each job.
	Stats bool

	mu      sync.Mutex
	own     Client   // if Client is nil
	tubes   []string // the watched tubes; nil before the first use
	changes int      // number of changes to tubes
	closed  bool
}

// Consumer returns a Consumer of jobs of the given tubes, or of DefaultTube if
// there are none.
func (c *Client) Consumer(tubes ...string) *Consumer {
	return &Consumer{Client: c, Tubes: slices.Clone(tubes)}
}

func (c *Consumer) client() *Client {
	if c.Client == nil {
		return &c.own
	}
	return c.Client
}

// watched returns the watched tubes. The slice must not be changed.
func (c *Consumer) watched() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.list()
}

// list is watched with the lock held.
func (c *Consumer) list() []string {
	if c.tubes == nil {
		for _, t := range c.Tubes {
			if !slices.Contains(c.tubes, t) {
				c.tubes = append(c.tubes, t)
			}
		}
		if c.tubes == nil {
			c.tubes = []string{DefaultTube}
		}
	}
	return c.tubes
}

// check returns an error if the consumer cannot be used.
func (c *Consumer) check() error {
	for _, t := range c.watched() {
		if err := checkName(t); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return aio.ErrClosed
	}
	return nil
}

// on returns the consumer's state in the loop of ctx. The caller unpins it
// after starting something with it.
func (c *Consumer) on(ctx context.Context, v *verb) (*consuming, error) {
	p, err := c.client().poolOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, &Error{Op: v.name, Addr: c.client().addr(), Err: err}
	}
	p.lock()
	defer p.unlock()
	on := p.consumers[c]
	if on == nil {
		on = &consuming{consumer: c, pool: p, burst: 1}
		p.consumers[c] = on
	}
	on.pins++
	return on, nil
}

var kindReserve = aio.NewKind("beanstalk.reserve")

// Reserve reserves a job, and waits for one until ctx ends. The future must be
// awaited, or cancelled: a job that is not taken from it is unavailable to
// others until its TTR has passed.
//
// Cancelling the future loses no job: a job that was reserved for it and
// arrives later is given to another waiting Reserve, or released at once. While
// the loop drains no job is reserved: a waiting Reserve fails with aio.ErrExit,
// and so does a new one.
func (c *Consumer) Reserve(ctx context.Context) *aio.Future[*Job] { return c.reserve(ctx, 0) }

// ReserveWithin is Reserve with a limit on the wait: after d, in whole seconds,
// rounded up, it fails with ErrTimedOut. With 0 it does not wait: it fails with
// ErrDeadlineSoon if no job is ready and a job that the consumer has reserved
// is in the last second of its TTR. The time counts from the call, whether
// there is a connection or not; with 0 the server's response decides.
func (c *Consumer) ReserveWithin(ctx context.Context, d time.Duration) *aio.Future[*Job] {
	s, err := seconds("time to wait", d)
	if err != nil {
		return invalid[*Job](c.client(), verbReserve, "", 0, err)
	}
	if s == 0 {
		return c.reserveNow(ctx)
	}
	return c.reserve(ctx, time.Duration(s)*time.Second)
}

func (c *Consumer) reserve(ctx context.Context, d time.Duration) *aio.Future[*Job] {
	on, err := c.on(ctx, verbReserve)
	if err != nil {
		return aio.Failed[*Job](err)
	}
	defer on.unpin()
	wt := &waiter{on: on, within: d}
	wt.verb, wt.asker = verbReserve, wt
	wt.alarm.Init(wt)
	if wt.Start(ctx, kindReserve, "", wt) == nil {
		wt.enter()
	}
	return wt.Future()
}

// ReserveJob reserves the job with the ID if it is ready, delayed or buried. It
// fails with ErrNotFound if there is no such job or it is reserved. The job's
// tube need not be watched. Servers before version 1.12 respond with
// ErrUnknownCommand.
func (c *Consumer) ReserveJob(ctx context.Context, id uint64) *aio.Future[*Job] {
	call := new(call[*Job])
	call.id, call.line = id, numbered(verbReserveJob.name, id)
	return reserveBy(ctx, c, verbReserveJob, call)
}

func (c *Consumer) reserveNow(ctx context.Context) *aio.Future[*Job] {
	call := new(call[*Job])
	call.line = askNow
	return reserveBy(ctx, c, verbReserve, call)
}

// Close ends the consumer: waiting Reserves fail with aio.ErrClosed, and so do
// new ones. Reserved jobs remain reserved, and each connection is closed when
// the last of its jobs is finished.
func (c *Consumer) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	for _, on := range c.everywhere() {
		on.close()
	}
}

// everywhere returns the consumer's state in all loops.
func (c *Consumer) everywhere() (all []*consuming) {
	cl := c.client()
	cl.mu.Lock()
	defer cl.mu.Unlock()
	for _, p := range cl.pools {
		p.mu.Lock()
		if on := p.consumers[c]; on != nil {
			all = append(all, on)
		}
		p.mu.Unlock()
	}
	return all
}
