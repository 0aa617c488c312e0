package httpx

import (
	"container/list"
	"context"
	"time"

	"goaio.example/aio/internal/alarm"
)

// sharedWait is a request that waits for a connection over HTTP/2.
type sharedWait struct {
	ctx      context.Context
	exchange *sharedExchange
	since    time.Duration // by the pool's clock
	over     chan struct{} // closed with one of the following
	conn     *sharedConn
	err      error
}

// take returns a connection on which it has taken a place for a request. It
// waits until there is one.
func (s *sharedConns) take(ctx context.Context, w *sharedExchange) (*sharedConn, error) {
	p := s.host.pool
	p.mu.Lock()
	if !s.current() {
		p.mu.Unlock()
		return nil, errNotShared
	}
	if s.waiting.Len() == 0 {
		if c := s.reserve(); c != nil {
			p.mu.Unlock()
			return c, nil
		}
	}
	x := &sharedWait{ctx: ctx, exchange: w, since: p.op.Age(), over: make(chan struct{})}
	e := s.waiting.PushBack(x)
	s.every = 0
	d := s.serve()
	p.mu.Unlock()
	d.start()
	select {
	case <-x.over:
		return x.conn, x.err
	case <-ctx.Done():
		return s.giveUp(e, x)
	}
}

// giveUp removes a request from the queue. If it is the last one, the dial is
// given up. A request that got a connection meanwhile keeps it: package http2
// gives its place back.
func (s *sharedConns) giveUp(e *list.Element, x *sharedWait) (*sharedConn, error) {
	p := s.host.pool
	p.mu.Lock()
	select {
	case <-x.over:
		p.mu.Unlock()
		return x.conn, x.err
	default:
	}
	s.waiting.Remove(e)
	d := s.dialing
	cancel := false
	if d != nil && s.waiting.Len() == 0 {
		s.dialing, d.unwanted, cancel = nil, true, d.started
	}
	p.mu.Unlock()
	if cancel {
		d.op.Cancel(errNotNeeded)
	}
	return nil, context.Cause(x.ctx)
}

// serve assigns free places to the requests that wait, in order. If there are
// not enough, it returns a new dial, which the caller starts without the lock.
// The pool's lock is held.
func (s *sharedConns) serve() *dialing {
	for e := s.waiting.Front(); e != nil; e = s.waiting.Front() {
		c := s.reserve()
		if c == nil {
			break
		}
		x := s.waiting.Remove(e).(*sharedWait)
		x.conn = c
		close(x.over)
	}
	if s.waiting.Len() == 0 {
		return nil
	}
	s.look()
	h := s.host
	if s.dialing != nil || h.full() {
		return nil
	}
	h.conns++
	s.dialing = &dialing{host: h, shared: s, of: context.WithoutCancel(s.waiting.Front().Value.(*sharedWait).ctx)}
	return s.dialing
}

// dialOver ends a dial for the requests that wait. If the dial failed, they
// fail with its error. A dial that was given up does not affect them. The
// pool's lock is held.
func (s *sharedConns) dialOver(d *dialing, err error) {
	if s.dialing != d {
		return
	}
	s.dialing, s.every = nil, 0
	if err != nil {
		s.failAll(err)
	}
}

// failAll fails all requests that wait. The pool's lock is held.
func (s *sharedConns) failAll(err error) {
	for e := s.waiting.Front(); e != nil; e = s.waiting.Front() {
		s.failOne(e, err)
	}
}

func (s *sharedConns) failOne(e *list.Element, err error) {
	x := s.waiting.Remove(e).(*sharedWait)
	x.err = err
	close(x.over)
}

// The tick's interval is lookSoon at first, and doubles up to lookLate.
const (
	lookSoon = time.Millisecond
	lookLate = time.Second
)

// look schedules the tick. Package http2 does not report when a stream ends or
// when the server allows more streams, but there is usually room a moment after
// a response was read. The pool's lock is held.
func (s *sharedConns) look() {
	s.every = min(max(2*s.every, lookSoon), lookLate)
	alarm.Of(&s.host.pool.op).Set(&s.tick, s.every)
}

// Fire is called at each tick.
func (s *sharedConns) Fire() {
	p := s.host.pool
	p.mu.Lock()
	d := s.serve()
	if s.dialing == nil {
		s.failLate()
	}
	p.mu.Unlock()
	d.start()
}

// failLate fails the requests that have waited too long. The pool's lock is
// held.
func (s *sharedConns) failLate() {
	for e := s.waiting.Front(); e != nil; e = s.waiting.Front() {
		if !s.host.waitsTooLong(max(e.Value.(*sharedWait).since, s.moved)) {
			return
		}
		s.failOne(e, errWait)
	}
}

// setPhase sets the phase of the requests that wait for the dial. The pool's
// lock is held.
func (s *sharedConns) setPhase(p int32) {
	for e := s.waiting.Front(); e != nil; e = e.Next() {
		e.Value.(*sharedWait).exchange.ex.setPhase(p)
	}
}
