package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/jobs"
	"goaio.example/aio/timer"
)

// An end is a way in which a Worker ends gracefully, or at once.
var ends = map[string]func(ctx context.Context, b *bench){
	"the loop drains": func(ctx context.Context, b *bench) { b.loop.Exit(nil) },
	"Shutdown":        func(ctx context.Context, b *bench) { aio.Spawn(ctx, "shutdown", b.worker.Shutdown) },
}

// Jobs that run have 80% of the loop's Grace; none is reserved meanwhile. The
// Source is closed after the last of them.
func TestDrain(t *testing.T) {
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(ctx context.Context, b *bench) {
				b.start(ctx, &jobs.Worker{Slots: 2}, func(ctx context.Context, j *jobs.Job) error {
					return timer.Sleep(ctx, 5*time.Second)
				})
				for i := range 3 {
					b.put(ctx, jobs.ID(fmt.Sprint(i)))
				}
				synctest.Wait()
				begin := time.Now()
				end(ctx, b)
				if _, err := b.worker.Future().Await(context.WithoutCancel(ctx)); err != nil {
					t.Errorf("b.worker.Future: %v", err)
				}
				if d := time.Since(begin); d != 5*time.Second {
					t.Errorf("the Worker ended after %v, want 5s", d)
				}
				b.wantStats(jobs.Stats{Reserved: 2, Deleted: 2})
				b.wantLeft(jobs.MemoryStats{Ready: 1})
				b.wantCalls("reserve reserve delete delete close")
				b.wantEvents()
			})
		})
	}
}

// wantCalls compares the Source's calls, in order.
func (b *bench) wantCalls(want string) {
	b.Helper()
	if got := strings.Join(b.source.noted, " "); got != want {
		b.Errorf("calls: %s\nwant:  %s", got, want)
	}
}

// Jobs that end when their ctx does, at the end of Grace, are released, and
// then the Source is closed.
func TestDrainCuts(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		var causes []error
		b.start(ctx, &jobs.Worker{Slots: 2, Reserves: 1}, func(ctx context.Context, j *jobs.Job) error {
			<-ctx.Done()
			if j.ID == "done" {
				return nil
			}
			causes = append(causes, context.Cause(ctx))
			return context.Cause(ctx)
		})
		b.put(ctx, "done")
		b.put(ctx, "cut")
		synctest.Wait()
		begin := time.Now()
		b.loop.Exit(nil)
		if _, err := b.worker.Future().Await(context.WithoutCancel(ctx)); err != nil {
			t.Errorf("b.worker.Future: %v", err)
		}
		if d := time.Since(begin); d != 8*time.Second {
			t.Errorf("the Worker ended after %v, want 8s", d)
		}
		if len(causes) != 1 || causes[0] != aio.ErrExit {
			t.Errorf("the causes of the end: %v", causes)
		}
		b.wantStats(jobs.Stats{Reserved: 2, Deleted: 1, Returned: 1})
		b.wantLeft(jobs.MemoryStats{Ready: 1})
		if last := b.source.noted[len(b.source.noted)-1]; last != "close" {
			t.Errorf("the last call is %s", last)
		}
		b.wantEvents()
	})
}

// A job that ignores the end of its ctx is released nevertheless, for another
// worker to get it at once; then the Source is closed. Its later result is an
// event.
func TestStuck(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		begin := time.Now()
		b.start(ctx, &jobs.Worker{Slots: 1}, func(ctx context.Context, j *jobs.Job) error {
			time.Sleep(9500 * time.Millisecond)
			return nil
		})
		b.put(ctx, "one")
		synctest.Wait()
		b.loop.Exit(nil)
		other := b.memory.Source("q")
		if _, err := other.Reserve(ctx); err != nil {
			t.Fatalf("other.Reserve: %v", err)
		}
		if d := time.Since(begin); d != 9*time.Second {
			t.Errorf("another worker got the job after %v, want 9s", d)
		}
		synctest.Wait()
		b.wantCalls("reserve release close")
		b.wantEvents()
		if _, err := b.worker.Future().Await(context.WithoutCancel(ctx)); err != nil {
			t.Errorf("b.worker.Future: %v", err)
		}
		if d := time.Since(begin); d != 9500*time.Millisecond {
			t.Errorf("the Worker ended after %v, want 9.5s", d)
		}
		b.wantEvents("jobs: delete q one, attempt 1: the job was done after it was given back: it is done again")
	})
}

