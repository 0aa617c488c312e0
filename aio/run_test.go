package aio_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"goaio.example/aio"
)

// What Run returns, and when.
func TestRunResult(t *testing.T) {
	type main = func(ctx context.Context, l *aio.Loop, end context.CancelFunc) error
	for _, c := range []struct {
		name string
		main main
		want error
		took time.Duration
	}{
		{"empty", func(context.Context, *aio.Loop, context.CancelFunc) error { return nil }, nil, 0},
		{"main's error", func(context.Context, *aio.Loop, context.CancelFunc) error { return errTest }, errTest, 0},
		{"main's error drains", func(ctx context.Context, _ *aio.Loop, _ context.CancelFunc) error {
			aio.Spawn(ctx, "", func(ctx context.Context) error { return sleep(ctx, 2*time.Second) })
			return errTest
		}, errTest, 2 * time.Second},
		{"Exit(nil)", func(ctx context.Context, l *aio.Loop, _ context.CancelFunc) error { l.Exit(nil); return untilDead(ctx) }, nil, 10 * time.Second},
		{"Exit(err)", func(ctx context.Context, l *aio.Loop, _ context.CancelFunc) error {
			l.Exit(errTest)
			l.Exit(errStop)
			return untilDraining(ctx)
		}, errTest, 0},
		{"Exit(nil), then main's error", func(ctx context.Context, l *aio.Loop, _ context.CancelFunc) error {
			l.Exit(nil)
			<-aio.Draining(ctx)
			return errTest
		}, errTest, 0},
		{"Exit(err), then main's error", func(ctx context.Context, l *aio.Loop, _ context.CancelFunc) error {
			l.Exit(errStop)
			<-aio.Draining(ctx)
			return errTest
		}, errStop, 0},
		{"Cancel(nil)", func(ctx context.Context, l *aio.Loop, _ context.CancelFunc) error {
			l.Cancel(nil)
			return untilDead(ctx)
		}, nil, 0},
		{"Cancel(err)", func(ctx context.Context, l *aio.Loop, _ context.CancelFunc) error {
			l.Cancel(errStop)
			return untilDead(ctx)
		}, errStop, 0},
		{"Exit, then Cancel(err)", func(ctx context.Context, l *aio.Loop, _ context.CancelFunc) error {
			l.Exit(nil)
			time.Sleep(time.Second)
			l.Cancel(errStop)
			return untilDead(ctx)
		}, errStop, time.Second},
		{"ctx cancelled", func(ctx context.Context, _ *aio.Loop, end context.CancelFunc) error {
			end()
			<-aio.Draining(ctx)
			if ctx.Err() != nil {
				t.Error("main's ctx ended with Run's")
			}
			return nil
		}, nil, 0},
		{"ctx cancelled, main waits until it is cancelled", func(ctx context.Context, _ *aio.Loop, end context.CancelFunc) error {
			end()
			<-ctx.Done()
			return ctx.Err()
		}, nil, 10 * time.Second},
		{"ctx cancelled, main returns something else", func(ctx context.Context, _ *aio.Loop, end context.CancelFunc) error {
			end()
			<-ctx.Done()
			return fmt.Errorf("%w: %w", ctx.Err(), errTest)
		}, errTest, 10 * time.Second},
		{"ctx's deadline", func(ctx context.Context, _ *aio.Loop, _ context.CancelFunc) error {
			return untilDraining(ctx)
		}, errStop, time.Hour},
		{"main returns Canceled", func(context.Context, *aio.Loop, context.CancelFunc) error { return context.Canceled }, context.Canceled, 0},
		{"an operation's error", func(ctx context.Context, _ *aio.Loop, _ context.CancelFunc) error {
			aio.Spawn(ctx, "", failing)
			return untilDraining(ctx)
		}, errTest, 0},
		{"Goexit in an operation", func(ctx context.Context, _ *aio.Loop, _ context.CancelFunc) error {
			aio.Spawn(ctx, "", func(context.Context) error { runtime.Goexit(); return nil })
			return nil
		}, aio.ErrGoexit, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var fatal []error
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeoutCause(context.Background(), time.Hour, errStop)
				defer cancel()
				l := &aio.Loop{Logger: quiet, OnFatal: func(err error) { fatal = append(fatal, err) }}
				start := time.Now()
				err := l.Run(ctx, func(ctx context.Context) error {
					if _, ok := ctx.Deadline(); ok {
						t.Error("main's ctx has Run's deadline")
					}
					return c.main(ctx, l, cancel)
				})
				wantErr(t, "Run", err, c.want)
				eq(t, "took", time.Since(start), c.took)
				if err == nil && len(fatal) != 0 || err != nil && (len(fatal) != 1 || fatal[0] != err) {
					t.Errorf("OnFatal: %v", fatal)
				}
				if again := l.Run(ctx, failing); !errors.Is(again, aio.ErrLoopDone) {
					t.Errorf("a second Run: %v", again)
				}
			})
		})
	}
}

