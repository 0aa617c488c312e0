package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/jobs"
	"goaio.example/aio/timer"
)

// bench is a loop in a bubble, with a broker whose calls can be tampered with.
type bench struct {
	*testing.T
	loop   *aio.Loop
	events aiotest.Recorder
	memory jobs.Memory
	source *source
	worker *jobs.Worker
}

// inBubble runs main in a loop whose events are recorded.
func inBubble(t *testing.T, main func(ctx context.Context, b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t}
		b.loop = &aio.Loop{CatchPanics: true, OnEvent: b.events.OnEvent}
		b.memory.Lease = 30 * time.Second
		b.source = &source{Source: b.memory.Source("q")}
		aiotest.RunLoop(t, b.loop, func(ctx context.Context) error {
			main(ctx, b)
			return nil
		})
	})
}

// start starts a Worker of the queue "q" that calls handle.
func (b *bench) start(ctx context.Context, w *jobs.Worker, handle func(ctx context.Context, j *jobs.Job) error) {
	b.Helper()
	w.Source, w.Handle = b.source, handle
	b.worker = w
	if err := w.Start(ctx); err != nil {
		b.Fatalf("w.Start: %v", err)
	}
}

// put puts a job into the queue "q".
func (b *bench) put(ctx context.Context, id jobs.ID) {
	b.Helper()
	if _, err := b.memory.Put(ctx, "q", jobs.Job{ID: id}).Await(ctx); err != nil {
		b.Fatalf("b.memory.Put: %v", err)
	}
}

// shutdown shuts the Worker down.
func (b *bench) shutdown(ctx context.Context) {
	b.Helper()
	if err := b.worker.Shutdown(ctx); err != nil {
		b.Errorf("b.worker.Shutdown: %v", err)
	}
}

// wantStats compares the Worker's figures, all of them.
func (b *bench) wantStats(want jobs.Stats) {
	b.Helper()
	if got := b.worker.Stats(); got != want {
		b.Errorf("the Worker's figures are\n%+v, want\n%+v", got, want)
	}
}

// wantLeft compares the numbers of jobs in the queue "q".
func (b *bench) wantLeft(want jobs.MemoryStats) {
	b.Helper()
	if got := b.memory.Stats("q"); got != want {
		b.Errorf("the broker has %+v, want %+v", got, want)
	}
}

// wantEvents compares the texts of the events' errors.
func (b *bench) wantEvents(want ...string) {
	b.Helper()
	synctest.Wait()
	var got []string
	for _, e := range b.events.Events() {
		got = append(got, e.Err.Error())
		if !e.Served {
			b.Errorf("the event %v is not Served", e.Err)
		}
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		b.Errorf("events:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

var noJitter = timer.Backoff{Jitter: -1}

func TestDelete(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		var got []string
		b.start(ctx, &jobs.Worker{Slots: 1}, func(ctx context.Context, j *jobs.Job) error {
			got = append(got, fmt.Sprintf("%s %s %d", j.Queue, j.ID, j.Attempt))
			return nil
		})
		b.put(ctx, "one")
		b.put(ctx, "two")
		synctest.Wait()
		b.shutdown(ctx)
		if want := "[q one 1 q two 1]"; fmt.Sprint(got) != want {
			t.Errorf("Handle got %v, want %s", got, want)
		}
		b.wantStats(jobs.Stats{Reserved: 2, Deleted: 2})
		b.wantLeft(jobs.MemoryStats{})
		b.wantEvents()
	})
}

func TestRetry(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		begin := time.Now()
		var at []string
		b.start(ctx, &jobs.Worker{Backoff: noJitter}, func(ctx context.Context, j *jobs.Job) error {
			at = append(at, fmt.Sprint(j.Attempt, " after ", time.Since(begin)))
			if j.Attempt == 3 {
				return nil
			}
			return errors.New("not yet")
		})
		b.put(ctx, "one")
		time.Sleep(time.Minute)
		b.shutdown(ctx)
		if want := "[1 after 0s 2 after 100ms 3 after 300ms]"; fmt.Sprint(at) != want {
			t.Errorf("attempts: %v, want %s", at, want)
		}
		b.wantStats(jobs.Stats{Reserved: 3, Deleted: 1, Retried: 2})
		b.wantEvents()
	})
}

