package beanstalk

import (
	"context"
	"sync"

	"goaio.example/aio"
)

// pool is a client's state in one loop: the connection that its commands share,
// and its consumers. One lock guards all of it, including the connections;
// unlock does what must not be done with the lock held.
type pool struct {
	client *Client
	loop   *aio.Loop
	op     aio.Op // a daemon of the loop; see OpCancel
	top    context.Context

	mu        sync.Mutex
	lane      lane
	consumers map[*Consumer]*consuming
	queued    int // counted commands
	bytes     int // bytes of them
	drained   bool

	dirty []*wire  // have bytes to send
	later []func() // called without the lock
}

var (
	kindPool = aio.NewKind("beanstalk.pool")
	kindDial = aio.NewKind("beanstalk.dial")
)

func newPool(c *Client, l *aio.Loop) *pool {
	p := &pool{client: c, loop: l, top: aio.WithLoop(context.Background(), l), consumers: make(map[*Consumer]*consuming)}
	p.lane.pool = p
	p.op.AsDaemon()
	return p
}

func (p *pool) lock() { p.mu.Lock() }

// unlock releases the lock, and then does what was postponed.
func (p *pool) unlock() {
	dirty, later := p.dirty, p.later
	p.dirty, p.later = nil, nil
	p.mu.Unlock()
	for _, w := range dirty {
		w.flush()
	}
	for _, fn := range later {
		fn()
	}
}

// do postpones a call of fn until the lock is released.
func (p *pool) do(fn func()) { p.later = append(p.later, fn) }

// admit counts a command, or returns an error if there is no room for it.
func (p *pool) admit(c *command) error {
	if p.queued >= p.client.maxQueue() || p.bytes > 0 && p.bytes+c.size > p.client.maxQueueBytes() {
		return aio.ErrBacklog
	}
	c.counted = true
	p.queued++
	p.bytes += c.size
	return nil
}

// over marks a command as over. It has left its list.
func (p *pool) over(c *command) {
	c.state, c.line = commandOver, nil
	if c.counted {
		c.counted = false
		p.queued--
		p.bytes -= c.size
	}
}

// drop ends an unsent command.
func (p *pool) drop(c *command) {
	switch c.state {
	case commandNew:
		p.over(c)
	case commandHeld:
		c.unlink()
		p.over(c)
		p.lane.dropped()
		for _, on := range p.consumers {
			on.pump()
		}
	}
}

// OpCancel is called when the loop drains, and when it is empty. Work in
// progress may still send commands; unused connections are closed.
func (p *pool) OpCancel(error) {
	p.lock()
	p.drained = true
	p.unlock()
	p.closeIdle()
	p.op.End(nil)
}

// closeIdle closes the unused connections.
func (p *pool) closeIdle() {
	p.lock()
	defer p.unlock()
	p.lane.closeIdle()
	for _, on := range p.consumers {
		on.closeIdle()
	}
}

// forget removes the pool of a loop that has ended from its client.
func (p *pool) forget() {
	p.client.mu.Lock()
	defer p.client.mu.Unlock()
	delete(p.client.pools, p.loop)
}
