package httpx

import (
	"container/list"
	"context"
	"time"

	"goaio.example/aio/internal/alarm"
)

// sharedWait is a request that waits for a connection by HTTP/2.
type sharedWait struct {
	ctx   context.Context
	watch *sharedWatch
	since time.Duration // as the pool's clock has it
	over  chan struct{} // closed with one of the following
	conn  *sharedConn
	err   error
}

// take returns a connection whose place for another request is taken. It waits
// until there is one.
func (s *sharedConns) take(ctx context.Context, w *sharedWatch) (*sharedConn, error) {
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
	x := &sharedWait{ctx: ctx, watch: w, since: p.op.Age(), over: make(chan struct{})}
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

// giveUp ends a request's waiting. The last one's has the dial be given up. A
// request that has got a connection meanwhile has it: package http2 gives its
// place back.
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

// serve gives room to those that wait, in order. If there is not enough, it
// begins a connection, which the caller starts without the lock. The pool's
// lock is held.
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

// dialOver ends a dial for those that wait, who get its error if it has one.
// One that was given up is no matter to them. The pool's lock is held.
func (s *sharedConns) dialOver(d *dialing, err error) {
	if s.dialing != d {
		return
	}
	s.dialing, s.every = nil, 0
	if err != nil {
		s.failAll(err)
	}
}

// failAll fails all that wait. The pool's lock is held.
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

// The tick's interval begins with lookSoon, and doubles up to lookLate.
const (
	lookSoon = time.Millisecond
	lookLate = time.Second
)

// look has the tick come: package http2 does not tell when a stream has ended,
// or the server allows more of them, but a moment after a response was read
// there is room, as a rule. The pool's lock is held.
func (s *sharedConns) look() {
	s.every = min(max(2*s.every, lookSoon), lookLate)
	alarm.Of(&s.host.pool.op).Set(&s.tick, s.every)
}

// Fire is the tick.
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

// failLate fails those that have waited too long. The pool's lock is held.
func (s *sharedConns) failLate() {
	for e := s.waiting.Front(); e != nil; e = s.waiting.Front() {
		if !s.host.waitsTooLong(max(e.Value.(*sharedWait).since, s.moved)) {
			return
		}
		s.failOne(e, errWait)
	}
}

// setPhase says that the connection that all wait for has come to a phase. The
// pool's lock is held.
func (s *sharedConns) setPhase(p int32) {
	for e := s.waiting.Front(); e != nil; e = e.Next() {
		e.Value.(*sharedWait).watch.ex.setPhase(p)
	}
}
