package jobs_test

import (
	"context"
	"runtime"
	"sync"
	"time"

	"goaio.example/aio/jobs"
	"goaio.example/aio/timer"
)

func goexit() { runtime.Goexit() }

var permanent = timer.Permanent(errBroken)

// panicking has the calls of one kind panic.
func panicking(call string) func(context.Context, string) error {
	return func(_ context.Context, c string) error {
		if c == call {
			panic("oh")
		}
		return nil
	}
}

// source is a Source whose calls a test may tamper with, and which notes those
// that succeed.
type source struct {
	jobs.Source
	// before is called before each call, with "reserve", "touch" and so on. Its
	// error is the call's, which is not made then.
	before func(ctx context.Context, call string) error
	// after is called after each call that has succeeded. Its error is the
	// call's.
	after func(ctx context.Context, call string) error

	// poll is after what time Reserve returns ErrNoJob. 0 means that it does
	// not.
	poll time.Duration

	mu    sync.Mutex
	noted []string
}

func (s *source) note(call string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noted = append(s.noted, call)
}

// calls returns how often a call was made.
func (s *source) calls(call string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.noted {
		if c == call {
			n++
		}
	}
	return n
}

func (s *source) do(ctx context.Context, call string, fn func() error) error {
	if s.before != nil {
		if err := s.before(ctx, call); err != nil {
			return err
		}
	}
	if err := fn(); err != nil {
		return err
	}
	s.note(call)
	if s.after != nil {
		return s.after(ctx, call)
	}
	return nil
}

func (s *source) Reserve(ctx context.Context) (l jobs.Lease, err error) {
	err = s.do(ctx, "reserve", func() (err error) {
		if l, err = s.reserve(ctx); l != nil {
			l = &lease{l, s}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// reserve reserves, for poll at most.
func (s *source) reserve(ctx context.Context) (jobs.Lease, error) {
	if s.poll == 0 {
		return s.Source.Reserve(ctx)
	}
	in, cancel := context.WithTimeout(ctx, s.poll)
	defer cancel()
	l, err := s.Source.Reserve(in)
	if err != nil && ctx.Err() == nil && in.Err() != nil {
		err = jobs.ErrNoJob
	}
	return l, err
}

func (s *source) Close(ctx context.Context) error {
	return s.do(ctx, "close", func() error { return s.Source.Close(ctx) })
}

// lease is a Lease of a source.
type lease struct {
	jobs.Lease
	s *source
}

func (l *lease) Touch(ctx context.Context) error {
	return l.s.do(ctx, "touch", func() error { return l.Lease.Touch(ctx) })
}

func (l *lease) Delete(ctx context.Context) error {
	return l.s.do(ctx, "delete", func() error { return l.Lease.Delete(ctx) })
}

func (l *lease) Release(ctx context.Context, d time.Duration) error {
	return l.s.do(ctx, "release", func() error { return l.Lease.Release(ctx, d) })
}

func (l *lease) Bury(ctx context.Context, why error) error {
	return l.s.do(ctx, "bury", func() error { return l.Lease.Bury(ctx, why) })
}
