package nats_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/jobs"
	"goaio.example/drivers/nats"
)

// A loop that drains gives a job back that does not end in time, before its
// connection closes: another loop gets it long before the end of its lease.
func TestDrainReleases(t *testing.T) {
	b := &nats.Broker{Client: client(startServer(t)), Lease: time.Hour}
	l := &aio.Loop{Grace: 500 * time.Millisecond}
	aiotest.Runner{Loop: l, Parallel: true}.Run(t, func(ctx context.Context) error {
		await(ctx, t, b.Put(ctx, "work", jobs.Job{ID: "one"}))
		w := &jobs.Worker{Source: b.Source("work"), Slots: 2, Handle: func(ctx context.Context, _ *jobs.Job) error {
			aio.LoopOf(ctx).Exit(nil)
			<-ctx.Done()
			return context.Cause(ctx)
		}}
		return w.Start(ctx)
	})
	run(t, func(ctx context.Context) error {
		s := b.Source("work")
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		lease, err := s.Reserve(ctx)
		if err != nil {
			t.Fatalf("reserving what was given back: %v", err)
		}
		if n := lease.Delivery().Attempts; n != 2 {
			t.Errorf("the job comes for the time %d, want 2", n)
		}
		if err := lease.Delete(ctx); err != nil {
			t.Errorf("lease.Delete: %v", err)
		}
		return s.Close(ctx)
	})
}

// A job that is put again has no second copy, unless it is another attempt.
func TestDuplicatePut(t *testing.T) {
	b := &nats.Broker{Client: client(startServer(t))}
	run(t, func(ctx context.Context) error {
		for _, j := range []jobs.Job{{ID: "one"}, {ID: "one"}, {ID: "one", Attempt: 1}} {
			if id := await(ctx, t, b.Put(ctx, "work", j)); id != "one" {
				t.Errorf("Put's future is %s, want one", id)
			}
		}
		await(ctx, t, b.Put(ctx, "other", jobs.Job{ID: "one"}))
		s := b.Source("work")
		for n := 1; n <= 2; n++ {
			lease, err := s.Reserve(ctx)
			if err != nil {
				t.Fatalf("s.Reserve: %v", err)
			}
			if j, err := jobs.Decode(lease.Delivery()); err != nil || j.ID != "one" || j.Attempt != n || j.Queue != "work" {
				t.Errorf("job %d is %+v, %v; want one, attempt %d", n, j, err, n)
			}
			if err := lease.Delete(ctx); err != nil {
				t.Errorf("lease.Delete: %v", err)
			}
		}
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		if lease, _ := s.Reserve(short); lease != nil {
			t.Errorf("a third job came: %+v", lease.Delivery())
		}
		return s.Close(ctx)
	})
}

func TestPutErrors(t *testing.T) {
	b := &nats.Broker{
		Client:    client(startServer(t)),
		Configure: func(c *jetstream.StreamConfig) { c.MaxMsgs = 1; c.MaxMsgSize = 4096 },
	}
	run(t, func(ctx context.Context) error {
		wantErr(ctx, t, "a job for no queue", b.Put(ctx, "no queue", jobs.Job{}), jobs.ErrInvalid)
		wantErr(ctx, t, "a job of 5 KB", b.Put(ctx, "work", jobs.Job{Body: make([]byte, 5000)}), jobs.ErrTooBig)
		wantErr(ctx, t, "a job of 2 MB", b.Put(ctx, "work", jobs.Job{Body: make([]byte, 2<<20)}), jobs.ErrTooBig)
		await(ctx, t, b.Put(ctx, "work", jobs.Job{}))
		wantErr(ctx, t, "one job too many", b.Put(ctx, "work", jobs.Job{}), jobs.ErrFull)
		return nil
	})
	if _, err := b.Put(context.Background(), "work", jobs.Job{}).Result(); !errors.Is(err, aio.ErrNoLoop) {
		t.Errorf("without a loop: %v", err)
	}
}

// Sources of two queues get the jobs of both, and say of which.
func TestQueues(t *testing.T) {
	b := &nats.Broker{Client: client(startServer(t))}
	run(t, func(ctx context.Context) error {
		await(ctx, t, b.Put(ctx, "a", jobs.Job{}))
		await(ctx, t, b.Put(ctx, "b.c", jobs.Job{}))
		s := b.Source("b.c", "a")
		for _, want := range []string{"a", "b.c"} {
			lease, err := s.Reserve(ctx)
			if err != nil {
				t.Fatalf("s.Reserve: %v", err)
			}
			if got := lease.Delivery().Queue; got != want {
				t.Errorf("a job of %s came, want %s", got, want)
			}
			if err := lease.Delete(ctx); err != nil {
				t.Errorf("lease.Delete: %v", err)
			}
		}
		other := b.Source("a")
		if lease, err := other.Reserve(ctx); err == nil {
			t.Errorf("a Source of one of the queues reserved %+v, want an error", lease.Delivery())
		}
		if err := other.Close(ctx); err != nil {
			t.Errorf("other.Close: %v", err)
		}
		return s.Close(ctx)
	})
}

// A Source that is not closed ends with its loop.
func TestSourceLeftOpen(t *testing.T) {
	b := &nats.Broker{Client: client(startServer(t))}
	run(t, func(ctx context.Context) error {
		short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		if lease, err := b.Source("work").Reserve(short); lease != nil || err == nil {
			t.Errorf("Reserve of an empty queue returned %v, %v", lease, err)
		}
		return nil
	})
}
