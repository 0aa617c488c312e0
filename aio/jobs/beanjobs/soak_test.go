//go:build unix

package beanjobs_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/flow"
	"goaio.example/aio/jobs"
	"goaio.example/aio/timer"
)

const (
	soakWorkers = 3
	soakSlots   = 8 // of each, see beWorker
	soakKills   = 12
)

// soak is many jobs, put and done while workers are killed and the broker is
// started again.
type soak struct {
	t       *testing.T
	server  *beanstalkd
	n       int
	workers [soakWorkers]*worker
	done    map[string]int // by ID, how often
	twice   int            // jobs done more than once, each time counted
	kills   int
	retried atomic.Int64 // Puts that failed, and were made again
	put     atomic.Int64
}

// No job is lost while 3 worker processes are killed at random and started
// again, and the broker is killed and started again twice, amid Puts too. A job
// is done twice only if a worker was killed that had it, if the broker's end
// took its lease, or if it was put again after a Put that failed.
//
// BEANJOBS_JOBS is the number of jobs, 2,000 without it.
func TestSoak(t *testing.T) {
	t.Parallel()
	s := &soak{t: t, server: realServer(t), n: 2000, done: make(map[string]int)}
	if env := os.Getenv("BEANJOBS_JOBS"); env != "" {
		n, err := strconv.Atoi(env)
		if err != nil {
			t.Fatalf("strconv.Atoi: %v", err)
		}
		s.n = n
	}
	for i := range s.workers {
		s.workers[i] = startWorker(t, s.server.addr, "")
	}
	begin := time.Now()
	// the workers live on
	aiotest.Runner{Parallel: true}.Run(t, func(ctx context.Context) error {
		puts := s.putAll(ctx)
		s.attend()
		if _, err := puts.Await(ctx); err != nil {
			return err
		}
		wantEmpty(ctx, t, s.server.addr)
		return nil
	})
	for i := range s.workers {
		for _, line := range s.workers[i].end(syscall.SIGTERM) {
			s.note(line)
		}
	}
	// What a worker had when it was killed, what all had when the broker was.
	explained := s.kills*soakSlots + 2*soakWorkers*soakSlots + int(s.retried.Load())
	t.Logf("%d jobs done in %v; %d workers killed, the broker killed twice, %d Puts made again; %d done once more, up to %d are explained",
		len(s.done), time.Since(begin).Round(time.Millisecond), s.kills, s.retried.Load(), s.twice, explained)
	if len(s.done) != s.n {
		t.Errorf("%d jobs of %d were done", len(s.done), s.n)
	}
	if s.twice > explained {
		t.Errorf("jobs were done once more %d times, and %d are explained", s.twice, explained)
	}
}

// putAll puts the jobs, 32 at once, each until that succeeds.
func (s *soak) putAll(ctx context.Context) *aio.Future[int] {
	b := broker(s.server.addr)
	numbers := func(yield func(int) bool) {
		for i := range s.n {
			if !yield(i) {
				return
			}
		}
	}
	return flow.Each(ctx, numbers, flow.Options{Limit: 32}, func(ctx context.Context, i int) error {
		j := jobs.Job{ID: jobs.ID(fmt.Sprint("job-", i)), Body: fmt.Append(nil, rand.IntN(2000))}
		for {
			if _, err := b.Put(ctx, queue, j).Await(ctx); err == nil {
				s.put.Add(1)
				return nil
			}
			s.retried.Add(1)
			if err := timer.Sleep(ctx, quick.Wait(3)); err != nil {
				return err
			}
		}
	})
}

// attend counts the jobs that are done, and does harm as they come: to a worker
// at each step, to the broker when a quarter and when three quarters are put.
func (s *soak) attend() {
	nextKill, harm := s.n/(soakKills+1), []int{s.n / 4, s.n * 3 / 4}
	patience := time.NewTimer(time.Minute)
	for len(s.done) < s.n {
		before := len(s.done)
		for _, w := range s.workers {
			s.take(w)
		}
		if len(s.done) > before {
			patience.Reset(time.Minute)
		}
		if len(harm) > 0 && int(s.put.Load()) >= harm[0] {
			harm = harm[1:]
			s.server.kill()
			s.server.start()
		}
		if s.kills < soakKills && len(s.done) >= nextKill {
			nextKill += s.n / (soakKills + 1)
			s.killOne()
		}
		select {
		case <-patience.C:
			s.t.Fatalf("%d jobs of %d are done, and no more for a minute", len(s.done), s.n)
		case <-time.After(time.Millisecond):
		}
	}
}

// take notes what a worker has said.
func (s *soak) take(w *worker) {
	for {
		select {
		case line := <-w.lines:
			s.note(line)
		default:
			return
		}
	}
}

// note notes a line of a worker's.
func (s *soak) note(line string) {
	var id string
	var attempt int
	if n, _ := fmt.Sscanf(line, "done %s %d", &id, &attempt); n != 2 {
		s.t.Errorf("a worker said %q", line)
		return
	}
	if s.done[id]++; s.done[id] > 1 {
		s.twice++
	}
}

// killOne kills a worker, and starts another in its place.
func (s *soak) killOne() {
	i := rand.IntN(soakWorkers)
	for _, line := range s.workers[i].end(syscall.SIGKILL) {
		s.note(line)
	}
	s.workers[i] = startWorker(s.t, s.server.addr, "")
	s.kills++
}
