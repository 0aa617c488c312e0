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

func TestAtExit(t *testing.T) {
	var order []string
	l := &aio.Loop{Logger: quiet}
	note := func(s string) func() { return func() { order = append(order, s) } }
	l.AtExit(note("first"))
	must(t, l, func(ctx context.Context) {
		l.AtExit(note("second"))
		l.AtExit(func() {
			note("third")()
			l.AtExit(note("registered by third"))
			if _, err := aio.Go(ctx, "", never).Result(); err != aio.ErrLoopDone {
				t.Errorf("an operation in AtExit: %v", err)
			}
		})
		aio.Spawn(ctx, "", func(ctx context.Context) error { defer note("operation")(); return sleep(ctx, time.Second) })
	})
	l.AtExit(note("after Run"))
	eq(t, "order", order, []string{"operation", "third", "registered by third", "second", "first"})
}

// What an event handler registers at the loop's end still runs.
func TestAtExitFromHandler(t *testing.T) {
	ran := 0
	l := &aio.Loop{Logger: quiet}
	l.OnEvent = func(aio.Event) { l.AtExit(func() { ran++ }) }
	must(t, l, func(ctx context.Context) { aio.Go(ctx, "lost", fails) })
	eq(t, "ran", ran, 1)
}

// What hangs at the loop's end is named, with its stack, and the end is bounded
// all the same.
func TestHangingAtTheEnd(t *testing.T) {
	for _, c := range []struct {
		name  string
		grace bool // operations use up Grace and Abandon first
		hang  func(l *aio.Loop, hang func())
		main  error
	}{
		{"AtExit", false, func(l *aio.Loop, hang func()) { l.AtExit(hang) }, nil},
		{"AtExit", true, func(l *aio.Loop, hang func()) { l.AtExit(hang) }, errTest},
		{"OnFatal", false, func(l *aio.Loop, hang func()) { l.OnFatal = func(error) { hang() } }, errTest},
		{"OnFatal", true, func(l *aio.Loop, hang func()) { l.OnFatal = func(error) { hang() } }, errTest},
		{"OnEvent", true, func(l *aio.Loop, hang func()) { l.OnEvent = func(aio.Event) { hang() } }, nil},
	} {
		t.Run(fmt.Sprintf("%s/%v", c.name, c.grace), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				defer close(release)
				l := &aio.Loop{Logger: quiet, Grace: 2 * time.Second, Abandon: time.Second}
				c.hang(l, func() { <-release })
				start := time.Now()
				err := l.Run(context.Background(), func(ctx context.Context) error {
					if c.grace {
						aio.Spawn(ctx, "stuck", func(context.Context) error { <-release; return nil })
					}
					aio.Go(ctx, "lost", fails)
					l.Exit(nil)
					return c.main
				})
				limit := time.Second
				want := 1
				if c.grace {
					limit, want = 3*time.Second+100*ms, 2
				}
				if took := time.Since(start); took > limit {
					t.Errorf("took %v", took)
				}
				var s *aio.StuckError
				if !errors.As(err, &s) || len(s.Ops) != want {
					t.Fatalf("Run: %v", err)
				}
				if i := s.Ops[want-1]; i.Name != c.name || !strings.Contains(i.Stack, "loop_test.go") || i.Parents == nil || i.Started.IsZero() {
					t.Errorf("%+v", i)
				}
				if c.main != nil && !errors.Is(err, c.main) {
					t.Errorf("the fatal error is missing: %v", err)
				}
			})
		})
	}
}

// OnFatal is told of what Run returns, be it that operations are stuck.
func TestOnFatalStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		var fatal error
		l := &aio.Loop{Logger: quiet, OnFatal: func(err error) { fatal = err }}
		err := l.Run(context.Background(), func(ctx context.Context) error {
			aio.Spawn(ctx, "stuck", func(context.Context) error { <-release; return nil })
			l.Cancel(nil)
			return nil
		})
		var s *aio.StuckError
		if !errors.As(err, &s) || fatal != err {
			t.Errorf("Run: %v, OnFatal: %v", err, fatal)
		}
	})
}

func TestDrainingChannel(t *testing.T) {
	l := &aio.Loop{Logger: quiet}
	before := l.Draining()
	must(t, nil, func(ctx context.Context) {
		d := aio.Draining(ctx)
		select {
		case <-d:
			t.Error("draining at once")
		case <-before:
		default:
		}
		aio.LoopOf(ctx).Exit(nil)
		<-d
		if ctx.Err() != nil {
			t.Error("draining has ended main's ctx")
		}
	})
}

func TestLoopLogger(t *testing.T) {
	var b bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&b, nil)))
	defer slog.SetDefault(old)
	synctest.Test(t, func(t *testing.T) {
		err := (&aio.Loop{Name: "named"}).Run(context.Background(), func(ctx context.Context) error {
			aio.Spawn(ctx, "", failing)
			return nil
		})
		wantErr(t, "Run", err, errTest)
	})
	for _, s := range []string{"loop=named", "test error", "op=aio_test.failing"} {
		if !strings.Contains(b.String(), s) {
			t.Errorf("%q is not in the default log: %s", s, b.String())
		}
	}
}
