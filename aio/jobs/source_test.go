package jobs_test

import (
	"context"
	"runtime"
	"sync"
	"time"

	"goaio.example/aio/jobs"
)

func goexit() { runtime.Goexit() }

// source is a Source whose calls a test may tamper with, and which notes them.
type source struct {
	jobs.Source
	// before is called before each call, with "reserve", "touch" and so on. Its
	// error is the call's, which is not made then.
	before func(ctx context.Context, call string) error

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
	err := fn()
	s.note(call)
	return err
}

func (s *source) Reserve(ctx context.Context) (l jobs.Lease, err error) {
	err = s.do(ctx, "reserve", func() (err error) {
		l, err = s.Source.Reserve(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &lease{l, s}, nil
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
