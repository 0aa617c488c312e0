package beanjobs_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"goaio.example/aio/beanstalk"
	"goaio.example/aio/jobs"
	"goaio.example/aio/jobs/beanjobs"
	"goaio.example/aio/jobs/jobstest"
)

func TestSource(t *testing.T) {
	t.Parallel() // it waits, mostly
	server := realServer(t)
	var queues atomic.Int64
	jobstest.TestSource(t, func(ctx context.Context, t *testing.T) jobstest.Broker {
		b := &beanjobs.Broker{Client: &beanstalk.Client{Addr: server.addr}, Prefix: "test.", TTR: 2 * time.Second}
		queue := fmt.Sprint("q", queues.Add(1))
		return jobstest.Broker{
			Putter: b,
			Queue:  queue,
			Open:   func(context.Context) (jobs.Source, error) { return b.Source(queue), nil },
			Lease:  2 * time.Second,
			Delay:  time.Second,
			Nudge:  beanjobs.Nudge,
			Buried: func(ctx context.Context) (int, error) {
				s, err := b.Client.StatsTube(ctx, "test."+queue).Await(ctx)
				return int(s.Buried), err
			},
		}
	})
}
