package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/jobs"
	"goaio.example/aio/jobs/jobstest"
)

func TestMemory(t *testing.T) {
	for _, c := range jobstest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
				m := &jobs.Memory{Lease: 6 * time.Second}
				c.Run(ctx, t, jobstest.Broker{
					Putter: m,
					Queue:  "q",
					Open:   func(context.Context) (jobs.Source, error) { return m.Source("q"), nil },
					Lease:  m.Lease,
					Delay:  3 * time.Second,
					Buried: func(context.Context) (int, error) { return m.Stats("q").Buried, nil },
				})
				return nil
			})
		})
	}
}

func TestMemoryBound(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		m := &jobs.Memory{MaxBytes: 1000}
		put := func(n int) error {
			_, err := m.Put(ctx, "q", jobs.Job{Body: make([]byte, n)}).Await(ctx)
			return err
		}
		if err := put(1000); !errors.Is(err, jobs.ErrTooBig) {
			t.Errorf("a job of more than MaxBytes: %v, want %v", err, jobs.ErrTooBig)
		}
		if err := put(600); err != nil {
			t.Errorf("put: %v", err)
		}
		if err := put(600); !errors.Is(err, jobs.ErrFull) {
			t.Errorf("more than there is room for: %v, want %v", err, jobs.ErrFull)
		}
		s := m.Source("q")
		l, err := s.Reserve(ctx)
		if err != nil {
			return err
		}
		if err := l.Delete(ctx); err != nil {
			t.Errorf("l.Delete: %v", err)
		}
		if err := put(600); err != nil {
			t.Errorf("the room of a deleted job is not free: %v", err)
		}
		return s.Close(ctx)
	})
}

func TestMemoryPutFails(t *testing.T) {
	var m jobs.Memory
	if _, err := m.Put(context.Background(), "q", jobs.Job{}).Result(); !errors.Is(err, aio.ErrNoLoop) {
		t.Errorf("without a loop: %v, want %v", err, aio.ErrNoLoop)
	}
	aiotest.Run(t, func(ctx context.Context) error {
		dead, cancel := context.WithCancelCause(ctx)
		cancel(errBroken)
		if _, err := m.Put(dead, "q", jobs.Job{}).Await(ctx); !errors.Is(err, errBroken) {
			t.Errorf("with a dead ctx: %v, want its cause", err)
		}
		if _, err := m.Put(ctx, "no queue", jobs.Job{}).Await(ctx); !errors.Is(err, jobs.ErrInvalid) {
			t.Errorf("into a queue of a bad name: %v, want %v", err, jobs.ErrInvalid)
		}
		return nil
	})
	if s := m.Stats("q"); s != (jobs.MemoryStats{}) {
		t.Errorf("jobs were put nevertheless: %+v", s)
	}
}

// Several queues of one Source are served in the order of their jobs; each has
// its delays.
func TestMemoryQueues(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		m := jobs.Memory{Lease: time.Hour}
		s := m.Source("a", "b")
		for i, queue := range []string{"b", "a", "c", "b"} {
			m.Put(ctx, queue, jobs.Job{ID: jobs.ID(fmt.Sprint(i)), Delay: time.Duration(i/3) * time.Minute})
		}
		var got string
		begin := time.Now()
		for range 3 {
			l, err := s.Reserve(ctx)
			if err != nil {
				return err
			}
			j, err := jobs.Decode(l.Delivery())
			got += fmt.Sprintf("%s%s after %v, %v; ", j.Queue, j.ID, time.Since(begin), err)
		}
		if want := "b0 after 0s, <nil>; a1 after 0s, <nil>; b3 after 1m0s, <nil>; "; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		return s.Close(ctx)
	})
}

func TestMemoryKick(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		var m jobs.Memory
		s := m.Source("q")
		for i := range 3 {
			m.Put(ctx, "q", jobs.Job{ID: jobs.ID(fmt.Sprint(i))})
			l, err := s.Reserve(ctx)
			if err != nil {
				return err
			}
			if err := l.Bury(ctx, fmt.Errorf("why %d", i)); err != nil {
				return err
			}
		}
		if n := m.Kick("q", 2); n != 2 {
			t.Errorf("kicked %d jobs, want 2", n)
		}
		if b := m.Buried("q"); len(b) != 1 || b[0].Job.ID != "2" || b[0].Why.Error() != "why 2" {
			t.Errorf("buried: %+v", b)
		}
		if got, want := m.Stats("q"), (jobs.MemoryStats{Ready: 2, Buried: 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		l, err := s.Reserve(ctx)
		if err != nil {
			return err
		}
		if d := l.Delivery(); d.Attempts != 1 {
			t.Errorf("a kicked job has %d attempts, want 1", d.Attempts)
		}
		return s.Close(ctx)
	})
}

// A lease without an end does not end.
func TestMemoryNoLease(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		m := jobs.Memory{Lease: -1}
		m.Put(ctx, "q", jobs.Job{})
		s := m.Source("q")
		l, err := s.Reserve(ctx)
		if err != nil {
			return err
		}
		if d := l.Delivery().Lease; d != 0 {
			t.Errorf("the lease is of %v, want 0", d)
		}
		time.Sleep(1000 * time.Hour)
		if err := l.Touch(ctx); err != nil {
			t.Errorf("l.Touch: %v", err)
		}
		if err := l.Delete(ctx); err != nil {
			t.Errorf("l.Delete: %v", err)
		}
		return s.Close(ctx)
	})
}

// A Reserve that waits learns of a job that comes before what it waits for.
func TestMemoryWakes(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		m := jobs.Memory{Lease: time.Minute}
		s, other := m.Source("q"), m.Source("q")
		m.Put(ctx, "q", jobs.Job{ID: "late", Delay: time.Hour})
		m.Put(ctx, "q", jobs.Job{ID: "soon"})
		held, err := other.Reserve(ctx)
		if err != nil {
			return err
		}
		begin := time.Now()
		f := aio.Go(ctx, "reserve", func(ctx context.Context) (jobs.ID, error) {
			l, err := s.Reserve(ctx)
			if err != nil {
				return "", err
			}
			j, err := jobs.Decode(l.Delivery())
			return j.ID, err
		})
		synctest.Wait() // it waits for the lease of a minute
		if err := held.Release(ctx, 10*time.Second); err != nil {
			return err
		}
		if id, err := f.Await(ctx); id != "soon" || err != nil || time.Since(begin) != 10*time.Second {
			t.Errorf("got %s, %v after %v; want soon after 10s", id, err, time.Since(begin))
		}
		return s.Close(ctx)
	})
}
