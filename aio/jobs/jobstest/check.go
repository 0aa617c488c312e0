package jobstest

import (
	"context"
	"errors"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/jobs"
)

// patience is how long a case waits for what must happen.
const patience = 20 * time.Second

// check is a case in progress.
type check struct {
	*testing.T
	ctx     context.Context
	b       Broker
	sources []jobs.Source // to be closed
}

// open opens a Source that is closed at the end.
func (c *check) open() jobs.Source {
	c.Helper()
	s, err := c.b.Open(c.ctx)
	if err != nil {
		c.Fatalf("opening a Source: %v", err)
	}
	c.sources = append(c.sources, s)
	return s
}

// close closes a Source of open.
func (c *check) close(s jobs.Source) {
	c.Helper()
	for i := range c.sources {
		if c.sources[i] == s {
			c.sources = append(c.sources[:i], c.sources[i+1:]...)
			break
		}
	}
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		c.Errorf("closing a Source: %v", err)
	}
}

func (c *check) closeAll() {
	c.Helper()
	for len(c.sources) > 0 {
		c.close(c.sources[0])
	}
}

// put puts a job.
func (c *check) put(j jobs.Job) jobs.ID {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	id, err := c.b.Putter.Put(c.ctx, c.b.Queue, j).Await(ctx)
	if err != nil {
		c.Fatalf("putting a job: %v", err)
	}
	return id
}

// reserve waits for a job.
func (c *check) reserve(s jobs.Source) (jobs.Lease, jobs.Job) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	for {
		l, err := s.Reserve(ctx)
		if errors.Is(err, jobs.ErrNoJob) && ctx.Err() == nil {
			continue
		}
		if err != nil || l == nil {
			c.Fatalf("Reserve returned %v, %v; want a lease", l, err)
		}
		j, err := jobs.Decode(l.Delivery())
		if err != nil {
			c.Fatalf("decoding the job: %v", err)
		}
		return l, j
	}
}

// reserveLost waits for a job whose lease ends.
func (c *check) reserveLost(s jobs.Source, l jobs.Lease) (jobs.Lease, jobs.Job) {
	c.Helper()
	if c.b.Nudge != nil {
		done := make(chan struct{})
		nudging := aio.Go(c.ctx, "nudge", func(ctx context.Context) (struct{}, error) {
			for {
				select {
				case <-done:
					return struct{}{}, nil
				case <-time.After(c.b.Lease / 2):
					c.b.Nudge(ctx, l)
				}
			}
		})
		defer func() {
			close(done)
			c.must("nudging", aio.Wait(c.ctx, nudging))
		}()
	}
	return c.reserve(s)
}

// none checks that no job comes for d.
func (c *check) none(s jobs.Source, d time.Duration) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, d)
	defer cancel()
	for ctx.Err() == nil {
		l, err := s.Reserve(ctx)
		if l != nil {
			c.Fatalf("Reserve returned the job %+v, want none", l.Delivery())
		}
		if err == nil {
			c.Fatal("Reserve returned neither a lease nor an error")
		}
		if !errors.Is(err, jobs.ErrNoJob) && ctx.Err() == nil {
			c.Fatalf("Reserve returned %v, want %v", err, jobs.ErrNoJob)
		}
	}
}

// must fails the case for an error of a call.
func (c *check) must(call string, err error) {
	c.Helper()
	if err != nil {
		c.Fatalf("%s: %v", call, err)
	}
}

// wantID compares a job's ID.
func (c *check) wantID(j jobs.Job, want jobs.ID) {
	c.Helper()
	if j.ID != want {
		c.Fatalf("the job %s came, want %s", j.ID, want)
	}
}

// wantAttempt compares the attempts of a delivery, if the broker counts them.
func (c *check) wantAttempt(l jobs.Lease, want int) {
	c.Helper()
	if got := l.Delivery().Attempts; got != want && got != 0 {
		c.Errorf("the delivery's Attempts are %d, want %d, or 0", got, want)
	}
}
