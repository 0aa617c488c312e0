package nats

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/jobs"
)

var kindSource = aio.NewKind("nats.source")

const (
	// life is how often a Source gives a sign of life while there is no job.
	life = 10 * time.Second
	// beat is how often the server is to give one.
	beat = time.Second
	// deaf is after how long without one the server's leader is looked for
	// again.
	deaf = 3 * beat
)

// source is a Source of a Broker. Reserves are not bound to the pulls that they
// send: whoever has waited longest gets what comes.
type source struct {
	b      *Broker
	queues []string
	making chan struct{} // a semaphore: one Reserve makes the inbox

	mu      sync.Mutex
	op      *aio.Op // nil before the first Reserve
	link    *link
	in      *inbox // where jobs come; nil or a broken one: it is to be made
	inboxes sync.WaitGroup
	waiters []*waiter
	held    map[*lease]struct{}
	swept   time.Time
	closed  error // why the Source is closed; nil: it is not
}

// waiter is a Reserve that waits. It gets one outcome.
type waiter struct{ got chan outcome }

type outcome struct {
	lease *lease
	err   error
}

// Source returns a Source of the given queues, or of all of the stream's if
// there are none. It connects when it is used, in one loop. All Sources of a
// queue must be made with the same queues: JetStream has one consumer for them,
// which the Sources share, and refuses a second one for some of them.
func (b *Broker) Source(queues ...string) jobs.Source {
	return &source{b: b, queues: sorted(queues), making: make(chan struct{}, 1), held: make(map[*lease]struct{})}
}

// begin starts the Source's operation, which does not hold the loop open.
func (s *source) begin(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed != nil || s.op != nil {
		return s.closed
	}
	for _, q := range s.queues {
		if err := jobs.CheckQueue(q); err != nil {
			return err
		}
	}
	op := new(aio.Op)
	op.AsBackground()
	op.AsServed()
	if err := op.Start(aio.Detach(context.WithoutCancel(ctx)), kindSource, fmt.Sprint(s.b.stream(), " ", s.queues), s); err != nil {
		return err
	}
	s.op, s.link = op, s.b.client().link(op.Context())
	return nil
}

// OpCancel ends a Source that was not closed.
func (s *source) OpCancel(cause error) {
	s.op.Go(func() {
		_ = s.end(s.op.Context(), cause) // leases end by their time
		s.op.End(nil)
	}, func(error) {})
}

// Reserve waits for a job.
func (s *source) Reserve(ctx context.Context) (jobs.Lease, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	s.sweep()
	for begun := time.Now(); ; {
		in, err := s.open(ctx)
		if err != nil {
			return nil, err
		}
		o, again := s.wait(ctx, in)
		switch {
		case o.lease != nil:
			return o.lease, nil
		case !again || time.Since(begun) > life:
			return nil, o.err
		}
	}
}

// wait waits for a job from an inbox. again says that the inbox is of no use
// any more, and another one may be.
func (s *source) wait(ctx context.Context, in *inbox) (o outcome, again bool) {
	w := &waiter{make(chan outcome, 1)}
	s.mu.Lock()
	if err := s.closed; err != nil {
		s.mu.Unlock()
		return outcome{err: err}, false
	}
	s.waiters = append(s.waiters, w)
	err := in.pump()
	s.mu.Unlock()
	if err != nil {
		return s.leave(w, err), false
	}
	for {
		t := time.NewTimer(deaf)
		select {
		case o = <-w.got:
		case <-ctx.Done():
			o = s.leave(w, context.Cause(ctx))
		case <-in.broken:
			o = s.leave(w, errBroken)
		case <-t.C:
			if !s.isDeaf(in) {
				continue
			}
			o, again = s.leave(w, errDeaf), true
		}
		t.Stop()
		return o, again || o.err == errMoved
	}
}

// isDeaf reports whether an inbox has heard nothing for too long, and then has
// it be replaced.
func (s *source) isDeaf(in *inbox) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(in.heard) < deaf && s.in == in {
		return false
	}
	s.drop(in)
	return true
}

// leave takes a waiter out, unless it has its outcome. Pulls that no one waits
// for any more are ended.
func (s *source) leave(w *waiter, err error) outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.waiters, w)
	if i < 0 {
		return <-w.got
	}
	s.waiters = slices.Delete(s.waiters, i, i+1)
	if len(s.waiters) == 0 && s.in != nil && s.in.pulls > 0 {
		s.drop(s.in)
	}
	return outcome{err: err}
}

// give gives an outcome to the waiter that has waited longest. It reports false
// if there is none. The lock is held.
func (s *source) give(o outcome) bool {
	if len(s.waiters) == 0 {
		return false
	}
	w := s.waiters[0]
	s.waiters = slices.Delete(s.waiters, 0, 1)
	w.got <- o
	return true
}

// sweep forgets, each second at most, leases that have ended.
func (s *source) sweep() {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.swept) < time.Second {
		return
	}
	s.swept = now
	for l := range s.held {
		if now.After(l.until) {
			delete(s.held, l)
		}
	}
}

// Close gives back what is leased, and ends the subscription.
func (s *source) Close(ctx context.Context) error {
	s.mu.Lock()
	op := s.op
	s.mu.Unlock()
	err := s.end(ctx, aio.ErrClosed)
	if op != nil {
		op.End(nil)
	}
	return err
}

// end ends the Source's work.
func (s *source) end(ctx context.Context, cause error) error {
	s.mu.Lock()
	if s.closed != nil {
		s.mu.Unlock()
		return s.closed
	}
	s.closed = cause
	for s.give(outcome{err: cause}) {
	}
	if s.in != nil {
		s.drop(s.in)
	}
	held := s.held
	s.held = make(map[*lease]struct{})
	s.mu.Unlock()
	for l := range held {
		if l.lasts() {
			l.giveBack()
		}
	}
	return s.flush(ctx)
}

// flush waits until what inboxes have had is given back, and the server knows.
func (s *source) flush(ctx context.Context) error {
	if s.link == nil {
		return nil
	}
	drained := make(chan struct{})
	s.op.Go(func() {
		s.inboxes.Wait()
		close(drained)
	}, func(error) {})
	select {
	case <-drained:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	s.link.mu.Lock()
	cn := s.link.newest
	s.link.mu.Unlock()
	if cn == nil || !isClosed(cn.ready) || cn.nc == nil || !cn.nc.IsConnected() {
		return nil // what is leased still waits for the end of its lease
	}
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	return cn.nc.FlushWithContext(ctx)
}
