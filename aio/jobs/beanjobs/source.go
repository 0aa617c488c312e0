package beanjobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"goaio.example/aio/beanstalk"
	"goaio.example/aio/jobs"
)

// life is how often a Source gives a sign of life while there is no job.
const life = 10 * time.Second

// source is a Source of a Broker.
type source struct {
	b        *Broker
	consumer *beanstalk.Consumer

	mu   sync.Mutex
	held map[*beanstalk.Job]bool
}

// Source returns a Source of the given queues. It connects when it is used. One
// of no queue is of beanstalk.DefaultTube, with any Prefix.
func (b *Broker) Source(queues ...string) jobs.Source {
	tubes := make([]string, len(queues))
	for i, q := range queues {
		tubes[i] = b.Prefix + q
	}
	c := b.client().Consumer(tubes...)
	c.Stats = true
	return &source{b: b, consumer: c, held: make(map[*beanstalk.Job]bool)}
}

// Reserve reserves a job.
func (s *source) Reserve(ctx context.Context) (jobs.Lease, error) {
	// The future ends with ctx, and may have a job nevertheless.
	j, err := s.consumer.ReserveWithin(ctx, life).Await(context.WithoutCancel(ctx))
	if errors.Is(err, beanstalk.ErrTimedOut) {
		return nil, s.quiet(ctx)
	}
	if err != nil {
		return nil, err
	}
	stats, _ := j.LastStats() // asked for by the consumer
	s.mu.Lock()
	s.held[j] = true
	s.mu.Unlock()
	return &lease{s: s, job: j, stats: stats}, nil
}

// quiet returns why no job has come: there is none, or the server does not
// answer.
func (s *source) quiet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, life)
	defer cancel()
	if _, err := s.b.client().TubeUsed(ctx).Await(ctx); err != nil {
		return err
	}
	return jobs.ErrNoJob
}

// Close releases what is leased, and ends the connections.
func (s *source) Close(ctx context.Context) error {
	s.mu.Lock()
	held := s.held
	s.held = nil
	s.mu.Unlock()
	for j := range held {
		stats, _ := j.LastStats()
		_, _ = j.Release(ctx, stats.Priority, 0).Await(ctx) // else the TTR ends the lease
	}
	s.consumer.Close()
	return nil
}

// lease is a reserved job.
type lease struct {
	s     *source
	job   *beanstalk.Job
	stats beanstalk.JobStats
}

func (l *lease) Delivery() jobs.Delivery {
	return jobs.Delivery{
		Queue:    strings.TrimPrefix(l.stats.Tube, l.s.b.Prefix),
		Data:     l.job.Body,
		BrokerID: fmt.Sprint(l.job.ID),
		Attempts: int(min(l.stats.Reserves, 1<<20)),
		Lease:    max(l.stats.TTR, time.Second),
	}
}

func (l *lease) Touch(ctx context.Context) error {
	_, err := l.job.Touch(ctx).Await(ctx)
	return leaseError(err)
}

func (l *lease) Delete(ctx context.Context) error {
	_, err := l.job.Delete(ctx).Await(ctx)
	return l.settled(err)
}

func (l *lease) Release(ctx context.Context, delay time.Duration) error {
	_, err := l.job.Release(ctx, l.stats.Priority, max(delay, 0)).Await(ctx)
	return l.settled(err)
}

func (l *lease) Bury(ctx context.Context, _ error) error {
	_, err := l.job.Bury(ctx, l.stats.Priority).Await(ctx)
	return l.settled(err)
}

// settled forgets a lease that has ended.
func (l *lease) settled(err error) error {
	err = leaseError(err)
	if err == nil || errors.Is(err, jobs.ErrLeaseLost) {
		l.s.mu.Lock()
		delete(l.s.held, l.job)
		l.s.mu.Unlock()
	}
	return err
}

// leaseError is the error of a command about a job as one of package jobs, too.
func leaseError(err error) error {
	if errors.Is(err, beanstalk.ErrJobLost) || errors.Is(err, beanstalk.ErrJobDone) || errors.Is(err, beanstalk.ErrNotFound) {
		return fmt.Errorf("%w: %w", jobs.ErrLeaseLost, err)
	}
	return err
}
