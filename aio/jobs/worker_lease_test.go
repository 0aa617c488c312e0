package jobs_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/jobs"
)

// wantCause waits for the end of ctx, and compares its cause.
func (b *bench) wantCause(ctx context.Context, want error) {
	b.Helper()
	<-ctx.Done()
	if got := context.Cause(ctx); !errors.Is(got, want) {
		b.Errorf("the job's ctx ended with %v, want %v", got, want)
	}
}

// failing makes the calls of one kind fail.
func failing(call string, err error) func(context.Context, string) error {
	return func(_ context.Context, c string) error {
		if c == call {
			return err
		}
		return nil
	}
}

// hanging has the calls of one kind wait for the end of their ctx.
func hanging(call string) func(context.Context, string) error {
	return func(ctx context.Context, c string) error {
		if c == call {
			<-ctx.Done()
			return context.Cause(ctx)
		}
		return nil
	}
}

var errBroken = errors.New("broken")

// The lease ends for a job whose Touch fails, hangs, or says so, when its time
// is over at the latest. That is an event, and so is the late Delete that
// fails.
func TestLeaseLost(t *testing.T) {
	for name, test := range map[string]struct {
		before func(context.Context, string) error
		after  time.Duration
		event  string
	}{
		"touch fails":      {failing("touch", errBroken), 30 * time.Second, "jobs: touch q one, attempt 1: " + jobs.ErrLeaseLost.Error()},
		"touch hangs":      {hanging("touch"), 30 * time.Second, "jobs: touch q one, attempt 1: " + jobs.ErrLeaseLost.Error()},
		"the broker knows": {failing("touch", jobs.ErrLeaseLost), 10 * time.Second, "jobs: touch q one, attempt 1: " + jobs.ErrLeaseLost.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(ctx context.Context, b *bench) {
				w := &jobs.Worker{Slots: 1}
				b.source.before = test.before
				b.start(ctx, w, func(ctx context.Context, j *jobs.Job) error {
					if j.Attempt > 1 {
						return nil
					}
					begin := time.Now()
					b.wantCause(ctx, jobs.ErrLeaseLost)
					if took := time.Since(begin); took != test.after {
						t.Errorf("the ctx ended after %v, want %v", took, test.after)
					}
					// until it is the broker's in any case
					time.Sleep(b.memory.Lease)
					return nil
				})
				b.put(ctx, "one")
				time.Sleep(5 * time.Minute)
				b.shutdown(ctx)
				b.wantStats(jobs.Stats{Reserved: 2, Deleted: 1, Lost: 1, Unsure: 1})
				b.wantEvents(test.event, "jobs: delete q one, attempt 1: "+jobs.ErrLeaseLost.Error())
			})
		})
	}
}

// A Touch that fails is tried again before the lease's time is over.
func TestTouchAgain(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		failures := 0
		b.source.before = func(_ context.Context, call string) error {
			if call != "touch" {
				return nil
			}
			if failures++; failures%4 != 0 {
				return errBroken
			}
			return nil
		}
		b.start(ctx, &jobs.Worker{}, func(ctx context.Context, j *jobs.Job) error { return jobSleep(ctx, 5*time.Minute) })
		b.put(ctx, "one")
		time.Sleep(10 * time.Minute)
		b.shutdown(ctx)
		b.wantStats(jobs.Stats{Reserved: 1, Deleted: 1})
		b.wantEvents()
	})
}

func jobSleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// A job that fails once its lease is lost is not released: it is the broker's.
func TestLostAndFailed(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		b.source.before = failing("touch", errBroken)
		b.start(ctx, &jobs.Worker{Slots: 1}, func(ctx context.Context, j *jobs.Job) error {
			if j.Attempt > 1 {
				return nil
			}
			<-ctx.Done()
			return context.Cause(ctx)
		})
		b.put(ctx, "one")
		time.Sleep(5 * time.Minute)
		b.shutdown(ctx)
		if n := b.source.calls("release"); n != 0 {
			t.Errorf("a lost lease was released %d times", n)
		}
		b.wantStats(jobs.Stats{Reserved: 2, Deleted: 1, Lost: 1})
	})
}

