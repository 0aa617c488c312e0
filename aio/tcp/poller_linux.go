package tcp

import (
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"goaio.example/aio"
)

// poller serves the bare connections registered with its epoll instance, by a goroutine that leads: it waits for events
// and makes the callbacks that they are for, one after the other. When a callback does not return soon, another goroutine
// takes the lead over; the one before leaves when its callback has returned.
type poller struct {
	conns *connTable

	mu     sync.Mutex // guards what follows
	ep     epoll      // events belong to who leads
	turn   uint64     // the leader's; who has an older one leads no more
	next   int        // the first event that nobody has taken
	n      int        // behind the last event
	posted []*Conn    // connections to be looked at, but for those before taken
	taken  int
	since  int    // posted connections since events were asked for
	asleep bool   // the leader waits for events, or is about to
	busy   bool   // the leader serves a connection
	conn   *Conn  // the last one
	served uint64 // connections so far
	thread thread // the leader's, when it had waited
	watch  *time.Timer
	seen   uint64        // served when the watch last looked
	cpu    time.Duration // what the thread had used then, if it looked stalled
	stall  time.Time     // when a callback has stalled last
	waits  uint64        // how often the leader has waited
	waited uint64        // waits when the watch last looked
	cold   bool          // the leader is to wait without a thread
	parked bool          // it does
	stop   bool          // the leader is to leave
	over   bool          // it has
	left   chan struct{} // closed when it has
}

const (
	stallTime = time.Millisecond     // after one to two of these a callback has the lead taken over
	lookTime  = 5 * time.Millisecond // that it is while no callback has stalled lately, and how long a wait for events holds a thread
	alertTime = time.Second          // lately
	postedRun = 16                   // how many posted connections are served before events are asked for
)

// newPoller returns a poller that runs.
func newPoller(conns *connTable) (*poller, error) {
	p := &poller{conns: conns, left: make(chan struct{})}
	if err := p.ep.init(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lead()
	p.setWatch()
	return p, nil
}

// lead starts a goroutine that leads from now on. The lock is held, or the poller is new.
func (p *poller) lead() {
	p.turn++
	go p.run(p.turn)
}

// run is a leader's goroutine.
func (p *poller) run(turn uint64) {
	a := attendants.Get().(*attendant)
	var c *Conn
	defer func() {
		attendants.Put(a)
		if c != nil { // a callback has called runtime.Goexit
			p.takeOver(turn)
			c.bareDied()
		}
	}()
	p.mu.Lock()
	p.thread = thisThread()
	p.mu.Unlock()
	for {
		var events uint32
		var more bool
		if c, events, more = p.take(turn); !more {
			return
		}
		if c != nil {
			a.serve(c, events)
		}
		c = nil
	}
}

// take waits for a connection that is to be looked at, and returns it with what it is about. It reports false if the
// turn is over.
func (p *poller) take(turn uint64) (c *Conn, events uint32, more bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case p.turn != turn:
			return nil, 0, false
		case p.next < p.n:
			ev := &p.ep.events[p.next]
			p.next++
			if c = p.conns.get(int(ev.Fd)); c == nil {
				continue // the bell, or a connection that was closed meanwhile
			}
			events = ev.Events
		case p.taken < len(p.posted) && p.since < postedRun:
			c = p.posted[p.taken]
			p.posted[p.taken] = nil
			p.taken++
			p.since++
		case p.stop:
			p.busy, p.over = false, true
			p.turn++
			close(p.left)
			return nil, 0, false
		default:
			p.wait()
			continue
		}
		p.begins(c)
		return c, events, true
	}
}

// begins notes that the leader serves a connection. The lock is held.
func (p *poller) begins(c *Conn) {
	p.busy, p.conn = true, c
	p.served++
}

