package beanstalk

import (
	"context"
	"sync"

	"goaio.example/aio"
)

// pool is what a client has in one loop: the connection that its commands
// share, and its consumers. One lock guards all of it, the connections
// included; what must not be done with the lock held is left to unlock.
type pool struct {
	client *Client
	loop   *aio.Loop
	op     aio.Op // a daemon of the loop; see OpCancel
	top    context.Context

	mu        sync.Mutex
	lane      lane
	consumers map[*Consumer]*consuming
	queued    int // commands that are counted
	bytes     int // that they have
	drained   bool

	dirty []*wire  // have bytes to send
	later []func() // to be called without the lock
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

// unlock releases the lock, and does what was left for then.
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

// do has fn called once the lock is released.
func (p *pool) do(fn func()) { p.later = append(p.later, fn) }

// admit counts a command, or returns why there is no room for it.
func (p *pool) admit(c *command) error {
	if p.queued >= p.client.maxQueue() || p.bytes > 0 && p.bytes+c.size > p.client.maxQueueBytes() {
		return aio.ErrBacklog
	}
	c.counted = true
	p.queued++
	p.bytes += c.size
	return nil
}

// over notes that a command is over, which has left its list.
func (p *pool) over(c *command) {
	c.state, c.line = commandOver, nil
	if c.counted {
		c.counted = false
		p.queued--
		p.bytes -= c.size
	}
}

// drop ends a command that was not sent.
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

// OpCancel comes when the loop drains, and when it is empty. What is asked by
// work in progress goes on; connections are closed when they are not used.
func (p *pool) OpCancel(error) {
	p.lock()
	p.drained = true
	p.unlock()
	p.closeIdle()
	p.op.End(nil)
}

// closeIdle closes the connections that nothing uses.
func (p *pool) closeIdle() {
	p.lock()
	defer p.unlock()
	p.lane.closeIdle()
	for _, on := range p.consumers {
		on.closeIdle()
	}
}

// forget takes the pool of a loop that has ended off its client.
func (p *pool) forget() {
	p.client.mu.Lock()
	defer p.client.mu.Unlock()
	delete(p.client.pools, p.loop)
}
