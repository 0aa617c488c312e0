package beanstalk

import (
	"context"
	"math"
	"strconv"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
	"goaio.example/aio/timer"
)

// DefaultAddr is where beanstalkd listens unless it is told otherwise.
const DefaultAddr = "127.0.0.1:11300"

// Client puts jobs, and asks about and changes jobs and tubes by their IDs and
// names, on one connection that all its operations share. Jobs are reserved by
// a Consumer. The zero Client is ready. Its fields must not be changed once it
// is used; its methods may be called from any goroutine, in any number of
// loops. Each loop has its own connection.
type Client struct {
	// Addr is the server's address, "HOST:PORT" or "unix:PATH", as tcp.Dial
	// takes it. "" means DefaultAddr.
	Addr string
	// Dialer makes the connections; nil means a zero one. Its HighWater and
	// Background are set by the client.
	Dialer *tcp.Dialer
	// Backoff says how often, and how far apart, a connection is tried to be
	// made before what waits for it fails. The zero Backoff tries 5 times
	// within some 1.5 s. Use Attempts and Elapsed -1 to go on until the
	// operation's ctx ends.
	Backoff timer.Backoff
	// Timeout is how long the server may send nothing while it owes an answer.
	// Then the connection is given up. It includes the time that it takes to
	// send a job. 0 means 30 s; negative: no bound.
	Timeout time.Duration
	// IdleTimeout is how long a connection that nothing uses is kept. 0 means
	// 60 s; negative: no bound.
	IdleTimeout time.Duration
	// MaxJobSize is the most bytes of a job. A longer one is not sent, and not
	// kept when it comes. 0 means 1 MiB, 16 times what beanstalkd takes unless
	// its option -z says otherwise; negative: 1 GiB, the most that -z takes.
	MaxJobSize int
	// MaxQueue is the most commands that wait for a connection or for an
	// answer, with the Reserves that wait for a job. One more fails with
	// aio.ErrBacklog. Commands about a reserved job are not counted. 0 means
	// 4096.
	MaxQueue int
	// MaxQueueBytes is the most bytes that those commands have. 0 means 64 MiB.
	MaxQueueBytes int

	mu    sync.Mutex
	pools map[*aio.Loop]*pool
}

func (c *Client) addr() string {
	if c.Addr == "" {
		return DefaultAddr
	}
	return c.Addr
}

func (c *Client) timeout() time.Duration     { return orDuration(c.Timeout, 30*time.Second) }
func (c *Client) idleTimeout() time.Duration { return orDuration(c.IdleTimeout, 60*time.Second) }

func (c *Client) maxJobSize() int {
	switch {
	case c.MaxJobSize == 0:
		return 1 << 20
	case c.MaxJobSize < 0:
		return maxBody
	}
	return min(c.MaxJobSize, maxBody)
}

func (c *Client) maxQueue() int {
	if c.MaxQueue <= 0 {
		return 4096
	}
	return c.MaxQueue
}

func (c *Client) maxQueueBytes() int {
	if c.MaxQueueBytes <= 0 {
		return 64 << 20
	}
	return c.MaxQueueBytes
}

// attempts is how often a connection is tried to be used, negative for ever.
func (c *Client) attempts() int {
	if c.Backoff.Attempts == 0 {
		return 5
	}
	return c.Backoff.Attempts
}

// dialer returns the Dialer of the connections.
func (c *Client) dialer() *tcp.Dialer {
	d := new(tcp.Dialer)
	if c.Dialer != nil {
		*d = *c.Dialer
	}
	d.Background = true
	d.HighWater = math.MaxInt / 2 // the queue of commands is what is bounded
	if d.WriteTimeout == 0 {
		d.WriteTimeout = max(c.timeout(), 0)
	}
	return d
}

// CloseIdle closes the connections that nothing uses, in all loops. The next
// operation makes a new one.
func (c *Client) CloseIdle() {
	c.mu.Lock()
	pools := make([]*pool, 0, len(c.pools))
	for _, p := range c.pools {
		pools = append(pools, p)
	}
	c.mu.Unlock()
	for _, p := range pools {
		p.closeIdle()
	}
}

// poolOf returns the client's pool in the loop of ctx.
func (c *Client) poolOf(ctx context.Context) (*pool, error) {
	l := aio.LoopOf(ctx)
	if l == nil {
		return nil, aio.ErrNoLoop
	}
	c.mu.Lock()
	made := c.pools[l]
	c.mu.Unlock()
	if made != nil {
		return made, nil
	}
	p := newPool(c, l)
	if err := p.op.Start(p.top, kindPool, "beanstalk pool", p); err != nil {
		return nil, err
	}
	if first := c.enter(p); first != p { // another operation has made one meanwhile
		p.op.End(nil)
		return first, nil
	}
	l.AtExit(p.forget)
	return p, nil
}

// enter enters a loop's pool, unless there is one. It returns the pool that is
// entered.
func (c *Client) enter(p *pool) *pool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if first := c.pools[p.loop]; first != nil {
		return first
	}
	if c.pools == nil {
		c.pools = make(map[*aio.Loop]*pool)
	}
	c.pools[p.loop] = p
	return p
}

func orDuration(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return d
}

func formatID(id uint64) string { return strconv.FormatUint(id, 10) }
