package dnsx

import (
	"context"
	"net"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
)

const (
	maxIdle  = 4                // idle connections a server and loop
	idleTime = 10 * time.Second // how long they are kept after the last use of any
)

var kindPool = aio.NewKind("dns.pool")

// pool has the idle connections that lookups of one loop have left to servers
// that are asked by TLS or HTTPS. While it has any it is a daemon of that loop,
// so that none is left when the loop has ended.
type pool struct {
	ctx    context.Context // the loop's own; set before use
	hold   func()          // called when there is something to keep, and
	letGo  func()          // when there is no more; set before use
	mu     sync.Mutex
	keep   *keeper // nil: nothing is kept
	idle   map[*upstream][]net.Conn
	client map[*upstream]*client
}

// keeper is the daemon, while there is something to keep.
type keeper struct {
	op    aio.Op
	alarm alarm.Alarm
	pool  *pool
}

// take returns an idle connection, nil without one.
func (p *pool) take(u *upstream) net.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	idle := p.idle[u]
	if len(idle) == 0 {
		return nil
	}
	conn := idle[len(idle)-1]
	p.idle[u] = idle[:len(idle)-1]
	return conn
}

// put gives the pool a connection, which it may close.
func (p *pool) put(u *upstream, conn net.Conn) {
	k := p.kept()
	p.mu.Lock()
	if k != nil && p.keep == k && len(p.idle[u]) < maxIdle {
		if p.idle == nil {
			p.idle = map[*upstream][]net.Conn{}
		}
		p.idle[u] = append(p.idle[u], conn)
		conn = nil
	}
	p.mu.Unlock()
	if conn != nil {
		shut(conn)
	}
}

// use returns the client for the call's server, to be ended after the request.
func (p *pool) use(c *call) *client {
	k := p.kept()
	p.mu.Lock()
	defer p.mu.Unlock()
	if k == nil || p.keep != k {
		return newClient(c.t, c.up, false)
	}
	h := p.client[c.up]
	if h == nil {
		if p.client == nil {
			p.client = map[*upstream]*client{}
		}
		h = newClient(c.t, c.up, true)
		p.client[c.up] = h
		return h
	}
	h.begin()
	return h
}

// kept has the pool kept for idleTime from now. It returns nil if that cannot
// be, because the loop is about to end.
func (p *pool) kept() *keeper {
	p.mu.Lock()
	k := p.keep
	p.mu.Unlock()
	if k == nil {
		if k = p.begin(); k == nil {
			return nil
		}
	}
	if k.op.Draining() || k.op.Context().Err() != nil {
		k.end()
		return nil
	}
	k.op.Alarms().Set(&k.alarm, idleTime)
	return k
}

// begin starts a keeper, or returns one that was quicker.
func (p *pool) begin() *keeper {
	k := &keeper{pool: p}
	k.alarm.Init((*keeperAlarm)(k))
	k.op.AsDaemon()
	if k.op.Start(p.ctx, kindPool, "", (*keeperDriver)(k)) != nil {
		return nil
	}
	p.mu.Lock()
	other := p.keep
	if other == nil {
		p.keep = k
	}
	p.mu.Unlock()
	if other != nil {
		k.op.End(nil)
		return other
	}
	p.hold()
	return k
}

// end closes what is idle and ends the keeper.
func (k *keeper) end() {
	p := k.pool
	p.mu.Lock()
	if p.keep != k {
		p.mu.Unlock()
		return
	}
	p.keep = nil
	idle, clients := p.idle, p.client
	p.idle, p.client = nil, nil
	p.mu.Unlock()
	for _, conns := range idle {
		for _, conn := range conns {
			shut(conn)
		}
	}
	for _, h := range clients {
		h.close()
	}
	k.op.Alarms().Stop(&k.alarm)
	p.letGo()
	k.op.End(nil)
}

// keeperDriver is a keeper as the loop sees it, keeperAlarm as the heap of
// alarms does.
type (
	keeperDriver keeper
	keeperAlarm  keeper
)

func (k *keeperDriver) OpCancel(error) { (*keeper)(k).end() }
func (k *keeperDriver) OpName() string { return "idle connections to name servers" }
func (k *keeperAlarm) Fire()           { (*keeper)(k).end() }
