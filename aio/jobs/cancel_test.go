package jobs_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/jobs"
)

// A Put whose ctx ends at whatever moment has put the job, or fails with the
// cause.
func TestEachCancelPut(t *testing.T) {
	aiotest.EachCancel(t, func(t *testing.T, looks *aiotest.Looks) {
		aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
			var m jobs.Memory
			id, err := m.Put(looks.Context(ctx), "q", jobs.Job{}).Await(ctx)
			ready := m.Stats("q").Ready
			switch {
			case err == nil && (id == "" || ready != 1):
				t.Errorf("the ID is %q, and %d jobs are ready", id, ready)
			case err != nil && !errors.Is(err, looks.Cause()):
				t.Errorf("got %v, want the cause %v", err, looks.Cause())
			}
			return nil
		})
	})
}

// A Reserve whose ctx ends at whatever moment has the job, or has left it.
func TestEachCancelReserve(t *testing.T) {
	aiotest.EachCancel(t, func(t *testing.T, looks *aiotest.Looks) {
		aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
			var m jobs.Memory
			m.Put(ctx, "q", jobs.Job{Delay: time.Second})
			s := m.Source("q")
			l, err := s.Reserve(looks.Context(ctx))
			time.Sleep(time.Second)
			stats := m.Stats("q")
			if l != nil && stats.Reserved != 1 || l == nil && (stats.Ready != 1 || !errors.Is(err, looks.Cause())) {
				t.Errorf("Reserve returned %v, %v, and the queue has %+v", l, err, stats)
			}
			return s.Close(ctx)
		})
	})
}

// A Worker whose ctx ends at whatever moment loses no job, and closes its
// Source.
func TestEachCancelWorker(t *testing.T) {
	aiotest.EachCancel(t, func(t *testing.T, looks *aiotest.Looks) {
		aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
			var m jobs.Memory
			m.Put(ctx, "q", jobs.Job{})
			s := &source{Source: m.Source("q")}
			done := 0
			w := &jobs.Worker{Source: s, Slots: 1, Handle: func(ctx context.Context, j *jobs.Job) error {
				if err := jobSleep(ctx, time.Minute); err != nil {
					return err
				}
				done++
				return nil
			}}
			if err := w.Start(looks.Context(ctx)); err != nil {
				return err
			}
			time.Sleep(2 * time.Minute)
			if err := w.Shutdown(ctx); err != nil {
				t.Errorf("w.Shutdown: %v", err)
			}
			if left := m.Stats("q"); left.Ready+done != 1 || left.Reserved+left.Delayed != 0 || s.calls("close") != 1 {
				t.Errorf("done %d times; the queue has %+v; calls %v", done, left, s.noted)
			}
			return nil
		})
	})
}
