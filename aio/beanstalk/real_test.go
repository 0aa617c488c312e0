//go:build unix

package beanstalk_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/beanstalk"
	"goaio.example/aio/timer"
)

// The real server understands every command, and is understood.
func TestRealCommands(t *testing.T) {
	b := realServer(t)
	aiotest.Run(t, func(ctx context.Context) error {
		c := &beanstalk.Client{Addr: b.addr}
		cons := &beanstalk.Consumer{Client: c, Tubes: []string{"a", "b"}, Stats: true}
		body := "x\r\ny\x00\n"
		id := must(ctx, t, c.Put(ctx, "a", []byte(body), beanstalk.PutOptions{Priority: 1<<32 - 1, TTR: time.Hour}))
		late := must(ctx, t, c.Put(ctx, "a", nil, beanstalk.PutOptions{Delay: 1<<32*time.Second - time.Second}))
		if p := must(ctx, t, c.Peek(ctx, id)); p.ID != id || string(p.Body) != body {
			t.Errorf("peek: %d %q", p.ID, p.Body)
		}
		if p := must(ctx, t, c.PeekReady(ctx, "a")); p.ID != id {
			t.Errorf("peek-ready: %d", p.ID)
		}
		if p := must(ctx, t, c.PeekDelayed(ctx, "a")); p.ID != late || len(p.Body) != 0 {
			t.Errorf("peek-delayed: %d %q", p.ID, p.Body)
		}
		want(t, "peek-buried", errOf(ctx, c.PeekBuried(ctx, "a")), beanstalk.ErrNotFound)

		j := must(ctx, t, cons.Reserve(ctx))
		s, known := j.LastStats()
		if !known || j.ID != id || string(j.Body) != body || s.TTR != time.Hour || s.State != beanstalk.Reserved || s.Priority != 1<<32-1 || s.Tube != "a" || s.Reserves != 1 {
			t.Errorf("reserved %d %q: %+v, %v", j.ID, j.Body, s, known)
		}
		must(ctx, t, j.Touch(ctx))
		want(t, "delete by another", errOf(ctx, c.Delete(ctx, id)), beanstalk.ErrNotFound)
		must(ctx, t, j.Bury(ctx, 7))
		if p := must(ctx, t, c.PeekBuried(ctx, "a")); p.ID != id {
			t.Errorf("peek-buried: %d", p.ID)
		}
		if n := must(ctx, t, c.Kick(ctx, "a", 10)); n != 1 {
			t.Errorf("kicked %d", n)
		}
		must(ctx, t, c.KickJob(ctx, late))
		j = must(ctx, t, cons.ReserveJob(ctx, late))
		must(ctx, t, j.Release(ctx, 3, 90*time.Minute))
		if s := must(ctx, t, c.StatsJob(ctx, late)); s.State != beanstalk.Delayed || s.Delay != 90*time.Minute || s.Kicks != 1 || s.Releases != 1 || s.Priority != 3 {
			t.Errorf("stats-job: %+v", s)
		}
		must(ctx, t, c.PauseTube(ctx, "a", time.Hour))
		want(t, "a paused tube", errOf(ctx, cons.ReserveWithin(ctx, 0)), beanstalk.ErrTimedOut)
		if s := must(ctx, t, c.StatsTube(ctx, "a")); s.Pause != time.Hour || s.Ready != 1 || s.Delayed != 1 || s.Total != 2 || s.Watching == 0 || s.Using == 0 {
			t.Errorf("stats-tube: %+v", s)
		}
		must(ctx, t, c.PauseTube(ctx, "a", 0))
		must(ctx, t, must(ctx, t, cons.Reserve(ctx)).Delete(ctx))
		must(ctx, t, c.Delete(ctx, late))

		if l := must(ctx, t, c.ListTubes(ctx)); !slices.Contains(l, "b") || !slices.Contains(l, "default") {
			t.Errorf("list-tubes: %q", l)
		}
		must(ctx, t, cons.Watch(ctx, "c"))
		must(ctx, t, cons.Ignore(ctx, "a"))
		l := must(ctx, t, cons.Watched(ctx))
		slices.Sort(l)
		if !slices.Equal(l, []string{"b", "c"}) {
			t.Errorf("list-tubes-watched: %q", l)
		}
		if u := must(ctx, t, c.TubeUsed(ctx)); u != "a" {
			t.Errorf("list-tube-used: %q", u)
		}
		st := must(ctx, t, c.Stats(ctx))
		if st.Version == "" || st.PID != uint64(b.cmd.Process.Pid) || st.MaxJobSize != 65535 || st.Total != 2 || st.Commands.Put != 2 || st.LogWritten == 0 || st.ID == "" || st.Hostname == "" {
			t.Errorf("stats: %+v", st)
		}
		// The longest name and the longest time.
		long := strings.Repeat("x", 200)
		must(ctx, t, c.Put(ctx, long, nil, beanstalk.PutOptions{}))
		must(ctx, t, c.PauseTube(ctx, long, (1<<32-1)*time.Second))
		must(ctx, t, c.StatsTube(ctx, long))
		must(ctx, t, cons.Watch(ctx, long))
		return nil
	})
}

