package httpx

import (
	"context"
	"net/url"
	"time"

	"goaio.example/aio/internal/alarm"
)

// host holds the connections to a host. The pool's lock guards it.
//
// A trip that finds no idle connection waits, in order, and dials one unless
// MaxConnsPerHost connections exist. The trip that has waited longest gets the
// first connection that becomes free, no matter which trip it was dialed for. A
// dial has a trip only while that trip waits, and no two dials have the same.
type host struct {
	pool  *pool
	key   hostKey
	proxy *url.URL

	first   *clientConn // idle connections, most recently used first
	idle    int
	waiting tripQueue
	conns   int // open, or being dialed
	// when a waiting trip last got a connection, by the pool's clock
	moved  time.Duration
	alarm  alarm.Alarm  // fires for trips that wait too long
	timed  bool         // alarm is set
	h2     *sharedConns // connections over HTTP/2, made with the first of them
	shared *sharedConns // h2, while the host is known to speak it
}

// find looks for a connection for a trip. It returns an idle connection, or the
// host's HTTP/2 connections. If it returns neither, the trip waits.
func (p *pool) find(t *trip) (*clientConn, *sharedConns) {
	p.mu.Lock()
	p.emptied = false
	if t.turn == 0 { // otherwise its connection turned out to be closed
		p.turns++
		t.turn = p.turns
	}
	h := p.hosts[t.key]
	if h == nil {
		h = &host{pool: p, key: t.key, proxy: t.proxy}
		if p.client.H2C {
			h.shared = h.sharedConnsOf()
		}
		p.hosts[t.key] = h
	}
	t.host = h
	if shared := h.shared; shared != nil {
		p.mu.Unlock()
		return nil, shared
	}
	if k := h.popIdle(); k != nil {
		p.mu.Unlock()
		return k, nil
	}
	h.enqueue(t)
	d := h.dialFor(t)
	p.mu.Unlock()
	d.start()
	return nil, nil
}

// dialFor returns a new dial for a trip that waits, if there may be another
// connection. The caller starts it, without the lock.
func (h *host) dialFor(t *trip) *dialing {
	if t == nil || h.full() {
		return nil
	}
	h.conns++
	t.dial = &dialing{host: h, trip: t, of: context.WithoutCancel(t.values)}
	return t.dial
}

// full reports whether there may be no more connections.
func (h *host) full() bool {
	limit := h.pool.client.MaxConnsPerHost
	return limit > 0 && h.conns >= limit
}

// popIdle removes and returns the idle connection that was used last.
func (h *host) popIdle() *clientConn {
	k := h.first
	if k != nil {
		h.removeIdle(k)
	}
	return k
}

// removeIdle removes a connection from the idle list.
func (h *host) removeIdle(k *clientConn) {
	if k.prev != nil {
		k.prev.next = k.next
	} else {
		h.first = k.next
	}
	if k.next != nil {
		k.next.prev = k.prev
	}
	k.prev, k.next, k.listed = nil, nil, false
	h.idle--
}

// take gives a free connection to the trip that has waited longest, or keeps it
// as idle. If it does neither, it returns nil and false.
func (h *host) take(k *clientConn) (t *trip, kept bool) {
	h.pool.mu.Lock()
	defer h.pool.mu.Unlock()
	if t = h.next(); t != nil {
		return t, true
	}
	if h.pool.drained || h.pool.emptied || h.idle >= h.pool.client.mostIdle() {
		return nil, false
	}
	k.next = h.first
	if h.first != nil {
		h.first.prev = k
	}
	h.first, k.listed = k, true
	h.idle++
	return nil, true
}

// next removes and returns the trip that gets the next connection, nil if none
// waits.
func (h *host) next() *trip {
	t := h.waiting.pop()
	if t != nil {
		h.moved = h.pool.op.Age()
		h.spare(t)
	}
	return t
}

