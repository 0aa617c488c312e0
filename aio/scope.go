package aio

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"goaio.example/aio/internal/bell"
)

// Scope runs fn in the caller's goroutine and returns when fn and everything
// started in it have ended: structured concurrency. The first error, of fn or
// of a Spawn or callback started in the scope, cancels the rest. Scope returns
// that error, joined with later errors that say more than that an operation was
// cancelled, and with those of futures from the scope that nothing looked at.
// Daemons of the scope end with it.
//
// A Scope that was cancelled from outside returns the cause if that cut off
// something in it.
//
// Scope fails with ErrNoLoop or ErrLoopDone without running fn. When fn panics,
// Scope ends what it started and returns the *PanicError; when fn calls
// runtime.Goexit, so does Scope, after ending what it started.
func Scope(ctx context.Context, name string, fn func(ctx context.Context) error) (err error) {
	s := new(scope)
	s.ext.own = s
	s.op.x.Store(&s.ext)
	s.op.set(opLooked)
	if err := s.op.start(ctx, kindScope, nameOf(name, fn), 0); err != nil {
		return err
	}
	ok := false
	defer func() {
		if !ok {
			err = s.op.caught(recover())
		}
		if err != nil {
			s.fail(err)
		}
		s.waitKids()
		err = s.result()
		s.op.End(err)
	}()
	if s.op.annotated() {
		defer s.op.region()()
	}
	err = callErr(s.op.mark(), s.op.Context(), fn)
	ok = true
	return err
}

// scope is a Scope in progress.
type scope struct {
	op  Op
	ext extra
	// something in it, no daemon, ended because it was cancelled
	cut  atomic.Bool
	mu   sync.Mutex
	errs []error
	lost lostList  // of futures from the scope
	idle bell.Bell // rung when a child has ended
}

// fail records the error of something in the scope. The first one cancels the
// rest.
func (s *scope) fail(err error) {
	s.mu.Lock()
	first := len(s.errs) == 0
	if first {
		s.errs = append(s.errs, err)
	}
	cause := s.errs[0]
	s.mu.Unlock()
	if first {
		s.op.cancel(err)
		return
	}
	// without the lock: it calls methods of the error
	if !onlyCancel(err, cause) {
		s.mu.Lock()
		s.errs = append(s.errs, err)
		s.mu.Unlock()
	}
}

// waitKids waits for the scope's children. Once only daemons are left, it
// cancels them.
func (s *scope) waitKids() {
	for {
		s.op.mu.Lock()
		none := s.op.first == nil
		s.op.mu.Unlock()
		if none {
			return
		}
		s.mu.Lock()
		idle := s.idle.C()
		s.mu.Unlock()
		s.op.mu.Lock()
		none, hold := s.op.first == nil, s.op.hold
		s.op.mu.Unlock()
		if none {
			return
		}
		if hold == 0 {
			for _, k := range s.op.appendKids(nil) {
				k.cancel(ErrStopped)
			}
		}
		s.await(idle)
	}
}

// await waits for idle. The function around the Scope lends its slots meanwhile
// if something in the Scope may need slots.
func (s *scope) await(idle <-chan struct{}) {
	if limiting.Load() {
		defer stepAside(s.op.parent.Load().Context(), &s.op)()
	}
	<-idle
}

// wake makes waitKids look again.
func (s *scope) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.idle.Ring()
}

// result returns what Scope returns.
func (s *scope) result() error {
	for _, rec := range s.lost.takeAll() {
		s.fail(rec.event.ev.Err)
	}
	s.mu.Lock()
	errs := s.errs
	s.mu.Unlock()
	if cause := s.op.why(); s.cut.Load() && cause != nil && (len(errs) == 0 || !isErr(errs[0], cause)) {
		errs = append([]error{cause}, errs...) // it came first, from outside
	}
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}