// wait waits for events, unless a connection is posted. The lock is held, but not while waiting.
func (p *poller) wait() {
	p.busy, p.conn = false, nil
	p.since = 0
	if p.taken < len(p.posted) {
		if p.taken > len(p.posted)/2 { // else it would grow as long as there is always one
			p.posted, p.taken = slices.Delete(p.posted, 0, p.taken), 0
		}
		p.next, p.n = 0, p.ep.poll()
		return
	}
	p.posted, p.taken = p.posted[:0], 0
	if cap(p.posted) > maxEvents {
		p.posted = nil
	}
	p.asleep = true
	p.waits++
	p.parked, p.cold = p.cold, false
	park := p.parked
	p.mu.Unlock()
	var n int
	if park {
		n = p.ep.park()
	} else {
		runtime.Gosched() // what the callbacks have made runnable must not wait for this thread
		n = p.ep.wait()
	}
	p.mu.Lock()
	p.asleep = false
	p.next, p.n = 0, n
	p.thread = thisThread()
	if park {
		p.parked = false
		p.setWatch()
	}
}

// setWatch has the leader be looked at from now on, until it is parked. The lock is held.
func (p *poller) setWatch() {
	p.seen, p.cpu = p.served, 0
	p.waited = p.waits
	if p.watch == nil {
		p.watch = time.AfterFunc(lookTime, p.look)
	} else {
		p.watch.Reset(lookTime)
	}
}

// look has the lead taken over if the leader has been serving the same connection since the last look, unless that is
// because it has had no processor; and has a leader park that has been waiting for events since then.
func (p *poller) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.parked || p.over:
		return // whoever ends parking sets the watch again
	case p.busy && p.seen == p.served:
		if p.stalled() {
			p.stall = time.Now()
			p.conn.opts.blocking.note()
			p.takeOverLocked(p.turn)
		}
	case !p.busy && p.asleep && p.waited == p.waits:
		p.cold, p.asleep = true, false
		p.ep.ring()
	default:
		p.cpu = 0
	}
	p.seen, p.waited = p.served, p.waits
	if time.Since(p.stall) < alertTime || p.cpu != 0 {
		p.watch.Reset(stallTime)
	} else {
		p.watch.Reset(lookTime)
	}
}

// stalled reports whether a callback that has not returned waits or computes. One whose thread is merely not given a
// processor does not count: it is no fault of the callback's, and another goroutine would not fare better. The thread that
// asks is not the callback's any more.
func (p *poller) stalled() bool {
	if p.thread == thisThread() || !p.thread.runnable() {
		return true
	}
	before := p.cpu
	cpu, known := p.thread.cpu()
	if p.cpu = cpu; !known {
		return true
	}
	return before != 0 && p.cpu-before > stallTime/4
}

// takeOver has another goroutine lead instead of the one with the given turn.
func (p *poller) takeOver(turn uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.takeOverLocked(turn)
}

func (p *poller) takeOverLocked(turn uint64) {
	if p.turn == turn {
		p.busy, p.conn = false, nil
		p.lead()
	}
}

// post has the leader look at a connection.
func (p *poller) post(c *Conn) {
	p.mu.Lock()
	p.posted = append(p.posted, c)
	ring := p.asleep
	p.asleep = false
	p.mu.Unlock()
	if ring {
		p.ep.ring()
	}
}

// close ends the leader, and waits for that. Callbacks that do not return are left.
func (p *poller) close() {
	p.mu.Lock()
	p.stop = true
	p.asleep = false
	p.mu.Unlock()
	p.ep.ring()
	<-p.left
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.watch != nil {
		p.watch.Stop()
	}
	p.ep.close()
}

// pollers are the pollers of a loop, each begun when it is needed: one for each processor that Go uses but one, up to
// maxPollers. With a processor to spare Go's scheduler does not take away those of pollers that wait on their threads, which
// costs more than the last one is worth.
type pollers struct {
	conns connTable
	next  atomic.Uint32
	mu    sync.Mutex
	over  bool // the loop has ended
	list  [maxPollers]*poller
}

const maxPollers = 64

// pollersKey is what a loop's pollers are kept under.
type pollersKey struct{}

// pollersOf returns the pollers of the operation's loop, nil if the loop has ended.
func pollersOf(op *aio.Op) *pollers {
	v, ok := op.Local(pollersKey{}, func() (any, func()) {
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

// connTable is bare connections by their descriptors: what epoll keeps of a connection is a number, as it knows nothing of
// the garbage collector.
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

// set keeps a connection, or nil, for a descriptor.
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
