package tcp

import (
	"context"
	"net"
	"runtime"
	"runtime/pprof"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/local"
)

// A poller serves the bare connections registered with its epoll instance, with
// the members of its crew.
type poller struct {
	conns *connTable
	ep    epoll
	left  chan struct{} // closed when the crew is gone

	mu      sync.Mutex // guards the fields below
	crew    crew
	watch   watch
	yielder yielder
	procs   int                  // that Go uses
	events  []syscall.EpollEvent // not taken yet
	posted  connQueue            // connections to be looked at
	// posted connections taken since the last poll for events
	run     int
	taken   uint64 // connections taken
	waiting int    // members that wait for events
	rung    bool   // one of them must look again
	parked  bool   // one of them holds no thread
	asides  uint64 // of the crew, at the last wait
	// dialed connections were served since the last wait
	dialed bool
	stop   bool // the crew must end when it has nothing to do
}

const (
	postedRun = 16 // how many posted connections are served between polls
	// how long a member waits for events on its thread, before it parks
	hotTime = 200 * time.Microsecond
)

// newPoller returns a running poller.
func newPoller(conns *connTable) (*poller, error) {
	p := &poller{conns: conns, left: make(chan struct{})}
	if err := p.ep.init(); err != nil {
		return nil, err
	}
	p.yielder.init()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.call()
	p.setWatch()
	return p, nil
}

// work is the goroutine of a member.
func (p *poller) work(m *member) {
	// not those of the goroutine that called for it
	pprof.SetGoroutineLabels(context.Background())
	var c *Conn
	defer func() {
		m.giveBuffer()
		p.mu.Lock()
		if c != nil {
			p.crew.busy--
		}
		p.leave(m)
		p.mu.Unlock()
		if c != nil { // a callback has called runtime.Goexit
			c.bareDied(m.run)
		}
	}()
	p.mu.Lock()
	p.crew.coming = false
	p.mu.Unlock()
	for {
		var events uint32
		if c, events = p.take(m); c == nil {
			return
		}
		m.serve(c, events)
	}
}

// take waits until a connection needs attention, and returns it with its epoll
// events. It returns nil if m must leave.
func (p *poller) take(m *member) (c *Conn, events uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m.conn != nil {
		m.conn = nil
		p.crew.busy--
	}
	for p.goOn(m) {
		switch {
		case len(p.events) > 0:
			ev := &p.events[0]
			p.events = p.events[1:]
			if c = p.conns.get(int(ev.Fd)); c == nil {
				continue // the bell, or a connection that was closed meanwhile
			}
			events = ev.Events
		case p.posted.len() > 0 && p.run < postedRun:
			c = p.posted.pop()
			p.run++
		case p.stop:
			p.end()
			return nil, 0
		default:
			p.wait(m)
			continue
		}
		p.dialed = p.dialed || !c.accepted()
		m.conn = c
		m.calls++
		p.crew.busy++
		p.taken++
		return c, events
	}
	return nil, 0
}

// pending reports whether connections need attention. The lock is held.
func (p *poller) pending() bool { return len(p.events) > 0 || p.posted.len() > 0 }

// wait waits for events, unless a connection is posted. The lock is held; it is
// released while waiting.
func (p *poller) wait(m *member) {
	p.run = 0
	if m.events == nil {
		m.events = make([]syscall.EpollEvent, maxEvents)
	}
	if p.posted.len() > 0 {
		p.add(m.events[:p.ep.poll(m.events)])
		// the bell may be among these events, while the member it was rung for
		// still waits
		p.rung = false
		return
	}
	p.waiting++
	// With callbacks that block, or with one processor, other goroutines need
	// this processor. A dialed connection has usually brought a response that a
	// goroutine waits for. That goroutine is runnable on this processor, and
	// runs on it rather than on one that has to be woken.
	hot := p.procs > 1 && p.crew.asides-p.asides < 2 && !p.dialed
	dialed := p.dialed
	p.asides, p.dialed = p.crew.asides, false
	p.yield(m)
	n := 0
	switch {
	case p.stop || p.pending(): // since the yield
		n = -1
	case hot:
		n = p.waitHot(m)
	}
	switch {
	case n != 0:
	case p.waiting > 1: // one waiting member is enough while nothing arrives
		p.crew.often = 0
	default:
		n = p.park(m, dialed)
	}
	p.waiting--
	p.rung = false
	m.late = true
	p.add(m.events[:max(n, 0)])
	p.setWatch()
}

// waitHot waits for events for a moment, on the thread. It returns -1 without
// events if there is something else to look at. The lock is held; it is
// released while waiting.
func (p *poller) waitHot(m *member) int {
	taken := p.taken
	if !p.parked {
		p.ep.shut()
	}
	p.mu.Unlock()
	n := p.ep.wait(m.events, hotTime)
	p.mu.Lock()
	if n == 0 && (p.stop || p.pending() || p.taken != taken) {
		return -1
	}
	return n
}

// park waits for events without holding a thread. dialed reports whether dialed
// connections were served since the last wait, so that the member will probably
// park again after the next events. The lock is held; it is released while
// waiting.
func (p *poller) park(m *member, dialed bool) int {
	p.parked = true
	p.mu.Unlock()
	n := p.ep.park(m.events, dialed)
	p.mu.Lock()
	p.parked = false
	return n
}

