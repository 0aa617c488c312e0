package aio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

// Whatever is stuck is named, with age, parents and stack, within Grace +
// Abandon + 100 ms.
func TestStuck(t *testing.T) {
	hang := func(release chan struct{}) func(context.Context) error {
		return func(context.Context) error { <-release; return nil }
	}
	for _, c := range []struct {
		name  string
		start func(ctx context.Context, hang func(context.Context) error)
		ops   []string
		stack bool
	}{
		{"Spawn", func(ctx context.Context, hang func(context.Context) error) { aio.Spawn(ctx, "op", hang) }, []string{"op"}, true},
		{"Daemon", func(ctx context.Context, hang func(context.Context) error) { aio.Daemon(ctx, "op", hang) }, []string{"op"}, true},
		{"Go", func(ctx context.Context, hang func(context.Context) error) {
			aio.Go(ctx, "op", func(ctx context.Context) (string, error) { return "", hang(ctx) })
		}, []string{"op"}, true},
		{"Then", func(ctx context.Context, hang func(context.Context) error) {
			aio.Then(ctx, aio.Resolved(1), func(ctx context.Context, _ int) (string, error) { return "", hang(ctx) })
		}, []string{"Then"}, true},
		{"Scope", func(ctx context.Context, hang func(context.Context) error) {
			aio.Spawn(ctx, "around", func(ctx context.Context) error {
				aio.Scope(ctx, "op", hang)
				return nil
			})
		}, []string{"around", "op"}, true},
		{"child", func(ctx context.Context, hang func(context.Context) error) {
			aio.Spawn(ctx, "parent", func(ctx context.Context) error {
				aio.Spawn(ctx, "op", hang)
				return hang(ctx)
			})
		}, []string{"parent", "op"}, true},
		{"Op", func(ctx context.Context, _ func(context.Context) error) { aio.Begin(ctx, 0, "op") }, []string{"op"}, false},
		{"Op.Go", func(ctx context.Context, hang func(context.Context) error) {
			op, _ := aio.Begin(ctx, 0, "op")
			op.Go(func() { hang(nil) }, func(error) {})
		}, []string{"op"}, true},
		{"nested loop", func(ctx context.Context, hang func(context.Context) error) {
			aio.Spawn(ctx, "around", func(ctx context.Context) error {
				(&aio.Loop{Name: "inner", Abandon: time.Hour}).Run(ctx, hang)
				return nil
			})
		}, []string{"around", "inner"}, false},
		{"main", nil, []string{"main"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				start := time.Now()
				l := &aio.Loop{Logger: quiet, Grace: 2 * time.Second, Abandon: time.Second}
				err := l.Run(context.Background(), func(ctx context.Context) error {
					if c.start == nil {
						l.Exit(nil)
						return hang(release)(ctx)
					}
					c.start(ctx, hang(release))
					synctest.Wait()
					l.Exit(nil)
					return nil
				})
				if took := time.Since(start); took < 3*time.Second && c.name != "Daemon" || took > 3100*ms {
					t.Errorf("took %v", took)
				}
				var s *aio.StuckError
				if !errors.As(err, &s) {
					t.Fatalf("Run: %v", err)
				}
				var names []string
				for _, i := range s.Ops {
					names = append(names, i.Name)
					if i.Age != time.Since(start) || !i.Cancelled || i.Name != "main" && (len(i.Parents) == 0 || !slices.Contains(i.Parents, "main")) {
						t.Errorf("%+v", i)
					}
					if c.stack && i.Name == "op" && !strings.Contains(i.Stack, "TestStuck") {
						t.Errorf("stack: %q", i.Stack)
					}
				}
				slices.Sort(names)
				want := slices.Sorted(slices.Values(c.ops))
				eq(t, "names", names, want)
				if !strings.Contains(err.Error(), c.ops[0]) {
					t.Errorf("%v", err)
				}
				close(release)
				// those left end by themselves, where they can
				for range l.Ops() {
					time.Sleep(time.Hour)
				}
			})
		})
	}
}

// A crash that leaves something stuck panics all the same, within its bounds.
func TestStuckCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		start := time.Now()
		v := protect(func() {
			run(&aio.Loop{Abandon: time.Second}, func(ctx context.Context) error {
				aio.Spawn(ctx, "", func(context.Context) error { panic("oh") })
				<-release
				return nil
			})
		})
		if p, _ := v.(*aio.PanicError); p == nil || p.Value != "oh" {
			t.Errorf("Run panicked with %v", v)
		}
		eq(t, "took", time.Since(start), time.Second)
	})
}

func TestStuckErrorText(t *testing.T) {
	s := &aio.StuckError{Loop: "l"}
	for i := range 12 {
		s.Ops = append(s.Ops, aio.OpInfo{Name: fmt.Sprint(i), Age: time.Second, Parents: []string{"p", "main"}, By: "b"})
	}
	text := s.Error()
	for _, part := range []string{"12 operations", `op "0" for 1s, in p < main, started by "b"`, "; and 2 more"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %q", part, text)
		}
	}
}