func TestExitBeforeRun(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(l *aio.Loop)
		want error
		took time.Duration
	}{
		"Exit(nil)":   {func(l *aio.Loop) { l.Exit(nil) }, nil, 10 * time.Second},
		"Exit(err)":   {func(l *aio.Loop) { l.Exit(errTest) }, errTest, 10 * time.Second},
		"Cancel(nil)": {func(l *aio.Loop) { l.Cancel(nil) }, nil, 0},
		"Cancel(err)": {func(l *aio.Loop) { l.Cancel(errTest) }, errTest, 0},
		"both":        {func(l *aio.Loop) { l.Exit(nil); l.Cancel(nil); l.Cancel(errTest) }, errTest, 0},
	} {
		t.Run(name, func(t *testing.T) {
			ran := false
			var err error
			synctest.Test(t, func(t *testing.T) {
				l := &aio.Loop{Logger: quiet}
				l.AtExit(func() { ran = true })
				c.do(l)
				start := time.Now()
				err = l.Run(context.Background(), untilDead)
				eq(t, "took", time.Since(start), c.took)
				select {
				case <-l.Draining():
				default:
					t.Error("Draining is open")
				}
			})
			wantErr(t, "Run", err, c.want)
			if !ran {
				t.Error("AtExit was not called")
			}
		})
	}
}

// What goes on and what ends in each phase.
func TestPhases(t *testing.T) {
	type span struct{ drained, dead, ended time.Duration }
	for _, c := range []struct {
		name  string
		grace time.Duration
		do    func(l *aio.Loop, end context.CancelFunc) // at 1 s
		// when Draining is closed
		drain time.Duration
		// when operations in progress are cancelled
		dead time.Duration
		// work of 3 s gets to its end
		kept bool
	}{
		{"Exit", 0, func(l *aio.Loop, _ context.CancelFunc) { l.Exit(nil) }, time.Second, 0, true},
		{"Exit, short Grace", time.Second, func(l *aio.Loop, _ context.CancelFunc) { l.Exit(nil) }, time.Second, 2 * time.Second, false},
		{"Exit, no Grace", -1, func(l *aio.Loop, _ context.CancelFunc) { l.Exit(nil) }, time.Second, time.Second, false},
		{"end of ctx", time.Second, func(_ *aio.Loop, end context.CancelFunc) { end() }, time.Second, 2 * time.Second, false},
		{"Cancel", 0, func(l *aio.Loop, _ context.CancelFunc) { l.Cancel(nil) }, time.Second, time.Second, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				var work, daemon, served span
				phases := func(s *span, long time.Duration) func(ctx context.Context) error {
					return func(ctx context.Context) error {
						select {
						case <-aio.Draining(ctx):
							s.drained = time.Since(start)
						case <-ctx.Done():
						}
						select {
						case <-time.After(long - time.Since(start)):
						case <-ctx.Done():
							s.dead = time.Since(start)
						}
						s.ended = time.Since(start)
						return nil
					}
				}
				ctx, end := context.WithCancel(context.Background())
				l := &aio.Loop{Logger: quiet, Grace: c.grace}
				err := l.Run(ctx, func(ctx context.Context) error {
					aio.Spawn(ctx, "work", func(ctx context.Context) error {
						aio.Daemon(ctx, "serves the work", phases(&served, time.Hour))
						return phases(&work, 3*time.Second)(ctx)
					})
					aio.Daemon(ctx, "daemon", phases(&daemon, time.Hour))
					time.Sleep(time.Second)
					c.do(l, end)
					return nil
				})
				wantErr(t, "Run", err, nil)
				eq(t, "work drained", work.drained, c.drain)
				eq(t, "work dead", work.dead, c.dead)
				eq(t, "daemon dead", daemon.dead, c.drain)
				if c.kept {
					eq(t, "work ended", work.ended, 3*time.Second)
					eq(t, "what served it ended with it", served.dead, 3*time.Second)
				} else {
					eq(t, "what served it ended with it", served.dead, c.dead)
				}
				eq(t, "took", time.Since(start), work.ended)
			})
		})
	}
}

