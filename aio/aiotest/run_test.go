package aiotest_test

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
)

var errBoom = errors.New("boom")

// failing is an operation that fails.
func failing(context.Context) error { return errBoom }

// future is an operation with a result that fails.
func future(context.Context) (int, error) { return 0, errBoom }

func untilDone(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestRunPasses(t *testing.T) {
	ran := false
	aiotest.Run(t, func(ctx context.Context) error {
		if aio.LoopOf(ctx) == nil {
			t.Error("main's ctx has no loop")
		}
		aio.Daemon(ctx, "daemon", untilDone)
		if _, err := aio.Go(ctx, "looked at", future).Await(ctx); !errors.Is(err, errBoom) {
			t.Errorf("Await: %v", err)
		}
		ran = true
		return nil
	})
	if !ran {
		t.Error("main did not run")
	}
}

func TestRunFails(t *testing.T) {
	tests := map[string]struct {
		main func(ctx context.Context) error
		want []string
	}{
		"main's error": {failing, []string{"Run: boom"}},
		"Exit's error": {func(ctx context.Context) error {
			aio.LoopOf(ctx).Exit(errBoom)
			return nil
		}, []string{"Run: boom"}},
		"event": {func(ctx context.Context) error {
			aio.Spawn(ctx, "spawned", failing)
			return untilDone(ctx) // which comes because of the event
		}, []string{`event of aio.spawn "spawned"`}},
		"lost error": {func(ctx context.Context) error {
			aio.Go(ctx, "unseen", future)
			return nil
		}, []string{"lost error of"}},
		"connection's events": {func(ctx context.Context) error {
			op, err := aio.Begin(ctx, 0, "conn")
			if err != nil {
				return err
			}
			op.Report(aio.ErrEOF)
			op.Report(aio.ErrReset)
			op.Report(aio.ErrRefused)
			op.End(nil)
			return nil
		}, []string{"reset", "refused"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			trial(func(t testing.TB) { aiotest.Run(t, tt.main) }).want(t, tt.want...)
		})
	}
}

func TestRunGoroutineLeft(t *testing.T) {
	stop := make(chan struct{})
	defer close(stop)
	leak := func(context.Context) error {
		go func() { <-stop }()
		return nil
	}
	trial(func(t testing.TB) { aiotest.Run(t, leak) }).want(t, "goroutines left behind")
	trial(func(t testing.TB) { aiotest.Runner{Parallel: true}.Run(t, leak) }).want(t)
}

func TestRunFDLeft(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("file descriptors are compared on Linux only")
	}
	var left *os.File
	leak := func(context.Context) (err error) {
		left, err = os.Open(os.DevNull)
		return err
	}
	trial(func(t testing.TB) { aiotest.Run(t, leak) }).want(t, "-> "+os.DevNull)
	left.Close()
	trial(func(t testing.TB) { aiotest.Runner{Parallel: true}.Run(t, leak) }).want(t)
	left.Close()
}

func TestRunStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		f := trial(func(t testing.TB) {
			aiotest.RunLoop(t, &aio.Loop{Grace: -1}, func(ctx context.Context) error {
				aio.Spawn(ctx, "stuck", func(context.Context) error {
					<-stop
					return errBoom
				})
				aio.LoopOf(ctx).Exit(nil)
				return nil
			})
		})
		f.want(t, `aio.spawn "stuck"`, "TestRunStuck")
		close(stop)
		synctest.Wait()
		if len(f.errs) > 2 {
			t.Errorf("passed on after the end of the test: %q", f.errs[2:])
		}
	})
}

func TestRunBubble(t *testing.T) {
	begin := time.Now()
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		start := time.Now()
		time.Sleep(time.Hour)
		if d := time.Since(start); d != time.Hour {
			t.Errorf("%v passed", d)
		}
		return nil
	})
	if time.Since(begin) > time.Minute {
		t.Error("not in a bubble")
	}
}

// In a bubble goroutines elsewhere and file descriptors do not count.
func TestRunInBubble(t *testing.T) {
	stop, begin := make(chan struct{}), make(chan struct{})
	defer close(stop)
	go func() {
		<-begin
		go func() { <-stop }()
	}()
	synctest.Test(t, func(t *testing.T) {
		own := make(chan struct{})
		f := trial(func(t testing.TB) {
			aiotest.Run(t, func(context.Context) error {
				close(begin)
				go func() { <-own }()
				return nil
			})
		})
		f.want(t, "goroutines left in the bubble")
		if n := strings.Count(f.errs[0], "TestRunInBubble"); n < 1 || strings.Contains(f.errs[0], "TestRunInBubble.func1") {
			t.Errorf("not the stack of the one goroutine: %s", f.errs[0])
		}
		close(own)
	})
}

