//go:build unix

package nats_test

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

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/flow"
	"goaio.example/aio/jobs"
	"goaio.example/aio/timer"
)

const (
	soakWorkers = 3
	soakKills   = 6
)

// soak is many jobs, put and done while workers are killed and the server is
// started again.
type soak struct {
	t       *testing.T
	server  *process
	n       int
	workers [soakWorkers]*child
	done    map[string]int // by ID, how often
	twice   int            // jobs done more than once, each time counted
	kills   int
	retried atomic.Int64 // Puts that failed, and were made again
	put     atomic.Int64
}

// No job is lost while 3 worker processes are killed at random and started
// again, and the server, a process too, is killed and started again twice, amid
// Puts. A job is done twice only if a worker was killed that had it, if it was
// in progress when the server was killed, or if it was put again after a Put
// that failed.
//
// NATS_JOBS is the number of jobs, 2,000 without it.
func TestSoak(t *testing.T) {
	t.Parallel() // it waits for leases, mostly
	s := &soak{t: t, server: newProcess(t), n: 2000, done: make(map[string]int)}
	if env := os.Getenv("NATS_JOBS"); env != "" {
		n, err := strconv.Atoi(env)
		if err != nil {
			t.Fatalf("strconv.Atoi: %v", err)
		}
		s.n = n
	}
	s.server.start()
	for i := range s.workers {
		s.workers[i] = s.startWorker()
	}
	begin := time.Now()
	l := &aio.Loop{OnEvent: func(e aio.Event) { t.Logf("event of %s: %v", e.Op.Name, e.Err) }}
	aiotest.Runner{Loop: l, Parallel: true}.Run(t, func(ctx context.Context) error {
		puts := s.putAll(ctx)
		s.attend()
		_, err := puts.Await(ctx)
		return err
	})
	s.wantEmpty()
	for _, w := range s.workers {
		s.note(w.end(syscall.SIGTERM)...)
	}
	// What a worker had when it was killed, what all had when the server was.
	explained := s.kills*soakSlots + 2*soakWorkers*soakSlots + int(s.retried.Load())
	t.Logf("%d jobs done in %v; %d workers killed, the server killed twice, %d Puts made again; %d done once more, up to %d are explained",
		len(s.done), time.Since(begin).Round(time.Millisecond), s.kills, s.retried.Load(), s.twice, explained)
	if len(s.done) != s.n {
		t.Errorf("%d jobs of %d were done", len(s.done), s.n)
	}
	if s.twice > explained {
		t.Errorf("jobs were done once more %d times, and %d are explained", s.twice, explained)
	}
}

func (s *soak) startWorker() *child { return startChild(s.t, "worker", "NATS_AT="+s.server.addr) }

// putAll puts the jobs, 32 at once, each until that succeeds.
func (s *soak) putAll(ctx context.Context) *aio.Future[int] {
	b := soakBroker(s.server.addr)
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
			if _, err := b.Put(ctx, "work", j).Await(ctx); err == nil {
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
// at each step, to the server when a quarter and when three quarters are put.
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
func (s *soak) take(w *child) {
	for {
		select {
		case line := <-w.lines:
			s.note(line)
		default:
			return
		}
	}
}

// note notes jobs that a worker has done.
func (s *soak) note(ids ...string) {
	for _, id := range ids {
		if s.done[id]++; s.done[id] > 1 {
			s.twice++
		}
	}
}

// killOne kills a worker, and starts another in its place.
func (s *soak) killOne() {
	i := rand.IntN(soakWorkers)
	s.note(s.workers[i].end(syscall.SIGKILL)...)
	s.workers[i] = s.startWorker()
	s.kills++
}

// wantEmpty waits until the stream has no jobs, by a connection of nats.go's.
func (s *soak) wantEmpty() {
	s.t.Helper()
	nc, err := natsgo.Connect("nats://" + s.server.addr)
	if err != nil {
		s.t.Fatalf("natsgo.Connect: %v", err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		s.t.Fatalf("jetstream.New: %v", err)
	}
	aiotest.Eventually(s.t, func() bool {
		stream, err := js.Stream(s.t.Context(), "JOBS")
		if err != nil {
			s.t.Fatalf("js.Stream: %v", err)
		}
		return stream.CachedInfo().State.Msgs == 0
	})
}