// A job that never returns is named by the loop's end.
func TestStuckForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		aiotest.CheckLeaks(t)
		b := &bench{T: t}
		b.loop = &aio.Loop{OnEvent: b.events.OnEvent}
		b.source = &source{Source: b.memory.Source("q")}
		free := make(chan struct{})
		err := b.loop.Run(context.Background(), func(ctx context.Context) error {
			b.start(ctx, &jobs.Worker{Slots: 1}, func(context.Context, *jobs.Job) error { <-free; return nil })
			b.put(ctx, "one")
			synctest.Wait()
			b.loop.Exit(nil)
			return nil
		})
		var stuck *aio.StuckError
		if !errors.As(err, &stuck) || !strings.Contains(err.Error(), "q one") {
			t.Errorf("Run returned %v, want what is stuck", err)
		}
		b.wantCalls("reserve release close")
		close(free)
		synctest.Wait()
	})
}

// When the loop is cancelled, or the operation that has started the Worker, or
// the Worker is closed, jobs are released at once, and the Source is closed
// after that.
func TestCancel(t *testing.T) {
	for name, end := range map[string]func(b *bench, cancel context.CancelCauseFunc){
		"the loop":          func(b *bench, _ context.CancelCauseFunc) { b.loop.Cancel(errBroken) },
		"the worker's ctx":  func(_ *bench, cancel context.CancelCauseFunc) { cancel(errBroken) },
		"Close":             func(b *bench, _ context.CancelCauseFunc) { b.worker.Close() },
		"no Grace":          func(b *bench, _ context.CancelCauseFunc) { b.worker.Grace = -1; b.loop.Exit(nil) },
		"twice, and a wait": func(b *bench, cancel context.CancelCauseFunc) { b.worker.Close(); cancel(errBroken) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				aiotest.CheckLeaks(t)
				b := &bench{T: t}
				b.loop = &aio.Loop{OnEvent: b.events.OnEvent}
				b.source = &source{Source: b.memory.Source("q")}
				_ = b.loop.Run(context.Background(), func(ctx context.Context) error {
					in, cancel := context.WithCancelCause(ctx)
					defer cancel(nil)
					b.start(in, &jobs.Worker{Slots: 1}, func(ctx context.Context, j *jobs.Job) error {
						<-ctx.Done()
						return context.Cause(ctx)
					})
					b.put(ctx, "one")
					synctest.Wait()
					begin := time.Now()
					end(b, cancel)
					if _, err := b.worker.Future().Await(context.WithoutCancel(ctx)); err != nil {
						t.Errorf("b.worker.Future: %v", err)
					}
					if d := time.Since(begin); d != 0 {
						t.Errorf("the Worker ended after %v, want at once", d)
					}
					return nil
				})
				b.wantCalls("reserve release close")
				b.wantLeft(jobs.MemoryStats{Ready: 1})
				b.wantEvents()
			})
		})
	}
}

// What hangs in the Source does not hold up the loop's end beyond Abandon, as
// long as it heeds its ctx.
func TestCancelHangs(t *testing.T) {
	for _, call := range []string{"touch", "release", "close"} {
		t.Run(call, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				aiotest.CheckLeaks(t)
				b := &bench{T: t}
				b.loop = &aio.Loop{OnEvent: b.events.OnEvent}
				b.source = &source{Source: b.memory.Source("q"), before: hanging(call)}
				begin := time.Now()
				err := b.loop.Run(context.Background(), func(ctx context.Context) error {
					b.start(ctx, &jobs.Worker{Slots: 1, CallTimeout: time.Hour}, func(ctx context.Context, j *jobs.Job) error {
						<-ctx.Done()
						return context.Cause(ctx)
					})
					b.put(ctx, "one")
					time.Sleep(25 * time.Second)
					begin = time.Now()
					b.loop.Cancel(nil)
					return nil
				})
				if d := time.Since(begin); err != nil || d > 4*time.Second {
					t.Errorf("Run returned %v after %v", err, d)
				}
			})
		})
	}
}

// A lease that comes when the Worker leaves is given back before the Source is
// closed.
func TestReserveReturnsLate(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		b.source.after = func(_ context.Context, call string) error {
			if call == "reserve" {
				time.Sleep(3 * time.Second)
			}
			return nil
		}
		b.put(ctx, "one")
		b.start(ctx, &jobs.Worker{Reserves: 1}, func(context.Context, *jobs.Job) error {
			t.Error("Handle was called")
			return nil
		})
		synctest.Wait()
		b.shutdown(ctx)
		b.wantCalls("reserve release close")
		b.wantStats(jobs.Stats{Reserved: 1, Returned: 1})
		b.wantLeft(jobs.MemoryStats{Ready: 1})
	})
}

// A Reserve that ignores its ctx does not keep the Source from being closed.
func TestReserveHangs(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		closed := make(chan struct{})
		b.source.before = func(_ context.Context, call string) error {
			switch call {
			case "reserve":
				<-closed
				return errBroken
			case "close":
				close(closed)
			}
			return nil
		}
		b.start(ctx, &jobs.Worker{Reserves: 1}, func(context.Context, *jobs.Job) error { return nil })
		synctest.Wait()
		begin := time.Now()
		b.shutdown(ctx)
		if d := time.Since(begin); d != 9*time.Second {
			t.Errorf("the Worker ended after %v, want 9s", d)
		}
		b.wantCalls("close")
	})
}

