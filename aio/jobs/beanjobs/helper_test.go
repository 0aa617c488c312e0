package beanjobs_test

import (
	"context"
	"testing"
	"time"

	"goaio.example/aio/beanstalk"
	"goaio.example/aio/jobs"
	"goaio.example/aio/jobs/beanjobs"
	"goaio.example/aio/timer"
)

const queue = "work"

// broker returns a Broker for a server that may be away for a while.
func broker(addr string) *beanjobs.Broker {
	return &beanjobs.Broker{Client: &beanstalk.Client{Addr: addr}, TTR: leaseTime}
}

const leaseTime = 2 * time.Second

// quick is a Backoff for a broker that comes back soon.
var quick = timer.Backoff{Initial: 10 * time.Millisecond, Max: 200 * time.Millisecond}

// put puts a job, and fails the test for an error.
func put(ctx context.Context, t *testing.T, addr string, j jobs.Job) {
	t.Helper()
	if _, err := broker(addr).Put(ctx, queue, j).Await(ctx); err != nil {
		t.Fatalf("putting a job: %v", err)
	}
}

// wantEmpty waits until the broker has no job.
func wantEmpty(ctx context.Context, t *testing.T, addr string) {
	t.Helper()
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		s, err := broker(addr).Client.Stats(ctx).Await(ctx)
		if err != nil {
			t.Fatalf("Stats: %v", err)
		}
		if s.Ready+s.Reserved+s.Delayed+s.Buried == 0 {
			return
		}
		if time.Since(begin) > 20*time.Second {
			t.Fatalf("the broker has %d ready, %d reserved, %d delayed, %d buried jobs, want none", s.Ready, s.Reserved, s.Delayed, s.Buried)
		}
	}
}

// reserve waits for a job.
func reserve(ctx context.Context, s jobs.Source) (jobs.Lease, error) {
	for {
		l, err := s.Reserve(ctx)
		if err != jobs.ErrNoJob {
			return l, err
		}
	}
}
