package aio_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

// A ctx of UntilDrain ends with the drain, or with the ctx it was made of.
func TestUntilDrain(t *testing.T) {
	l := &aio.Loop{Grace: time.Hour}
	took := must(t, l, func(ctx context.Context) {
		sub, cancel := context.WithCancelCause(ctx)
		ended := aio.UntilDrain(sub)
		cancel(errStop)
		<-ended.Done()
		wantErr(t, "cause", context.Cause(ended), errStop)

		work := aio.UntilDrain(ctx)
		f := aio.Go(work, "work", func(ctx context.Context) (int, error) { return 0, untilDead(ctx) })
		synctest.Wait()
		if work.Err() != nil {
			t.Error("dead before the drain")
		}
		time.AfterFunc(time.Second, func() { l.Exit(nil) })
		<-work.Done()
		if ctx.Err() != nil {
			t.Error("main's ctx has ended with the drain")
		}
		wantErr(t, "Err", work.Err(), context.Canceled)
		wantErr(t, "cause", context.Cause(work), aio.ErrExit)
		synctest.Wait()
		wantErr(t, "work", result(f), aio.ErrExit)
		wantErr(t, "made later", context.Cause(aio.UntilDrain(ctx)), aio.ErrExit)
	})
	eq(t, "took", took, time.Second)
	if ctx := aio.UntilDrain(context.Background()); ctx.Done() != nil {
		t.Error("without a loop")
	}
}

// Many ctxs that have ended leave nothing with the loop.
func TestUntilDrainForgets(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		for range 100 {
			sub, cancel := context.WithCancel(ctx)
			aio.UntilDrain(sub)
			cancel()
			aio.UntilDrain(sub) // dead already
		}
		synctest.Wait()
		eq(t, "hooks", aio.DrainHooks(aio.LoopOf(ctx)), 0)
	})
}

// A main that waits on UntilDrain ends with the drain; one that waits on its
// ctx costs all of Grace, and is told so.
func TestOverdueMain(t *testing.T) {
	for _, c := range []struct {
		name string
		main func(ctx context.Context) error
		took time.Duration
	}{
		{"UntilDrain", func(ctx context.Context) error { <-aio.UntilDrain(ctx).Done(); return nil }, time.Second},
		{"Draining", untilDraining, time.Second},
		{"its ctx", untilDead, 3 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			l := &aio.Loop{Grace: 2 * time.Second, Logger: slog.New(slog.NewTextHandler(&b, nil))}
			took, err := bubble(t, l, func(ctx context.Context) error {
				time.AfterFunc(time.Second, func() { l.Exit(nil) })
				return c.main(ctx)
			})
			wantErr(t, "Run", err, nil)
			eq(t, "took", took, c.took)
			if late := c.took > time.Second; late != strings.Contains(b.String(), "UntilDrain") || late != (len(l.Overdue()) == 1) {
				t.Errorf("overdue %v; log: %s", l.Overdue(), b.String())
			}
			if ops := l.Overdue(); len(ops) == 1 && (ops[0].Name != "main" || !strings.Contains(b.String(), "main")) {
				t.Errorf("overdue %v; log: %s", ops, b.String())
			}
		})
	}
}

// While the loop drains, what work in progress has started ends with that work,
// also if Done of the work's ctx was called, or a daemon is in between.
func TestDrainAgain(t *testing.T) {
	background := func(ctx context.Context) context.Context {
		op := new(aio.Op)
		op.AsBackground()
		op.Start(ctx, 0, "background", nil)
		op.OnCancel(func(error) { op.End(nil) })
		return op.Context()
	}
	daemon := func(ctx context.Context, ended func(error)) {
		aio.Daemon(ctx, "", func(ctx context.Context) error { ended(untilDead(ctx)); return nil })
	}
	queued := func(ctx context.Context, ended func(error)) {
		ctx = aio.Limit(ctx, 1)
		hold, err := aio.Begin(ctx, 0, "")
		if err != nil {
			return
		}
		aio.Spawn(hold.Context(), "", func(context.Context) error { time.Sleep(time.Minute); hold.End(nil); return nil })
		f := aio.Go(ctx, "", func(context.Context) (int, error) { return 0, nil })
		go func() { <-f.Done(); _, err := f.Result(); ended(err) }()
	}
	for _, asked := range []bool{false, true} {
		for name, start := range map[string]func(ctx context.Context, ended func(error)){
			"daemon":                           daemon,
			"queued":                           queued,
			"daemon below a background one":    func(ctx context.Context, ended func(error)) { daemon(background(ctx), ended) },
			"queued below a background daemon": func(ctx context.Context, ended func(error)) { queued(background(ctx), ended) },
		} {
			t.Run(fmt.Sprintf("%s, Done asked: %v", name, asked), func(t *testing.T) {
				l := &aio.Loop{Logger: quiet, Grace: time.Hour}
				must(t, l, func(ctx context.Context) {
					begin := time.Now()
					aio.Spawn(ctx, "other", func(context.Context) error { time.Sleep(time.Minute); return nil })
					aio.Spawn(ctx, "work", func(ctx context.Context) error {
						if asked {
							ctx.Done()
						}
						start(ctx, func(err error) {
							wantErr(t, "ended with", err, aio.ErrExit)
							eq(t, "after", time.Since(begin), time.Second)
						})
						time.Sleep(time.Second)
						return nil
					})
					synctest.Wait()
					l.Exit(nil)
				})
			})
		}
	}
}

