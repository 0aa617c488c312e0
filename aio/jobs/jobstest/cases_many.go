package jobstest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/jobs"
	"goaio.example/aio/timer"
)

// many is the number of jobs in cases that put several.
const many = 50

// putMany puts jobs, all at once, and returns their IDs.
func (c *check) putMany() map[jobs.ID]int {
	c.Helper()
	var puts []*aio.Future[jobs.ID]
	for i := range many {
		puts = append(puts, c.b.Putter.Put(c.ctx, c.b.Queue, jobs.Job{Body: fmt.Append(nil, i)}))
	}
	ids := make(map[jobs.ID]int)
	for _, f := range puts {
		ctx, cancel := context.WithTimeout(c.ctx, patience)
		id, err := f.Await(ctx)
		cancel()
		if err != nil {
			c.Fatalf("putting one of %d jobs: %v", many, err)
		}
		ids[id] = 0
	}
	if len(ids) != many {
		c.Fatalf("%d jobs have %d IDs", many, len(ids))
	}
	return ids
}

// once makes two Sources, with two Reserves each, reserve many jobs.
func once(c *check) {
	sources := []jobs.Source{c.open(), c.open()}
	ids := c.putMany()
	var mu sync.Mutex
	left := many
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	var futures []aio.Awaitable
	for i := range 4 {
		futures = append(futures, aio.Go(ctx, "reserve", func(ctx context.Context) (struct{}, error) {
			for {
				l, err := sources[i%2].Reserve(ctx)
				if errors.Is(err, jobs.ErrNoJob) && ctx.Err() == nil {
					continue
				}
				if err != nil {
					return struct{}{}, nil
				}
				j, err := jobs.Decode(l.Delivery())
				if err != nil {
					return struct{}{}, err
				}
				if err := l.Delete(context.WithoutCancel(ctx)); err != nil {
					return struct{}{}, fmt.Errorf("deleting %s: %w", j.ID, err)
				}
				mu.Lock()
				ids[j.ID]++
				if left--; left == 0 {
					cancel()
				}
				mu.Unlock()
			}
		}))
	}
	c.must("reserving", aio.Wait(c.ctx, futures...))
	for id, n := range ids {
		if n != 1 {
			c.Errorf("the job %s came %d times, want once", id, n)
		}
	}
}

// cancelled cancels Reserves while a job arrives: at any moment, either the
// Reserve has the job, or the next one gets it before a lease could have ended.
func cancelled(c *check) {
	s := c.open()
	for i := range 30 {
		ctx, cancel := context.WithCancel(c.ctx)
		f := aio.Go(ctx, "reserve", func(ctx context.Context) (jobs.Lease, error) { return s.Reserve(ctx) })
		put := c.b.Putter.Put(c.ctx, c.b.Queue, jobs.Job{})
		if i%3 > 0 {
			_, err := put.Await(c.ctx)
			c.must("Put", err)
		}
		if i%3 > 1 {
			c.must("waiting", timer.Sleep(c.ctx, time.Duration(i)*100*time.Microsecond))
		}
		cancel()
		id, err := put.Await(c.ctx)
		c.must("Put", err)
		l, err := f.Await(c.ctx)
		if err == nil && l == nil {
			c.Fatal("Reserve returned neither a lease nor an error")
		}
		var j jobs.Job
		if err == nil {
			j, err = jobs.Decode(l.Delivery())
			c.must("decoding", err)
		} else {
			l, j = c.reserve(s)
		}
		c.wantID(j, id)
		c.wantUnexpired(l, i)
		c.must("Delete", l.Delete(c.ctx))
	}
}

// wantUnexpired checks that a job was not leased and left until its lease
// ended.
func (c *check) wantUnexpired(l jobs.Lease, round int) {
	c.Helper()
	if n := l.Delivery().Attempts; n > 2 {
		c.Errorf("round %d: the job comes for the time %d, want 2 at most", round, n)
	}
}

func deadCtx(c *check) {
	s := c.open()
	id := c.put(jobs.Job{})
	dead, cancel := context.WithCancel(c.ctx)
	cancel()
	l, err := s.Reserve(dead)
	if (l == nil) == (err == nil) {
		c.Fatalf("Reserve with a dead ctx returned %v, %v; want one of them", l, err)
	}
	if l == nil {
		var j jobs.Job
		l, j = c.reserve(s)
		c.wantID(j, id)
	}
	if err := l.Delete(dead); err == nil {
		return // a call that does not block may succeed
	}
	c.must("Delete, with a ctx that is alive", l.Delete(c.ctx))
}

func closedGives(c *check) {
	s, other := c.open(), c.open()
	id := c.put(jobs.Job{})
	begin := time.Now()
	c.reserve(s)
	c.close(s)
	l, j := c.reserve(other)
	c.wantID(j, id)
	if c.b.Keeps {
		c.notEarly(begin, c.b.Lease)
	}
	c.must("Delete", l.Delete(c.ctx))
}

func closedReserve(c *check) {
	s := c.open()
	f := aio.Go(c.ctx, "reserve", func(ctx context.Context) (jobs.Lease, error) { return s.Reserve(ctx) })
	c.must("waiting", timer.Sleep(c.ctx, c.b.Lease/10))
	c.close(s)
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	if l, err := f.Await(ctx); l != nil || err == nil || ctx.Err() != nil {
		c.Errorf("a Reserve returned %v, %v when its Source was closed; want an error", l, err)
	}
}

// worker makes a Worker do jobs that fail at first.
func worker(c *check) {
	ids, done := c.putMany(), make(map[jobs.ID]bool)
	var mu sync.Mutex
	all := make(chan struct{})
	s, err := c.b.Open(c.ctx)
	c.must("opening a Source", err)
	w := &jobs.Worker{
		Source: s, Slots: 4, Backoff: timer.Backoff{Initial: time.Millisecond},
		OnRetry: func(*jobs.Job, error, time.Duration) {},
		Handle: func(ctx context.Context, j *jobs.Job) error {
			mu.Lock()
			defer mu.Unlock()
			switch ids[j.ID]++; {
			case ids[j.ID] == 1 && j.Body[0]%2 == 0:
				return errors.New("not yet")
			case !done[j.ID]:
				if done[j.ID] = true; len(done) == many {
					close(all)
				}
			}
			return nil
		},
	}
	c.must("Start", w.Start(c.ctx))
	select {
	case <-all:
	case <-time.After(patience):
		c.Errorf("the Worker has not done all jobs: %+v", w.Stats())
	}
	c.must("Shutdown", w.Shutdown(c.ctx))
	if s := w.Stats(); s.Deleted+s.Unsure < many || s.Running != 0 || s.Buried != 0 {
		c.Errorf("the Worker has done %d jobs: %+v", many, s)
	}
}