func TestBury(t *testing.T) {
	for name, test := range map[string]struct {
		err      error
		attempts int
		event    string
	}{
		"at MaxAttempts": {errors.New("bad"), 3, "jobs: buried q one at attempt 3: bad"},
		"permanent":      {timer.Permanent(errors.New("bad")), 1, "jobs: buried q one at attempt 1: bad"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(ctx context.Context, b *bench) {
				b.start(ctx, &jobs.Worker{MaxAttempts: 3}, func(context.Context, *jobs.Job) error { return test.err })
				b.put(ctx, "one")
				time.Sleep(time.Minute)
				b.shutdown(ctx)
				n := int64(test.attempts)
				b.wantStats(jobs.Stats{Reserved: n, Retried: n - 1, Buried: 1})
				b.wantLeft(jobs.MemoryStats{Buried: 1})
				b.wantEvents(test.event)
				if buried := b.memory.Buried("q"); len(buried) != 1 || buried[0].Job.ID != "one" || !errors.Is(buried[0].Why, test.err) {
					t.Errorf("buried: %+v", buried)
				}
			})
		})
	}
}

// A job whose workers are killed is buried without being run when its attempts
// are used up.
func TestBuryUnended(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		b.put(ctx, "one")
		killed := b.memory.Source("q")
		for range 3 {
			if _, err := killed.Reserve(ctx); err != nil {
				t.Fatalf("killed.Reserve: %v", err)
			}
			time.Sleep(b.memory.Lease)
		}
		b.start(ctx, &jobs.Worker{MaxAttempts: 3}, func(context.Context, *jobs.Job) error {
			t.Error("Handle was called")
			return nil
		})
		synctest.Wait()
		b.shutdown(ctx)
		b.wantLeft(jobs.MemoryStats{Buried: 1})
		b.wantEvents("jobs: buried q one at attempt 4: 3 attempts have not ended")
	})
}

func TestPanic(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		b.start(ctx, &jobs.Worker{MaxAttempts: 2}, func(context.Context, *jobs.Job) error { panic("oh") })
		b.put(ctx, "one")
		time.Sleep(time.Minute)
		b.shutdown(ctx)
		b.wantStats(jobs.Stats{Reserved: 2, Retried: 1, Buried: 1})
		b.wantEvents("aio: panic: oh", "aio: panic: oh", "jobs: buried q one at attempt 2: aio: panic: oh")
	})
}

func TestGoexit(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		b.start(ctx, &jobs.Worker{MaxAttempts: 2}, func(ctx context.Context, j *jobs.Job) error {
			goexit()
			return nil
		})
		b.put(ctx, "one")
		time.Sleep(time.Minute)
		b.shutdown(ctx)
		b.wantStats(jobs.Stats{Reserved: 2, Retried: 1, Buried: 1})
		b.wantEvents("jobs: buried q one at attempt 2: " + aio.ErrGoexit.Error())
	})
}

// What a job has started is a part of it.
func TestChildren(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		b.start(ctx, &jobs.Worker{MaxAttempts: 1}, func(ctx context.Context, j *jobs.Job) error {
			timer.Delay(ctx, time.Second, func(context.Context) error { return errors.New("late") })
			return nil
		})
		b.put(ctx, "one")
		time.Sleep(time.Minute)
		b.shutdown(ctx)
		b.wantEvents("jobs: buried q one at attempt 1: late")
	})
}

// The lease of a job that takes longer is renewed at a third of its time.
func TestRenew(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		b.start(ctx, &jobs.Worker{}, func(ctx context.Context, j *jobs.Job) error {
			return timer.Sleep(ctx, 95*time.Second)
		})
		b.put(ctx, "one")
		time.Sleep(2 * time.Minute)
		b.shutdown(ctx)
		b.wantStats(jobs.Stats{Reserved: 1, Deleted: 1})
		b.wantEvents()
		if got := b.source.calls("touch"); got != 9 {
			t.Errorf("%d touches in 95 s of a lease of 30 s, want 9", got)
		}
	})
}

// No slots, no jobs.
func TestSlots(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		var running, most atomic.Int64
		b.start(ctx, &jobs.Worker{Slots: 3}, func(ctx context.Context, j *jobs.Job) error {
			if n := running.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer running.Add(-1)
			return timer.Sleep(ctx, time.Second)
		})
		for i := range 10 {
			b.put(ctx, jobs.ID(fmt.Sprint(i)))
		}
		synctest.Wait()
		b.wantLeft(jobs.MemoryStats{Ready: 7, Reserved: 3})
		time.Sleep(time.Minute)
		b.shutdown(ctx)
		if n := most.Load(); n != 3 {
			t.Errorf("%d jobs ran at once, want 3", n)
		}
		b.wantStats(jobs.Stats{Reserved: 10, Deleted: 10})
	})
}