// add adds events to the pending ones. The lock is held.
func (p *poller) add(events []syscall.EpollEvent) {
	if len(p.events) == 0 {
		// the member's buffer: it does not wait again before they are taken
		p.events = events
	} else {
		p.events = append(slices.Clip(p.events), events...)
	}
}

// yield yields the processor to other goroutines, if it is time for that. The
// lock is held; it is released meanwhile.
func (p *poller) yield(m *member) {
	y := &p.yielder
	if m.now-y.last < yieldTime || y.busy {
		return
	}
	y.last, y.busy = m.now, true
	p.mu.Unlock()
	y.yield()
	p.mu.Lock()
	y.busy = false
}

// post makes a member look at a connection.
func (p *poller) post(c *Conn) {
	p.mu.Lock()
	p.posted.push(c)
	ring := p.waiting > 0 && p.waiting == len(p.crew.free) && !p.rung
	p.rung = p.rung || ring
	p.mu.Unlock()
	if ring {
		p.ep.ring()
	}
}

// passFor makes the member that serves c go aside.
func (p *poller) passFor(c *Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.crew.free {
		if m.conn == c {
			p.aside(m)
			return
		}
	}
}

// close ends the crew, and waits for its end. It does not wait for callbacks
// that do not return.
func (p *poller) close() {
	p.mu.Lock()
	p.stop = true
	p.mu.Unlock()
	p.ep.ring()
	<-p.left
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watch.timer.Stop()
	p.ep.close()
}

// connQueue is a queue of connections.
type connQueue struct {
	conns []*Conn
	first int // index of the first one that was not taken
}

func (q *connQueue) len() int { return len(q.conns) - q.first }

func (q *connQueue) push(c *Conn) {
	// otherwise it would grow while it is never empty
	if q.first > len(q.conns)/2 {
		q.conns, q.first = slices.Delete(q.conns, 0, q.first), 0
	}
	q.conns = append(q.conns, c)
}

func (q *connQueue) pop() *Conn {
	c := q.conns[q.first]
	q.conns[q.first] = nil
	q.first++
	if q.first == len(q.conns) {
		q.conns, q.first = q.conns[:0], 0
		if cap(q.conns) > maxEvents {
			q.conns = nil
		}
	}
	return c
}

// pollers holds the pollers of a loop, each started when it is needed. There is
// one for each processor that Go uses except one, up to maxPollers. With a
// spare processor Go's scheduler does not take away those of pollers that wait
// on their threads, which costs more than the last poller gains.
type pollers struct {
	conns connTable
	next  atomic.Uint32
	mu    sync.Mutex
	over  bool // the loop has ended
	list  [maxPollers]*poller
}

const maxPollers = 64

// pollersKey is the key of a loop's pollers.
type pollersKey struct{}

// pollersOf returns the pollers of the operation's loop, nil if the loop has
// ended.
func pollersOf(op *aio.Op) *pollers {
	v, ok := local.Get(op, pollersKey{}, func() (any, func()) {
		ps := new(pollers)
		return ps, ps.close
	})
	if !ok {
		return nil
	}
	return v.(*pollers)
}

// pick returns the poller for one more connection, and its number.
func (ps *pollers) pick() (*poller, uint8, error) {
	i := uint8(ps.next.Add(1) % uint32(max(1, min(runtime.GOMAXPROCS(0)-1, maxPollers))))
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if ps.over {
		return nil, 0, net.ErrClosed
	}
	if ps.list[i] == nil {
		p, err := newPoller(&ps.conns)
		if err != nil {
			return nil, 0, err
		}
		ps.list[i] = p
	}
	return ps.list[i], i, nil
}

func (ps *pollers) close() {
	ps.mu.Lock()
	ps.over = true
	ps.mu.Unlock()
	for _, p := range ps.list {
		if p != nil {
			p.close()
		}
	}
}

// connTable maps descriptors to bare connections: epoll stores only a number
// for a connection, because the garbage collector does not know about epoll.
type connTable struct {
	mu    sync.Mutex // held while pages are added
	pages atomic.Pointer[[]*connPage]
}

type connPage [512]atomic.Pointer[Conn]

// get returns the connection with a descriptor, nil if there is none.
func (t *connTable) get(fd int) *Conn {
	pages := t.pages.Load()
	if fd < 0 || pages == nil || fd/len(connPage{}) >= len(*pages) {
		return nil
	}
	return (*pages)[fd/len(connPage{})][fd%len(connPage{})].Load()
}

// set stores a connection, or nil, for a descriptor.
func (t *connTable) set(fd int, c *Conn) {
	n := fd / len(connPage{})
	pages := t.pages.Load()
	if pages == nil || n >= len(*pages) {
		pages = t.grow(n + 1)
	}
	(*pages)[n][fd%len(connPage{})].Store(c)
}

// grow makes the table n pages long.
func (t *connTable) grow(n int) *[]*connPage {
	t.mu.Lock()
	defer t.mu.Unlock()
	var more []*connPage
	if old := t.pages.Load(); old != nil {
		more = append(more, *old...)
	}
	for len(more) < n {
		more = append(more, new(connPage))
	}
	t.pages.Store(&more)
	return &more
}