func TestRealErrors(t *testing.T) {
	t.Parallel() // it waits, mostly
	b := realServer(t, "-z", "1000")
	aiotest.Runner{Parallel: true}.Run(t, func(ctx context.Context) error {
		c := &beanstalk.Client{Addr: b.addr}
		cons := c.Consumer()
		put := func(n int, ttr time.Duration) *aio.Future[uint64] {
			return c.Put(ctx, "default", make([]byte, n), beanstalk.PutOptions{TTR: ttr})
		}
		small, big, after := put(1000, 2*time.Second), put(100_000, 0), put(1, 0)
		must(ctx, t, small)
		want(t, "too big", errOf(ctx, big), beanstalk.ErrJobTooBig)
		must(ctx, t, c.Delete(ctx, must(ctx, t, after)))
		want(t, "no job", errOf(ctx, c.Consumer("other").ReserveWithin(ctx, time.Second)), beanstalk.ErrTimedOut)
		j := must(ctx, t, cons.Reserve(ctx))
		aiotest.Eventually(t, func() bool { // in the last second of its 2 s
			next, err := cons.ReserveWithin(ctx, 0).Await(ctx)
			if err == nil { // they have passed
				j = next
			}
			return errors.Is(err, beanstalk.ErrDeadlineSoon)
		})
		var again *beanstalk.Job
		aiotest.Eventually(t, func() bool { // when the TTR has passed
			var err error
			again, err = cons.ReserveWithin(ctx, 0).Await(ctx)
			return err == nil
		})
		if again.ID != j.ID {
			t.Errorf("job %d, want %d", again.ID, j.ID)
		}
		want(t, "touch after the TTR", errOf(ctx, j.Touch(ctx)), beanstalk.ErrJobLost)
		must(ctx, t, again.Delete(ctx))
		if err := b.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
			return err
		}
		aiotest.Eventually(t, func() bool { return errors.Is(errOf(ctx, put(1, 0)), beanstalk.ErrDraining) })
		return nil
	})
}

func TestRealUnixSocket(t *testing.T) {
	path := "unix:" + filepath.Join(t.TempDir(), "socket")
	realServer(t, "-l", path)
	aiotest.Run(t, func(ctx context.Context) error {
		c := &beanstalk.Client{Addr: path}
		must(ctx, t, c.Put(ctx, "default", []byte("x"), beanstalk.PutOptions{}))
		return errOf(ctx, must(ctx, t, c.Consumer().Reserve(ctx)).Delete(ctx))
	})
}

// Reserves are cancelled at random moments while jobs come: none is lost or
// done twice.
func TestRealCancel(t *testing.T) {
	b := realServer(t)
	const jobs = 500
	aiotest.Run(t, func(ctx context.Context) error {
		c := &beanstalk.Client{Addr: b.addr}
		cons := c.Consumer()
		aio.Spawn(ctx, "produce", func(ctx context.Context) error {
			for i := range jobs {
				must(ctx, t, c.Put(ctx, "default", []byte(fmt.Sprint(i)), beanstalk.PutOptions{TTR: time.Hour}))
			}
			return nil
		})
		var mu sync.Mutex
		seen := map[string]int{}
		return aio.Scope(ctx, "consume", func(ctx context.Context) error {
			for range 8 {
				aio.Spawn(ctx, "consumer", func(ctx context.Context) error {
					for {
						mu.Lock()
						n := len(seen)
						mu.Unlock()
						if n == jobs {
							return nil
						}
						short, cancel := context.WithTimeout(ctx, time.Duration(rand.IntN(2000))*time.Microsecond)
						j, err := cons.Reserve(short).Await(ctx)
						cancel()
						if err != nil {
							if !errors.Is(err, context.DeadlineExceeded) {
								return err
							}
							continue
						}
						if err := errOf(ctx, j.Delete(ctx)); err != nil {
							return err
						}
						mu.Lock()
						if seen[string(j.Body)]++; seen[string(j.Body)] > 1 {
							t.Errorf("job %s was done twice", j.Body)
						}
						mu.Unlock()
					}
				})
			}
			return nil
		})
	})
}

