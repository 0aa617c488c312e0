package transport

import (
	"context"
	"net"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
)

const (
	maxIdle = 4 // idle connections per server and loop
	// how long they are kept after the last use of any
	idleTime = 10 * time.Second
)

var kindPool = aio.NewKind("dns.pool")

// Pool keeps the idle connections of one loop to TLS and HTTPS servers. While
// it keeps any, it has a daemon of that loop, which closes them when the loop
// drains. The exported fields must be set before use.
type Pool struct {
	Context context.Context // of the loop itself
	Hold    func()          // called when the pool begins to keep connections
	LetGo   func()          // called when it keeps no more

	mu     sync.Mutex
	keeper *keeper // nil: nothing is kept
	idle   map[*Server][]net.Conn
	client map[*Server]*client
}

// keeper is a pool's daemon.
type keeper struct {
	op    aio.Op
	alarm alarm.Alarm
	pool  *Pool
}

// take removes an idle connection from the pool and returns it. It returns nil
// if there is none.
func (p *Pool) take(s *Server) net.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	idle := p.idle[s]
	if len(idle) == 0 {
		return nil
	}
	conn := idle[len(idle)-1]
	p.idle[s] = idle[:len(idle)-1]
	return conn
}

// put adds an idle connection to the pool, or closes it.
func (p *Pool) put(s *Server, conn net.Conn) {
	k := p.kept()
	p.mu.Lock()
	if k != nil && p.keeper == k && len(p.idle[s]) < maxIdle {
		if p.idle == nil {
			p.idle = map[*Server][]net.Conn{}
		}
		p.idle[s] = append(p.idle[s], conn)
		conn = nil
	}
	p.mu.Unlock()
	if conn != nil {
		shut(conn)
	}
}

// use returns the client for the call's server. The caller calls its end method
// after the request.
func (p *Pool) use(c *Call) *client {
	k := p.kept()
	p.mu.Lock()
	defer p.mu.Unlock()
	if k == nil || p.keeper != k {
		return newClient(c.Network, c.Server, false)
	}
	h := p.client[c.Server]
	if h == nil {
		if p.client == nil {
			p.client = map[*Server]*client{}
		}
		h = newClient(c.Network, c.Server, true)
		p.client[c.Server] = h
		return h
	}
	h.begin()
	return h
}

// kept returns the keeper, and sets its alarm to idleTime from now. It starts a
// keeper if there is none. It returns nil if the loop drains or has ended.
func (p *Pool) kept() *keeper {
	p.mu.Lock()
	k := p.keeper
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
	alarm.Of(&k.op).Set(&k.alarm, idleTime)
	return k
}

// begin starts a keeper. If another goroutine does so first, it returns that
// one.
func (p *Pool) begin() *keeper {
	k := &keeper{pool: p}
	k.alarm.Init((*keeperAlarm)(k))
	k.op.AsDaemon()
	if k.op.Start(p.Context, kindPool, "", (*keeperDriver)(k)) != nil {
		return nil
	}
	p.mu.Lock()
	other := p.keeper
	if other == nil {
		p.keeper = k
	}
	p.mu.Unlock()
	if other != nil {
		k.op.End(nil)
		return other
	}
	p.Hold()
	return k
}

// end closes the idle connections and ends the keeper.
func (k *keeper) end() {
	p := k.pool
	p.mu.Lock()
	if p.keeper != k {
		p.mu.Unlock()
		return
	}
	p.keeper = nil
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
	alarm.Of(&k.op).Stop(&k.alarm)
	p.LetGo()
	k.op.End(nil)
}

// keeperDriver has the methods of a keeper for the loop, and keeperAlarm those
// for the heap of alarms.
type (
	keeperDriver keeper
	keeperAlarm  keeper
)

func (k *keeperDriver) OpCancel(error) { (*keeper)(k).end() }
func (k *keeperDriver) OpName() string { return "idle connections to name servers" }
func (k *keeperAlarm) Fire()           { (*keeper)(k).end() }