// Daemons and the operations that they start do not hold the loop open.
func TestDaemon(t *testing.T) {
	var causes []error
	took := must(t, nil, func(ctx context.Context) {
		aio.Daemon(ctx, "daemon", func(ctx context.Context) error {
			f := aio.Go(ctx, "its work", never)
			err := untilDead(ctx)
			_, err2 := f.Await(context.Background())
			causes = append(causes, err, err2)
			return err
		})
		aio.Spawn(ctx, "work", func(ctx context.Context) error { return sleep(ctx, time.Second) })
		synctest.Wait()
		for i := range aio.LoopOf(ctx).Ops() {
			if i.Daemon != (i.Name != "work") {
				t.Errorf("%v", i)
			}
		}
	})
	eq(t, "took", took, time.Second)
	eq(t, "causes", causes, []error{aio.ErrExit, aio.ErrExit})
}

// What is in progress when the loop drains may start what it needs; a daemon
// started then by no work in progress ends.
func TestStartWhileDraining(t *testing.T) {
	took := must(t, nil, func(ctx context.Context) {
		aio.Spawn(ctx, "work", func(ctx context.Context) error {
			<-aio.Draining(ctx)
			v, err := aio.Go(ctx, "more", func(ctx context.Context) (int, error) { return 1, sleep(ctx, time.Second) }).Await(ctx)
			if v != 1 || err != nil {
				t.Error(v, err)
			}
			return nil
		})
		aio.LoopOf(ctx).Exit(nil)
		<-aio.Draining(ctx)
		aio.Daemon(ctx, "late daemon", func(ctx context.Context) error {
			wantErr(t, "late daemon", context.Cause(ctx), aio.ErrExit)
			return nil
		})
	})
	eq(t, "took", took, time.Second)
}

// A driver's OpDrain is called at the drain, and again when it may matter.
func TestDrivenDrain(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		work := aio.NewPromise[int](ctx, 0, "work")
		top, below := &testDriver{}, &testDriver{}
		var topOp, belowOp aio.Op
		topOp.Start(ctx, 0, "top", top)
		belowOp.Start(work.Context(), 0, "below", below)
		if !topOp.TopLevel() || belowOp.TopLevel() || topOp.Draining() {
			t.Error("TopLevel or Draining")
		}
		aio.LoopOf(ctx).Exit(nil)
		<-aio.Draining(ctx)
		synctest.Wait()
		eq(t, "told", []int64{top.drain.Load(), below.drain.Load()}, []int64{1, 1})
		work.Resolve(1)
		eq(t, "told again", below.drain.Load(), 2)
		if !belowOp.TopLevel() || !belowOp.Draining() {
			t.Error("not TopLevel")
		}
		topOp.End(aio.ErrExit)
		belowOp.End(aio.ErrExit)
	})
}

func TestNestedLoops(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(outer *aio.Loop, f *aio.Future[error]) // at 1 s
		took time.Duration
		want error
	}{
		{"inner ends", func(*aio.Loop, *aio.Future[error]) {}, 3 * time.Second, nil},
		{"outer's drain is the inner's", func(l *aio.Loop, _ *aio.Future[error]) { l.Exit(nil) }, 2 * time.Second, nil},
		{"outer's Cancel is the inner's", func(l *aio.Loop, _ *aio.Future[error]) { l.Cancel(nil) }, time.Second, nil},
		{"the operation around it is cancelled", func(_ *aio.Loop, f *aio.Future[error]) { f.Cancel(errStop) }, time.Second, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var cause error
			took := must(t, nil, func(ctx context.Context) {
				outer := aio.LoopOf(ctx)
				inner := &aio.Loop{Name: "inner", Logger: quiet, Grace: time.Second}
				f := aio.Go(ctx, "op", func(ctx context.Context) (error, error) {
					return inner.Run(ctx, func(ctx context.Context) error {
						if aio.LoopOf(ctx) != inner {
							t.Error("the wrong loop")
						}
						err := sleep(ctx, 3*time.Second)
						cause = err
						return err
					}), nil
				})
				time.Sleep(time.Second)
				eq(t, "outer's operations", infoNames(outer), []string{"inner", "op"})
				c.do(outer, f)
				err, _ := f.Await(context.Background())
				wantErr(t, "inner Run", err, c.want)
			})
			eq(t, "took", took, c.took)
			if c.name == "the operation around it is cancelled" {
				wantErr(t, "cause inside", cause, errStop)
			}
		})
	}
}

