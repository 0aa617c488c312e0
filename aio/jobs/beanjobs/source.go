package beanjobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/beanstalk"
	"goaio.example/aio/jobs"
)

// life is the interval at which a Source gives a sign of life while there is no
// job.
const life = 10 * time.Second

// source is a Source of a Broker.
type source struct {
	b        *Broker
	consumer *beanstalk.Consumer

	mu    sync.Mutex
	held  map[*lease]bool
	swept time.Time
}

// Source returns a Source of the given queues. It connects when it is used.
// Without queues it reserves from beanstalk.DefaultTube, whatever the Prefix.
func (b *Broker) Source(queues ...string) jobs.Source {
	tubes := make([]string, len(queues))
	for i, q := range queues {
		tubes[i] = b.Prefix + q
	}
	c := b.client().Consumer(tubes...)
	c.Stats = true
	return &source{b: b, consumer: c, held: make(map[*lease]bool)}
}

// Reserve reserves a job.
func (s *source) Reserve(ctx context.Context) (jobs.Lease, error) {
	s.sweep(ctx)
	// The future ends with ctx, and may nevertheless have a job.
	j, err := s.consumer.ReserveWithin(ctx, life).Await(context.WithoutCancel(ctx))
	if errors.Is(err, beanstalk.ErrTimedOut) {
		return nil, s.quiet(ctx)
	}
	if err != nil {
		return nil, err
	}
	stats, _ := j.LastStats() // the consumer has asked for them
	l := &lease{s: s, job: j, stats: stats}
	s.mu.Lock()
	defer s.mu.Unlock()
	l.extend()
	if s.held == nil { // closed meanwhile
		l.giveBack(ctx)
		return nil, aio.ErrClosed
	}
	s.held[l] = true
	return l, nil
}

// sweep releases, at most once per second, jobs that were not touched for as
// long as their lease: a Worker whose lease is lost does not settle it, and
// beanstalkd may have missed its end. A connection that holds such a job would
// not be used for others.
func (s *source) sweep(ctx context.Context) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.swept) < time.Second {
		return
	}
	s.swept = now
	for l := range s.held {
		if now.After(l.until) {
			delete(s.held, l)
			l.giveBack(ctx)
		}
	}
}

// quiet returns why there is no job: the queue is empty, or the server does not
// answer.
func (s *source) quiet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, life)
	defer cancel()
	if _, err := s.b.client().TubeUsed(ctx).Await(ctx); err != nil {
		return err
	}
	return jobs.ErrNoJob
}

// Close releases leased jobs, and ends the connections.
func (s *source) Close(ctx context.Context) error {
	s.mu.Lock()
	held := s.held
	s.held = nil
	s.mu.Unlock()
	var given []*aio.Future[struct{}]
	for l := range held {
		given = append(given, l.giveBack(ctx))
	}
	for _, f := range given {
		_, _ = f.Await(ctx) // otherwise the end of the connection releases it
	}
	s.consumer.Close()
	return nil
}

// lease is a reserved job.
type lease struct {
	s     *source
	job   *beanstalk.Job
	stats beanstalk.JobStats
	// when the lease has ended at the latest; guarded by the source's lock
	until time.Time
}

// extend notes that the lease's time starts. The source's lock is held.
func (l *lease) extend() { l.until = time.Now().Add(l.time() + time.Second) }

func (l *lease) time() time.Duration { return max(l.stats.TTR, time.Second) }

// giveBack makes the job available at once. The future was looked at.
func (l *lease) giveBack(ctx context.Context) *aio.Future[struct{}] {
	f := l.job.Release(ctx, l.stats.Priority, 0)
	f.AfterFunc(func() { _, _ = f.Result() })
	return f
}

func (l *lease) Delivery() jobs.Delivery {
	return jobs.Delivery{
		Queue:    strings.TrimPrefix(l.stats.Tube, l.s.b.Prefix),
		Data:     l.job.Body,
		BrokerID: fmt.Sprint(l.job.ID),
		Attempts: int(min(l.stats.Reserves, 1<<20)),
		Lease:    l.time(),
	}
}

// Lost returns a channel that is closed when the lease has ended, for example
// because the connection has.
func (l *lease) Lost() <-chan struct{} { return l.job.Lost() }

func (l *lease) Touch(ctx context.Context) error {
	_, err := l.job.Touch(ctx).Await(ctx)
	if err == nil {
		l.s.mu.Lock()
		l.extend()
		l.s.mu.Unlock()
	}
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
		delete(l.s.held, l)
		l.s.mu.Unlock()
	}
	return err
}

// leaseError also returns the error of a command about a job as one of package
// jobs.
func leaseError(err error) error {
	if errors.Is(err, beanstalk.ErrJobLost) || errors.Is(err, beanstalk.ErrJobDone) || errors.Is(err, beanstalk.ErrNotFound) {
		return fmt.Errorf("%w: %w", jobs.ErrLeaseLost, err)
	}
	return err
}
