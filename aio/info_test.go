package aio_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

func TestOps(t *testing.T) {
	l := &aio.Loop{Logger: quiet}
	none := func() {
		t.Helper()
		for i := range l.Ops() {
			t.Errorf("%v", i)
		}
	}
	none()
	must(t, l, func(ctx context.Context) {
		start := time.Now()
		time.Sleep(time.Second)
		f := aio.Go(ctx, "parent", func(ctx context.Context) (int, error) {
			aio.Daemon(ctx, "", untilDead)
			return never(ctx)
		})
		synctest.Wait()
		f.Cancel(errStop)
		g := aio.Go(ctx, "other", never)
		time.Sleep(time.Minute)
		g.Cancel(nil)
		p := aio.NewPromise[int](ctx, aio.NewKind("info.test"), "")
		time.Sleep(time.Minute)
		for i := range l.Ops() {
			if i.Name != "info.test" || i.Kind.String() != "info.test" || i.Age != time.Minute || i.By != "main" ||
				!i.Started.Equal(start.Add(time.Second+time.Minute)) || i.Cancelled || i.Queued || i.Daemon || i.Stack != "" {
				t.Errorf("%+v", i)
			}
		}
		p.Resolve(1)
		ops := 0
		aio.Go(ctx, "", never)
		aio.Go(ctx, "", never)
		for range l.Ops() {
			ops++
			break
		}
		eq(t, "ops seen", ops, 1)
		l.Cancel(nil)
	})
	none()
}

// Parents come before their children.
func TestOpsOrder(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		top := aio.NewPromise[int](ctx, 0, "top")
		mid := aio.NewPromise[int](top.Context(), 0, "mid")
		aio.NewPromise[int](mid.Context(), 0, "low")
		var names []string
		for i := range aio.LoopOf(ctx).Ops() {
			names = append(names, i.Name)
		}
		eq(t, "names", names, []string{"top", "mid", "low"})
		top.Future().Cancel(nil)
	})
}

func TestDump(t *testing.T) {
	l := &aio.Loop{Name: "dumped", Logger: quiet}
	var b bytes.Buffer
	l.Dump(&b)
	eq(t, "before Run", b.String(), "loop not running\n")
	must(t, l, func(ctx context.Context) {
		aio.Go(ctx, "first", func(ctx context.Context) (string, error) { return "", untilDead(ctx) })
		aio.Spawn(ctx, "second", untilDead)
		aio.NewPromise[int](ctx, 0, "third")
		time.Sleep(time.Second)
		b.Reset()
		if err := l.Dump(&b); err != nil {
			t.Errorf("l.Dump: %v", err)
		}
		for _, s := range []string{
			`loop "dumped": running, 4 in flight, 4 started, 0 failed`,
			`aio.main "main" #1 for 1s`, `aio.go "first" #`, ` for 1s, in main`, `aio.spawn "second" #`, `aio.promise "third" #`,
			"TestDump.func1(", // main's stack
			"aio_test.untilDead(",
		} {
			if !strings.Contains(b.String(), s) {
				t.Errorf("%q is not in the dump:\n%s", s, b.String())
			}
		}
		eq(t, "stacks", strings.Count(b.String(), "\tgoroutine "), 3)
		for n := range 5 {
			if err := l.Dump(&failingWriter{n}); !errors.Is(err, errTest) {
				t.Errorf("a write error after %d writes: %v", n, err)
			}
		}
		l.Cancel(nil)
	})
}

type failingWriter struct{ left int }

func (w *failingWriter) Write(b []byte) (int, error) {
	if w.left--; w.left < 0 {
		return 0, errTest
	}
	return len(b), nil
}

func TestOpInfoString(t *testing.T) {
	i := aio.OpInfo{Name: "n", Age: 1500 * time.Microsecond, Queued: true, Cancelled: true, Daemon: true, By: "p", Parents: []string{"p", "main"}}
	eq(t, "String", i.String(), `op "n" for 2ms, queued, cancelled, daemon, in p < main`)
	i = aio.OpInfo{ID: 7, Name: "n", Site: "x.go:3", Awaits: aio.Awaited{ID: 9, Name: "m", More: 2, For: time.Second}}
	eq(t, "String", i.String(), `op "n" #7, at x.go:3, awaits m #9 and 2 more for 1s`)
}