// A loop that is run inside an operation that was cancelled before ends at
// once, and can be asked of as any other.
func TestNestedInCancelled(t *testing.T) {
	for name, cancel := range map[string]func(ctx context.Context, l *aio.Loop, f *aio.Future[error]){
		"operation": func(_ context.Context, _ *aio.Loop, f *aio.Future[error]) { f.Cancel(errStop) },
		"loop":      func(_ context.Context, l *aio.Loop, _ *aio.Future[error]) { l.Cancel(errStop) },
	} {
		t.Run(name, func(t *testing.T) {
			var ran error
			took, err := bubble(t, nil, func(ctx context.Context) error {
				outer := aio.LoopOf(ctx)
				f := aio.Go(ctx, "op", func(ctx context.Context) (error, error) {
					<-ctx.Done()
					inner := &aio.Loop{Name: "inner", Logger: quiet}
					var cause error
					ran = inner.Run(ctx, func(ctx context.Context) error {
						<-ctx.Done()
						cause = context.Cause(ctx)
						return ctx.Err()
					})
					wantErr(t, "cause inside", cause, errStop)
					wantErr(t, "a second Run", inner.Run(ctx, func(context.Context) error { return nil }), aio.ErrLoopDone)
					return ran, nil
				})
				time.Sleep(time.Second)
				cancel(ctx, outer, f)
				f.Await(context.WithoutCancel(ctx))
				return nil
			})
			if name == "loop" {
				wantErr(t, "Run", err, errStop)
			}
			wantErr(t, "inner Run", ran, nil)
			eq(t, "took", took, time.Second)
		})
	}
}

// A Run that has failed may be repeated.
func TestNestedRunTooLate(t *testing.T) {
	var late context.Context
	must(t, nil, func(ctx context.Context) { late = ctx })
	inner := &aio.Loop{Logger: quiet}
	wantErr(t, "Run in a loop that is done", inner.Run(late, func(context.Context) error { return nil }), aio.ErrLoopDone)
	wantErr(t, "Run", inner.Run(context.Background(), func(context.Context) error { return nil }), nil)
}

func TestLoopsSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := make(chan struct{})
		for i := range 50 {
			go func() {
				defer func() { done <- struct{}{} }()
				err := run(nil, func(ctx context.Context) error {
					f := aio.Go(ctx, "", func(ctx context.Context) (int, error) { return i, sleep(ctx, time.Second) })
					v, err := f.Await(ctx)
					if v != i {
						t.Error(v)
					}
					return err
				})
				wantErr(t, "Run", err, nil)
			}()
		}
		for range 50 {
			<-done
		}
	})
}

// Many loops leave no goroutine and no descriptor behind.
func TestManyRuns(t *testing.T) {
	n := 10_000
	if raceOn {
		n = 1000
	}
	cycle := func() {
		var ends atomic.Int64
		l := &aio.Loop{Logger: quiet, OnEvent: func(aio.Event) {}}
		err := run(l, func(ctx context.Context) error {
			aio.Go(ctx, "", fails)
			aio.Daemon(ctx, "", untilDead)
			aio.Spawn(ctx, "", func(ctx context.Context) error { ends.Add(1); return nil })
			p := aio.NewPromise[int](ctx, 0, "")
			aio.Timeout(ctx, p.Future(), time.Hour)
			go p.Resolve(1)
			return aio.Wait(ctx, p.Future())
		})
		if err != nil || ends.Load() != 1 {
			t.Fatal(err, ends.Load())
		}
	}
	cycle()
	before, files := goleak.IgnoreCurrent(), openFiles()
	for range n {
		cycle()
	}
	if err := goleak.Find(before); err != nil {
		t.Errorf("goleak.Find: %v", err)
	}
	eq(t, "open files", openFiles(), files)
}

// openFiles counts the process's descriptors, where the system shows them.
func openFiles() int {
	fds, _ := filepath.Glob("/proc/self/fd/*")
	n := 0
	for _, fd := range fds {
		if _, err := os.Readlink(fd); err == nil {
			n++
		}
	}
	return n
}
