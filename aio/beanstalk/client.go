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

// DefaultAddr is beanstalkd's default address.
const DefaultAddr = "127.0.0.1:11300"

// A Client puts jobs, and inspects and changes jobs and tubes by their IDs and
// names, on one connection that all its operations share. A Consumer reserves
// jobs. The zero Client is ready to use. Its fields must not be changed once it
// is in use. Its methods are safe for concurrent use, in any number of loops.
// Each loop has a separate connection.
type Client struct {
	// Addr is the server's address, "HOST:PORT" or "unix:PATH", as for
	// tcp.Dial. "" means DefaultAddr.
	Addr string
	// Dialer makes the connections; nil means a zero one. The client sets its
	// HighWater and Background.
	Dialer *tcp.Dialer
	// Backoff says how often, and how far apart, the client tries to connect
	// before the operations that wait for the connection fail. The zero Backoff
	// tries 5 times within about 1.5 s. Set Attempts and Elapsed to -1 to try
	// until the operation's ctx ends.
	Backoff timer.Backoff
	// Timeout is how long the server may send nothing while a response is
	// outstanding. Then the connection is given up. It includes the time for
	// sending a job. 0 means 30 s; negative: no bound.
	Timeout time.Duration
	// IdleTimeout is how long an unused connection is kept. 0 means 60 s;
	// negative: no bound.
	IdleTimeout time.Duration
	// MaxJobSize bounds a job, in bytes. A larger one is not sent, and not kept
	// when it arrives. 0 means 1 MiB, 16 times what beanstalkd accepts unless
	// its option -z says otherwise; negative: 1 GiB, the most that -z allows.
	MaxJobSize int
	// MaxQueue bounds the commands that wait for a connection or for a
	// response, together with the Reserves that wait for a job. A further one
	// fails with aio.ErrBacklog. Commands about a reserved job are not counted.
	// 0 means 4096.
	MaxQueue int
	// MaxQueueBytes bounds the bytes of those commands. 0 means 64 MiB.
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

// attempts returns how often to try to connect, negative for no limit.
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
	d.HighWater = math.MaxInt / 2 // the queue of commands is bounded instead
	if d.WriteTimeout == 0 {
		d.WriteTimeout = max(c.timeout(), 0)
	}
	return d
}

// CloseIdle closes the unused connections, in all loops. The next operation
// makes a new one.
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
	if first := c.enter(p); first != p { // another operation made one meanwhile
		p.op.End(nil)
		return first, nil
	}
	l.AtExit(p.forget)
	return p, nil
}

// enter registers p as its loop's pool, unless there is one. It returns the
// registered pool.
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
