package nats_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"goaio.example/aio/jobs"
	"goaio.example/aio/jobs/jobstest"
	"goaio.example/drivers/nats"
)

// The contract of package jobs. The cases mostly wait for leases, so they run
// beside the cluster's test.
func TestSource(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	var queues atomic.Int64
	jobstest.TestSource(t, func(ctx context.Context, t *testing.T) jobstest.Broker {
		b := &nats.Broker{Client: client(s), Lease: time.Second}
		queue := fmt.Sprint("test.q", queues.Add(1))
		return jobstest.Broker{
			Putter: b,
			Queue:  queue,
			Open:   func(context.Context) (jobs.Source, error) { return b.Source(queue), nil },
			Lease:  time.Second,
			Delay:  time.Second,
			Shared: true,
			Buried: func(ctx context.Context) (int, error) { return b.Buried(ctx, queue).Await(ctx) },
		}
	})
}
