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

// ServeStale has a connection looked at as by a poller that learned of it
// before the connection has left it.
func ServeStale(c *Conn) {
	a := new(attendant)
	a.init(nil)
	a.serve(c, epollEnd)
}

// Turns returns how often the pollers of a connection's loop had another
// goroutine lead.
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

// WillBlockUnlisted calls WillBlock in a callback of a connection for which
// there was no poller.
func WillBlockUnlisted() {
	c := &Conn{opts: &connOptions{pollers: new(pollers)}}
	c.bare.socket, c.in.doing = bareClosed, calling
	c.WillBlock()
}

// Ducts returns how many ducts of Pipes are open.
func Ducts() int { return int(ducts.Load()) }

// TakeDucts takes all ducts that there may be, until restore is called.
func TakeDucts() (restore func()) {
	n := int32(maxOpenFiles())
	ducts.Add(n)
	return func() { ducts.Add(-n) }
}

// OnSplice has before called before each splice, with the number of bytes that
// are to be moved: into a duct if in is set, else out of one. Its error is the
// splice's. It may change the number. after is called with the splice's error.
func OnSplice(before func(in bool, n *int) error, after func(in bool, err error)) (restore func()) {
	old := spliceNow
	spliceNow = func(from, to, n int) (int, error) {
		var st syscall.Stat_t
		if err := syscall.Fstat(to, &st); err != nil {
			return 0, err
		}
		in := st.Mode&syscall.S_IFMT == syscall.S_IFIFO
		if err := before(in, &n); err != nil {
			return 0, err
		}
		n, err := old(from, to, n)
		after(in, err)
		return n, err
	}
	return func() { spliceNow = old }
}

// BoundDucts has the kernel refuse ducts of more than most bytes, until restore
// is called.
func BoundDucts(most int) (restore func()) {
	old := resizeDuct
	resizeDuct = func(fd, size int) error {
		if size > most {
			return syscall.EPERM
		}
		return old(fd, size)
	}
	return func() { resizeDuct = old }
}

// InTable reports whether a connection is in the table of its loop's pollers,
// under any descriptor.
func InTable(c *Conn) bool {
	pages := c.opts.pollers.conns.pages.Load()
	if pages == nil {
		return false
	}
	for _, page := range *pages {
		for i := range page {
			if page[i].Load() == c {
				return true
			}
		}
	}
	return false
}

// Score returns what is known of a connection after calls, which were slow or
// not, and whether its callbacks are expected to block.
func Score(calls ...bool) (score int, expected bool) {
	var b bareState
	for _, slow := range calls {
		d := slowCall - 1
		if slow {
			d = slowCall
		}
		b.took(d, unknown)
	}
	return int(b.slow), b.slow >= slowConn
}

// QueueMemory pushes and pops n connections on a queue in which there is always
// one, and returns the memory that it then has, in connections.
func QueueMemory(n int) int {
	var q connQueue
	c := new(Conn)
	q.push(c)
	for range n {
		q.push(c)
		q.pop()
	}
	return cap(q.conns)
}

// SetAttendRun sets how many buffers are read from a connection before the
// others have their turn, until restore is called.
func SetAttendRun(n int) (restore func()) {
	old := attendRun
	attendRun = n
	return func() { attendRun = old }
}

// OnAcceptBare has before called before each connection that a poller will
// serve is taken from a listener's queue, until restore is called. Its error is
// that of accepting.
func OnAcceptBare(before func() error) (restore func()) {
	old := acceptBare
	acceptBare = func(fd, flags int) (int, syscall.Sockaddr, error) {
		if err := before(); err != nil {
			return -1, nil, err
		}
		return old(fd, flags)
	}
	return func() { acceptBare = old }
}