// A process that was stopped for longer than the lease finds it lost when it
// goes on, although the broker has not said so, and although a renewal is due
// first: here the clock goes on while the Touch that was begun cannot.
func TestStopped(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		var waking time.Time
		b.source.before = func(ctx context.Context, call string) error {
			if call == "touch" {
				time.Sleep(time.Hour) // returns late, and ignores its ctx
			}
			return nil
		}
		b.start(ctx, &jobs.Worker{Slots: 1}, func(ctx context.Context, j *jobs.Job) error {
			if j.Attempt == 1 {
				b.wantCause(ctx, jobs.ErrLeaseLost)
				waking = time.Now()
			}
			return nil
		})
		begin := time.Now()
		b.put(ctx, "one")
		time.Sleep(2 * time.Hour)
		b.shutdown(ctx)
		if d := waking.Sub(begin); d != b.memory.Lease {
			t.Errorf("the ctx ended after %v, want %v", d, b.memory.Lease)
		}
	})
}

// Calls that settle a lease are tried three times, and end with CallTimeout. A
// failure is an event, and the job is handed out again when the lease has
// ended.
func TestSettleFails(t *testing.T) {
	for _, call := range []string{"delete", "release", "bury"} {
		handle := func(_ context.Context, j *jobs.Job) error {
			switch {
			case j.Attempt > 1, call == "delete":
				return nil
			case call == "bury":
				return permanent
			}
			return errBroken
		}
		for fault, before := range map[string]func(context.Context, string) error{
			"fails": failing(call, errBroken), "hangs": hanging(call), "panics": panicking(call), "is lost": failing(call, jobs.ErrLeaseLost),
		} {
			t.Run(call+" "+fault, func(t *testing.T) {
				inBubble(t, func(ctx context.Context, b *bench) {
					tries := 0
					b.source.before = func(ctx context.Context, c string) error {
						if c == call {
							tries++
						}
						if b.worker.Stats().Unsure > 0 {
							return nil
						}
						return before(ctx, c)
					}
					b.start(ctx, &jobs.Worker{Slots: 1}, handle)
					b.put(ctx, "one")
					time.Sleep(5 * time.Minute)
					b.shutdown(ctx)
					b.wantStats(jobs.Stats{Reserved: 2, Deleted: 1, Unsure: 1})
					b.wantLeft(jobs.MemoryStats{})
					want := map[string]int{"fails": 3, "hangs": 1, "panics": 3, "is lost": 1}[fault]
					if call == "delete" {
						want++ // the second attempt's
					}
					if tries != want {
						t.Errorf("%s was called %d times, want %d", call, tries, want)
					}
					var told *jobs.LeaseError
					n := 0
					for _, e := range b.events.Events() {
						if errors.As(e.Err, &told) {
							n++
						}
					}
					if n != 1 || told.Op != call || told.ID != "one" {
						t.Errorf("%d events of the lease, the last %v; want one of %s", n, told, call)
					}
				})
			})
		}
	}
}

// A Delete that is carried out and whose answer is lost is repeated, and finds
// the lease gone.
func TestDeleteReturnsLate(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		b.source.after = failing("delete", errBroken)
		b.start(ctx, &jobs.Worker{Slots: 1}, func(context.Context, *jobs.Job) error { return nil })
		b.put(ctx, "one")
		time.Sleep(5 * time.Minute)
		b.shutdown(ctx)
		b.wantStats(jobs.Stats{Reserved: 1, Unsure: 1})
		b.wantEvents("jobs: delete q one, attempt 1: " + jobs.ErrLeaseLost.Error())
		b.wantLeft(jobs.MemoryStats{})
	})
}