// A Worker does not hold up a loop that drains while nothing runs.
func TestDrainIdle(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		b.start(ctx, &jobs.Worker{}, func(context.Context, *jobs.Job) error { return nil })
		begin := time.Now()
		b.loop.Exit(nil)
		if _, err := b.worker.Future().Await(ctx); err != nil || time.Since(begin) != 0 {
			t.Errorf("the Worker ended with %v after %v", err, time.Since(begin))
		}
	})
}

// A Worker in a daemon does not hold the loop open.
func TestDaemon(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		aio.Daemon(ctx, "daemon", func(ctx context.Context) error {
			b.start(ctx, &jobs.Worker{}, func(ctx context.Context, j *jobs.Job) error { return timer.Sleep(ctx, time.Hour) })
			<-ctx.Done()
			return nil
		})
		b.put(ctx, "one")
		synctest.Wait()
	})
}

func TestRun(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		w := &jobs.Worker{Source: b.source, Handle: func(context.Context, *jobs.Job) error { return nil }}
		in, cancel := context.WithTimeoutCause(ctx, time.Minute, errBroken)
		defer cancel()
		if err := w.Run(in); !errors.Is(err, errBroken) {
			t.Errorf("Run returned %v, want the cause of its ctx", err)
		}
		b.wantCalls("close")
		if err := w.Run(ctx); err == nil {
			t.Error("a Worker ran twice")
		}
		w = &jobs.Worker{Source: b.memory.Source("q"), Handle: func(context.Context, *jobs.Job) error { return nil }}
		timer.Delay(ctx, time.Second, func(ctx context.Context) error { return w.Shutdown(ctx) })
		if err := w.Run(ctx); err != nil {
			t.Errorf("Run returned %v after Shutdown", err)
		}
	})
}

func TestStartFails(t *testing.T) {
	var m jobs.Memory
	handle := func(context.Context, *jobs.Job) error { return nil }
	if err := (&jobs.Worker{Source: m.Source("q"), Handle: handle}).Start(context.Background()); !errors.Is(err, aio.ErrNoLoop) {
		t.Errorf("without a loop: %v", err)
	}
	aiotest.Run(t, func(ctx context.Context) error {
		if err := (&jobs.Worker{Handle: handle}).Start(ctx); err == nil {
			t.Error("a Worker without a Source has started")
		}
		if err := (&jobs.Worker{Source: m.Source("q")}).Start(ctx); err == nil {
			t.Error("a Worker without a Handle has started")
		}
		return nil
	})
}

// A Worker that work in progress starts while the loop drains works on, until
// that has ended.
func TestStartWhileDraining(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		b.put(ctx, "one")
		b.loop.Exit(nil)
		<-aio.Draining(ctx)
		_, err := aio.Go(ctx, "work in progress", func(ctx context.Context) (struct{}, error) {
			b.start(ctx, &jobs.Worker{}, func(context.Context, *jobs.Job) error { return nil })
			err := timer.Sleep(ctx, time.Second)
			b.put(ctx, "two")
			synctest.Wait()
			return struct{}{}, err
		}).Await(ctx)
		if err != nil {
			t.Errorf("aio.Go: %v", err)
		}
		if _, err := b.worker.Future().Await(ctx); err != nil {
			t.Errorf("b.worker.Future: %v", err)
		}
		b.wantStats(jobs.Stats{Reserved: 2, Deleted: 2})
	})
}

// What a driver starts with the ctx of a call is not cancelled when the Worker
// is, and its errors do not exit the loop.
func TestCallsOutlive(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		b.source.before = func(ctx context.Context, call string) error {
			if call == "release" {
				_, err := aio.Go(ctx, "driver", func(ctx context.Context) (int, error) { return 0, timer.Sleep(ctx, time.Second) }).Await(ctx)
				aio.Spawn(ctx, "driver", func(context.Context) error { return errBroken })
				return err
			}
			return nil
		}
		in, cancel := context.WithCancel(ctx)
		b.start(in, &jobs.Worker{Slots: 1}, func(ctx context.Context, j *jobs.Job) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})
		b.put(ctx, "one")
		synctest.Wait()
		cancel()
		if _, err := b.worker.Future().Await(ctx); err != nil {
			t.Errorf("b.worker.Future: %v", err)
		}
		b.wantStats(jobs.Stats{Reserved: 1, Returned: 1})
		b.wantEvents(errBroken.Error())
	})
}