// The server is killed and started again, amid commands: no job that was put is
// lost, and each is done as often as the errors allow.
func TestRealKill(t *testing.T) {
	t.Parallel() // it waits, mostly
	b := realServer(t)
	const jobs, producers, consumers, kills = 3000, 4, 8, 4
	aiotest.Runner{Parallel: true}.Run(t, func(ctx context.Context) error {
		c := &beanstalk.Client{Addr: b.addr, Backoff: timer.Backoff{Attempts: -1, Elapsed: -1, Max: 50 * time.Millisecond}}
		cons := c.Consumer("work")
		var mu sync.Mutex
		done := map[string]int{}
		// puts that may be there twice, deletes that may not be done
		doubled, unsure := 0, 0
		finished := make(chan struct{})
		produce := func(ctx context.Context, from int) error {
			for i := from; i < jobs; i += producers {
				for {
					_, err := c.Put(ctx, "work", []byte(strconv.Itoa(i)), beanstalk.PutOptions{TTR: 2 * time.Second}).Await(ctx)
					if err == nil {
						break
					}
					if !errors.Is(err, beanstalk.ErrUnanswered) {
						return fmt.Errorf("put: %w", err)
					}
					mu.Lock()
					doubled++
					mu.Unlock()
				}
			}
			return nil
		}
		consume := func(ctx context.Context) error {
			for {
				j, err := cons.Reserve(ctx).Await(ctx)
				if errors.Is(err, aio.ErrStopped) {
					return nil
				}
				if err != nil {
					return fmt.Errorf("reserve: %w", err)
				}
				err = errOf(ctx, j.Delete(ctx))
				mu.Lock()
				if err == nil {
					done[string(j.Body)]++
				} else if errors.Is(err, beanstalk.ErrJobLost) {
					if errors.Is(err, beanstalk.ErrUnanswered) {
						done[string(j.Body)]++ // done, or it comes again
						unsure++
					}
				} else {
					mu.Unlock()
					return fmt.Errorf("delete: %w", err)
				}
				if len(done) == jobs {
					select {
					case <-finished:
					default:
						close(finished)
					}
				}
				mu.Unlock()
			}
		}
		err := aio.Scope(ctx, "all", func(ctx context.Context) error {
			for i := range producers {
				aio.Spawn(ctx, "producer", func(ctx context.Context) error { return produce(ctx, i) })
			}
			work, stop := context.WithCancelCause(ctx)
			for range consumers {
				aio.Spawn(work, "consumer", consume)
			}
			for range kills {
				mu.Lock()
				n := len(done)
				mu.Unlock()
				aiotest.Eventually(t, func() bool {
					mu.Lock()
					defer mu.Unlock()
					return len(done) > n+jobs/(2*kills) || len(done) == jobs
				})
				b.kill()
				b.start()
			}
			<-finished
			stop(aio.ErrStopped)
			return nil
		})
		b.kill() // the last one, so that nothing of it is left behind
		sum := 0
		for _, n := range done {
			sum += n
		}
		t.Logf("%d jobs done %d times; %d puts and %d deletes whose answer did not come", len(done), sum, doubled, unsure)
		if len(done) != jobs {
			t.Errorf("%d of %d jobs were done", len(done), jobs)
		}
		if sum > jobs+doubled+unsure {
			t.Errorf("%d jobs were done %d times, which %d puts and %d deletes without an answer do not explain", jobs, sum, doubled, unsure)
		}
		return err
	})
}