func TestRunGoexit(t *testing.T) {
	failNow := func(t testing.TB) func(ctx context.Context) error {
		return func(context.Context) error {
			t.Fatalf("told")
			return nil
		}
	}
	tests := map[string]func(t testing.TB){
		"main": func(t testing.TB) { aiotest.Run(t, failNow(t)) },
		"Spawn": func(t testing.TB) {
			aiotest.Run(t, func(ctx context.Context) error {
				aio.Spawn(ctx, "", failNow(t))
				return untilDone(ctx)
			})
		},
		"Daemon": func(t testing.TB) {
			aiotest.Run(t, func(ctx context.Context) error {
				aio.Daemon(ctx, "", failNow(t))
				return untilDone(ctx)
			})
		},
		"Go, awaited": func(t testing.TB) {
			aiotest.Run(t, func(ctx context.Context) error {
				_, err := aio.Go(ctx, "", func(ctx context.Context) (int, error) {
					return 0, failNow(t)(ctx)
				}).Await(ctx)
				return err
			})
		},
		"Go, dropped": func(t testing.TB) {
			aiotest.Run(t, func(ctx context.Context) error {
				aio.Go(ctx, "", func(ctx context.Context) (int, error) {
					return 0, failNow(t)(ctx)
				})
				return nil
			})
		},
		"Scope": func(t testing.TB) {
			aiotest.Run(t, func(ctx context.Context) error {
				return aio.Scope(ctx, "", failNow(t))
			})
		},
		"OnEvent": func(t testing.TB) {
			l := &aio.Loop{OnEvent: func(aio.Event) { t.Fatalf("told") }}
			aiotest.RunLoop(t, l, func(ctx context.Context) error {
				aio.Spawn(ctx, "", failing)
				return nil
			})
			t.FailNow() // the handler's goroutine is no operation
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := trial(test)
			f.want(t, "told")
			if f.finished {
				t.Error("the test went on")
			}
		})
	}
}

func TestRunSkip(t *testing.T) {
	f := trial(func(t testing.TB) {
		aiotest.Run(t, func(ctx context.Context) error {
			aio.Spawn(ctx, "", func(context.Context) error {
				t.SkipNow()
				return nil
			})
			return untilDone(ctx)
		})
	})
	f.want(t)
	if !f.skipped || f.finished {
		t.Errorf("skipped %v, went on %v", f.skipped, f.finished)
	}
}

func TestRunPlainGoexit(t *testing.T) {
	f := trial(func(t testing.TB) {
		aiotest.Run(t, func(ctx context.Context) error {
			aio.Spawn(ctx, "", func(context.Context) error {
				runtime.Goexit()
				return nil
			})
			return nil
		})
	})
	f.want(t, aio.ErrGoexit.Error())
	if !f.finished {
		t.Error("the test did not go on")
	}
}

func panicking(context.Context) error { panic("oh") }

func TestRunPanic(t *testing.T) {
	run := func(l *aio.Loop) (f *fakeT, v any) {
		f = trial(func(t testing.TB) {
			defer func() { v = recover() }()
			aiotest.RunLoop(t, l, func(ctx context.Context) error {
				aio.Spawn(ctx, "", panicking)
				return nil
			})
		})
		return f, v
	}

	// Run panics and reports no event
	f, v := run(new(aio.Loop))
	if p, ok := v.(*aio.PanicError); !ok || p.Value != "oh" {
		t.Errorf("Run panicked with %v", v)
	}
	if !strings.Contains(f.log.String(), "oh") {
		t.Errorf("not in the test's log: %q", f.log.String())
	}

	f, v = run(&aio.Loop{CatchPanics: true})
	f.want(t, "oh")
	if v != nil {
		t.Errorf("Run panicked with %v", v)
	}
	if !strings.Contains(f.errs[0], "aiotest_test.panicking") {
		t.Errorf("no stack in %s", f.errs[0])
	}
}

// A loop with its own handler fails no test.
func TestRunKeepsHandlers(t *testing.T) {
	var rec aiotest.Recorder
	f := trial(func(t testing.TB) {
		aiotest.RunLoop(t, &aio.Loop{OnEvent: rec.OnEvent}, func(ctx context.Context) error {
			aio.Spawn(ctx, "", failing)
			return nil
		})
	})
	f.want(t)
	if e := rec.Events(); len(e) != 1 || !errors.Is(e[0].Err, errBoom) {
		t.Errorf("events: %v", e)
	}
	if f.log.Len() > 0 {
		t.Errorf("log: %s", f.log.String())
	}
}

func TestRunParallel(t *testing.T) {
	for range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			aiotest.Runner{Parallel: true}.Run(t, func(ctx context.Context) error {
				_, err := aio.Go(ctx, "pipe", func(context.Context) (int, error) {
					r, w, err := os.Pipe()
					if err != nil {
						return 0, err
					}
					defer r.Close()
					defer w.Close()
					return io.WriteString(w, "x")
				}).Await(ctx)
				return err
			})
		})
		t.Run("", func(t *testing.T) {
			t.Parallel()
			aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
				time.Sleep(time.Second)
				return nil
			})
		})
	}
}

// What a child process shows of failures that only a real test can have.
func TestRunInChild(t *testing.T) {
	wantChild(t, "fatal in bubble", false, "told", "--- FAIL: TestChild")
	wantChild(t, "leak in bubble", false, "goroutines left in the bubble", "func2.1")
	wantChild(t, "event in bubble", false, "boom")
	wantChild(t, "fatal in operation", false, "told", "--- FAIL: TestChild")
	wantChild(t, "skip in operation", true, "--- SKIP: TestChild")
}

func init() {
	children["fatal in bubble"] = func(t *testing.T) {
		aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
			t.Fatal("told")
			return nil
		})
	}
	children["leak in bubble"] = func(t *testing.T) {
		aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
			go func() { time.Sleep(time.Hour) }()
			return nil
		})
	}
	children["event in bubble"] = func(t *testing.T) {
		aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
			aio.Spawn(ctx, "", failing)
			return nil
		})
	}
	children["fatal in operation"] = func(t *testing.T) {
		aiotest.Run(t, func(ctx context.Context) error {
			aio.Spawn(ctx, "", func(context.Context) error {
				t.Fatal("told")
				return nil
			})
			return untilDone(ctx)
		})
		panic("the test went on")
	}
	children["skip in operation"] = func(t *testing.T) {
		aiotest.Run(t, func(ctx context.Context) error {
			aio.Spawn(ctx, "", func(context.Context) error {
				t.Skip("told")
				return nil
			})
			return untilDone(ctx)
		})
		panic("the test went on")
	}
}