// One job that somebody cancels is a job that has failed.
func TestCancelOne(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		b.start(ctx, &jobs.Worker{}, func(ctx context.Context, j *jobs.Job) error {
			if j.Attempt > 1 {
				return nil
			}
			<-ctx.Done()
			return context.Cause(ctx)
		})
		b.put(ctx, "one")
		synctest.Wait()
		for r := range b.loop.Refs() {
			if r.Kind().String() == "jobs.job" {
				if r.Name() != "q one" {
					t.Errorf("the job's operation is named %q", r.Name())
				}
				r.Cancel(errBroken)
			}
		}
		time.Sleep(time.Minute)
		b.shutdown(ctx)
		b.wantStats(jobs.Stats{Reserved: 2, Retried: 1, Deleted: 1})
		b.wantEvents()
	})
}

// The errors of jobs do not end a Scope around the Worker.
func TestInScope(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		err := aio.Scope(ctx, "scope", func(ctx context.Context) error {
			b.start(ctx, &jobs.Worker{MaxAttempts: 1}, func(context.Context, *jobs.Job) error { return errBroken })
			b.put(ctx, "one")
			b.put(ctx, "two")
			time.Sleep(time.Minute)
			return b.worker.Shutdown(ctx)
		})
		if err != nil {
			t.Errorf("aio.Scope: %v", err)
		}
		b.wantStats(jobs.Stats{Reserved: 2, Buried: 2})
	})
}

// A Lease that says that it is lost is not waited for.
func TestLoser(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		lost := make(chan struct{})
		w := &jobs.Worker{Slots: 1, Source: losing{b.source, lost}, Handle: func(ctx context.Context, j *jobs.Job) error {
			if j.Attempt > 1 {
				return nil
			}
			time.AfterFunc(time.Second, func() { close(lost) })
			begin := time.Now()
			b.wantCause(ctx, jobs.ErrLeaseLost)
			if d := time.Since(begin); d != time.Second {
				t.Errorf("the ctx ended after %v, want 1s", d)
			}
			return context.Cause(ctx)
		}}
		if err := w.Start(ctx); err != nil {
			t.Fatalf("w.Start: %v", err)
		}
		b.put(ctx, "one")
		time.Sleep(2 * time.Minute)
		if err := w.Shutdown(ctx); err != nil {
			t.Errorf("w.Shutdown: %v", err)
		}
		if s, want := w.Stats(), (jobs.Stats{Reserved: 2, Deleted: 1, Lost: 1}); s != want {
			t.Errorf("figures: %+v, want %+v", s, want)
		}
	})
}

// losing is a Source whose first lease is a Loser.
type losing struct {
	*source
	lost chan struct{}
}

func (s losing) Reserve(ctx context.Context) (jobs.Lease, error) {
	l, err := s.source.Reserve(ctx)
	if err != nil || l.Delivery().Attempts > 1 {
		return l, err
	}
	return &loser{l, s.lost}, nil
}

type loser struct {
	jobs.Lease
	lost chan struct{}
}

func (l *loser) Lost() <-chan struct{} { return l.lost }

// A Touch that hangs when Handle returns does not delay the Delete.
func TestTouchHangsAtTheEnd(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		begin := time.Now()
		var deleted time.Duration
		b.source.before = func(ctx context.Context, call string) error {
			if call == "delete" {
				deleted = time.Since(begin)
			}
			return hanging("touch")(ctx, call)
		}
		b.start(ctx, &jobs.Worker{}, func(ctx context.Context, j *jobs.Job) error { return jobSleep(ctx, 11*time.Second) })
		b.put(ctx, "one")
		time.Sleep(time.Minute)
		b.shutdown(ctx)
		if deleted != 11*time.Second {
			t.Errorf("the Delete came after %v, want 11s", deleted)
		}
		b.wantEvents()
	})
}
