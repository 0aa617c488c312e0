package tcp

import "syscall"

// WriteWaits reports whether a Write waits for room on a bare connection.
func WriteWaits(c *Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.extra().writable.Awaited()
}

// IsBare reports whether a connection is served by a poller.
func IsBare(c *Conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.engine() == bareEngine
}

// ServeStale has a connection looked at as by a poller that learned of it before the connection has left it.
func ServeStale(c *Conn) {
	a := new(attendant)
	a.init(nil)
	a.serve(c, epollEnd)
}

// Turns returns how often the pollers of a connection's loop had another goroutine lead.
func Turns(c *Conn) (n uint64) {
	ps := c.opts.pollers
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for _, p := range ps.list {
		if p != nil {
			p.mu.Lock()
			n += p.crew.asides
			p.mu.Unlock()
		}
	}
	return n
}

// Expected reports whether callbacks of a connection are expected to block,
// because of what is known of it alone, or of its server's.
func Expected(c *Conn) (alone, all bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bare.slow >= slowConn, c.opts.blocking.likely()
}

// Resting returns how many goroutines of a connection's poller wait to be
// called.
func Resting(c *Conn) int {
	p := c.poller()
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.crew.rest)
}

// NeedsMember reports whether a poller needs one more free member beside those
// that are free already, of which some wait for events.
func NeedsMember(free, waiting int, often, events, posted bool) bool {
	p := &poller{waiting: waiting, procs: 2}
	if often {
		p.crew.often = 1
	}
	if events {
		p.events = make([]syscall.EpollEvent, 1)
	}
	if posted {
		p.posted.push(new(Conn))
	}
	return p.needs(free)
}

// Parked reports whether a connection's poller waits without a thread.
func Parked(c *Conn) bool {
	p := c.poller()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.parked && !p.watch.set
}

// WillBlockUnlisted calls WillBlock in a callback of a connection for which there
// was no poller.
func WillBlockUnlisted() {
	c := &Conn{opts: &connOptions{pollers: new(pollers)}}
	c.bare.socket, c.in.doing = bareClosed, calling
	c.WillBlock()
}
