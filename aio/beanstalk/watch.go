package beanstalk

import (
	"context"
	"slices"
	"sync/atomic"

	"goaio.example/aio"
)

// Watch adds a tube to the watched ones, whose jobs are reserved. It returns a
// future of their number, which resolves when all connections of the consumer
// watch the tube. A connection on which a reserve waits is closed and replaced.
func (c *Consumer) Watch(ctx context.Context, tube string) *aio.Future[int] {
	return c.change(ctx, verbWatch, tube)
}

// Ignore removes a tube from the watched ones, as Watch adds one. A job of it
// that was on its way may still arrive. The last tube cannot be removed: that
// fails with ErrNotIgnored.
func (c *Consumer) Ignore(ctx context.Context, tube string) *aio.Future[int] {
	return c.change(ctx, verbIgnore, tube)
}

func (c *Consumer) change(ctx context.Context, v *verb, tube string) *aio.Future[int] {
	err := checkName(tube)
	if err == nil {
		err = c.check()
	}
	if err != nil {
		return invalid[int](c.client(), v, tube, 0, err)
	}
	p := aio.NewPromise[int](ctx, kindTubes, v.name+" "+tube)
	if p.Op().Ended() {
		return p.Future()
	}
	n, err := c.relist(v, tube)
	if err != nil {
		p.Reject(&Error{Op: v.name, Addr: c.client().addr(), Tube: tube, Err: err})
		return p.Future()
	}
	var left atomic.Int32
	left.Store(1)
	done := func() {
		if left.Add(-1) == 0 {
			p.Resolve(n)
		}
	}
	for _, on := range c.everywhere() {
		on.relist(v, tube, &left, done)
	}
	done()
	return p.Future()
}

// relist changes the list of tubes, and returns how many there are.
func (c *Consumer) relist(v *verb, tube string) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	tubes := slices.Clone(c.list())
	i := slices.Index(tubes, tube)
	switch {
	case v == verbWatch && i < 0:
		tubes = append(tubes, tube)
	case v == verbIgnore && i >= 0 && len(tubes) == 1:
		return 0, ErrNotIgnored
	case v == verbIgnore && i >= 0:
		tubes = slices.Delete(tubes, i, i+1)
	}
	c.tubes = tubes
	c.changes++
	return len(tubes), nil
}

// relist makes the connections change their lists, and calls done for each that
// has.
func (on *consuming) relist(v *verb, tube string, left *atomic.Int32, done func()) {
	on.pool.lock()
	defer on.pool.unlock()
	for _, w := range slices.Clone(on.wires) {
		if w.blocked != nil {
			w.stale = true
			continue
		}
		left.Add(1)
		cmd := watchCommand(v, tube)
		cmd.asker = askFunc(func(_ *wire, _ *reply, err error) {
			if err != nil {
				w.fail(err) // its list is wrong
			}
			done()
		})
		w.put(cmd)
	}
	on.pump()
}

// Watched returns a future of the tubes that a connection of the consumer
// watches, according to the server.
func (c *Consumer) Watched(ctx context.Context) *aio.Future[[]string] {
	on, err := c.on(ctx, verbTubesWatched)
	if err != nil {
		return aio.Failed[[]string](err)
	}
	defer on.unpin()
	call := &call[[]string]{take: takeTubes}
	call.line = line(verbTubesWatched.name)
	if call.begin(ctx, on.pool, kindTubes, verbTubesWatched) {
		on.submit(&call.command)
	}
	return call.Future()
}