// What else is left when Grace has passed.
func TestOverdue(t *testing.T) {
	l := &aio.Loop{Logger: quiet, Grace: time.Second}
	must(t, l, func(ctx context.Context) {
		for range 12 {
			aio.Spawn(ctx, "forgotten", untilDead)
		}
		aio.Daemon(ctx, "daemon", untilDead)
		l.Exit(nil)
		time.Sleep(ms)
		eq(t, "before", len(l.Overdue()), 0)
	})
	ops := l.Overdue()
	eq(t, "described", len(ops), 10)
	eq(t, "name", ops[0].Name, "forgotten")

	done := make(chan struct{})
	l = &aio.Loop{Logger: quiet, Grace: time.Second, Abandon: time.Minute}
	_, err := bubble(t, l, func(ctx context.Context) error {
		done = make(chan struct{})
		l.Exit(nil)
		aio.Spawn(aio.OnEvent(ctx, func(aio.Event) { <-done }), "", failing)
		time.AfterFunc(2*time.Second, func() { close(done) })
		return nil
	})
	wantErr(t, "Run", err, nil)
	if ops := l.Overdue(); len(ops) != 1 || ops[0].Name != "OnEvent" {
		t.Errorf("a handler hangs: %v", ops)
	}

	for name, l := range map[string]*aio.Loop{"no grace": {Grace: -1}, "in time": {Grace: time.Hour}} {
		must(t, l, func(ctx context.Context) {
			aio.Spawn(ctx, "", func(ctx context.Context) error { return sleep(ctx, time.Second) })
			l.Exit(nil)
		})
		if ops := l.Overdue(); len(ops) != 0 {
			t.Errorf("%s: %v", name, ops)
		}
	}
}

// A deadline of Run's ctx drains the loop, and a hard one is an AfterFunc that
// cancels it: as doc.go says.
func TestDeadlines(t *testing.T) {
	for _, hard := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			begin := time.Now()
			l := &aio.Loop{Logger: quiet, Grace: 2 * time.Second}
			if hard {
				defer context.AfterFunc(ctx, func() { l.Cancel(context.Cause(ctx)) })()
			}
			err := l.Run(ctx, untilDead)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Run: %v", err)
			}
			want := 3 * time.Second
			if hard {
				want = time.Second
			}
			eq(t, "took", time.Since(begin), want)
		})
	}
}

// An AwaitError says what was waited for, and how long.
func TestAwaitErrorTells(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		f := aio.Go(ctx, "fetch", func(ctx context.Context) (int, error) { return 0, sleep(ctx, time.Minute) })
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		for name, err := range map[string]error{
			"Await":   result2(f.Await(short)),
			"Timeout": result2(aio.Timeout(ctx, f, time.Second).Await(ctx)),
		} {
			var e *aio.AwaitError
			if !errors.As(err, &e) || e.Op != "fetch" || e.Waited != time.Second {
				t.Errorf("%s: %+v", name, err)
			}
			if !strings.Contains(err.Error(), `gave up waiting for "fetch" after 1s: context deadline exceeded`) {
				t.Errorf("%s: %v", name, err)
			}
		}
		dead, stop := context.WithCancel(ctx)
		stop()
		var e *aio.AwaitError
		if err := aio.Wait(dead, f); !errors.As(err, &e) || e.Op != "" || e.Waited != 0 || e.Error() != "aio: gave up waiting: context canceled" {
			t.Errorf("Wait: %v", err)
		}
	})
}

// result2 returns the error of a result.
func result2(_ int, err error) error { return err }