// spare passes the connection that is being dialed for a trip, which no longer
// needs it, to a waiting trip without a dial. It returns the dial if there is
// none.
func (h *host) spare(t *trip) *dialing {
	d := t.dial
	if t.dial = nil; d == nil {
		return nil
	}
	if d.trip = h.waiting.undialed(); d.trip == nil {
		return d
	}
	d.trip.dial = d
	return nil
}

// unlist removes a connection from the idle list. It reports false if the
// connection was not idle.
func (h *host) unlist(k *clientConn) bool {
	h.pool.mu.Lock()
	defer h.pool.mu.Unlock()
	if k.listed {
		h.removeIdle(k)
		return true
	}
	return false
}

// gone uncounts a connection, and dials another one if a trip is waiting for
// it.
func (h *host) gone() {
	h.pool.mu.Lock()
	h.conns--
	d := h.dialFor(h.waiting.undialed())
	var shared *dialing
	if h.h2 != nil {
		shared = h.h2.serve()
	}
	if h.conns == 0 && h.waiting.head == nil && h.pool.hosts[h.key] == h {
		delete(h.pool.hosts, h.key)
	}
	h.pool.mu.Unlock()
	d.start()
	shared.start()
}

// leave removes a trip from the queue, if it waits. The connection that is
// being dialed for it goes to a waiting trip without a dial, or is given up.
func (p *pool) leave(t *trip) {
	p.mu.Lock()
	h := t.host
	if h == nil || !h.waiting.remove(t) {
		p.mu.Unlock()
		return
	}
	d := h.spare(t)
	if d != nil {
		d.unwanted = true
	}
	started := d != nil && d.started
	p.mu.Unlock()
	if started {
		d.op.Cancel(errNotNeeded)
	}
}

// dialed ends a dial that succeeded. It returns the trip that gets the
// connection: the one that has waited longest, nil if none waits. If that trip
// had a dial, the trip that this dial was for takes it over.
func (h *host) dialed(d *dialing) *trip {
	h.pool.mu.Lock()
	if d.trip != nil {
		d.trip.dial, d.trip = nil, nil
	}
	var idle []*sharedConn
	if d.shared != nil { // the host no longer speaks HTTP/2
		idle = d.shared.retire(d)
	}
	t := h.next()
	next := h.dialFor(h.waiting.undialed())
	h.pool.mu.Unlock()
	next.start()
	for _, c := range idle {
		c.cc.Close()
	}
	return t
}

// dialFailed ends a dial that failed, and returns the trip that it was for.
func (h *host) dialFailed(d *dialing, err error) *trip {
	h.pool.mu.Lock()
	if d.shared != nil {
		d.shared.dialOver(d, err)
	}
	t := d.trip
	if d.trip = nil; t != nil {
		t.dial = nil
		h.waiting.remove(t)
	}
	h.pool.mu.Unlock()
	if !d.made {
		h.gone()
	}
	return t
}

// tripQueue is a queue of trips that wait for a connection, in the order of
// their turns.
type tripQueue struct{ head, tail *trip }

// push adds a trip: last, unless it has had a connection before.
func (q *tripQueue) push(t *trip) {
	var next *trip
	if q.tail != nil && q.tail.turn > t.turn {
		for next = q.head; next.turn < t.turn; {
			next = next.next
		}
	}
	if t.next = next; next != nil {
		t.prev, next.prev = next.prev, t
	} else {
		t.prev, q.tail = q.tail, t
	}
	if t.prev != nil {
		t.prev.next = t
	} else {
		q.head = t
	}
	t.queued = true
}

func (q *tripQueue) pop() *trip {
	t := q.head
	q.remove(t)
	return t
}

// remove removes t and reports whether it was in the queue.
func (q *tripQueue) remove(t *trip) bool {
	if t == nil || !t.queued {
		return false
	}
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		q.head = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	} else {
		q.tail = t.prev
	}
	t.prev, t.next, t.queued = nil, nil, false
	return true
}

// undialed returns the first trip without a dial.
func (q *tripQueue) undialed() *trip {
	for t := q.head; t != nil; t = t.next {
		if t.dial == nil {
			return t
		}
	}
	return nil
}
