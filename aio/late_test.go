package aio_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

// An operation that cannot start because its loop is done is in no figure.
func TestLateStartCountsNowhere(t *testing.T) {
	l := &aio.Loop{Logger: quiet}
	var late context.Context
	wantErr(t, "Run", l.Run(context.Background(), func(ctx context.Context) error { late = ctx; return nil }), nil)
	before := l.Stats()
	_, err := aio.Begin(late, 0, "late")
	wantErr(t, "Begin after Run", err, aio.ErrLoopDone)
	_, err = aio.Go(late, "late", func(context.Context) (int, error) { return 1, nil }).Result()
	wantErr(t, "Go after Run", err, aio.ErrLoopDone)
	_, err = aio.NewPromise[int](late, 0, "late").Future().Result()
	wantErr(t, "NewPromise after Run", err, aio.ErrLoopDone)
	eq(t, "Stats after three operations that could not start", l.Stats().String(), before.String())
}

// However many AtExit functions hang, Run returns when Abandon has passed, and
// at most 100 ms later.
func TestManyAtExitsHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &aio.Loop{Logger: quiet, Abandon: time.Second}
		release := make(chan struct{})
		for range 20 {
			l.AtExit(func() { <-release })
		}
		start := time.Now()
		err := l.Run(context.Background(), func(context.Context) error { return nil })
		took := time.Since(start)
		close(release)
		var stuck *aio.StuckError
		if !errors.As(err, &stuck) || took > time.Second+100*ms {
			t.Errorf("20 AtExit functions hang, with an Abandon of 1s: Run returned %v after %v, want a StuckError after at most 1.1s", err, took)
		}
	})
}

// An operation that is cancelled while it is queued is not queued when it ends.
func TestQueuedNoMoreWhenEnded(t *testing.T) {
	for name, bound := range map[string]func(ctx context.Context) context.Context{
		"MaxInFlight": func(ctx context.Context) context.Context { return ctx },
		"Limit":       func(ctx context.Context) context.Context { return aio.Limit(ctx, 1) },
	} {
		l := &aio.Loop{Logger: quiet}
		if name == "MaxInFlight" {
			l.MaxInFlight = 1
		}
		var ended []aio.OpInfo
		l.Observe.Ended = func(op aio.OpInfo, _ error, _ time.Duration) {
			if op.Name == "queued" {
				ended = append(ended, op)
			}
		}
		must(t, l, func(ctx context.Context) {
			ctx = bound(ctx)
			first := aio.Go(ctx, "runs", never)
			f := aio.Go(ctx, "queued", never)
			synctest.Wait()
			f.Cancel(nil)
			<-f.Done()
			first.Cancel(nil)
		})
		if len(ended) != 1 || ended[0].Queued || !ended[0].Cancelled {
			t.Errorf("%s: cancelled an operation that was queued, and Observer.Ended got %+v, want it once, cancelled and not queued", name, ended)
		}
	}
}

// background is the driver of an operation in the background.
type background struct {
	op      aio.Op
	drained int
}

func (b *background) OpDrain()           { b.drained++ }
func (b *background) OpCancel(err error) { b.op.End(err) }

// A loop that is asked to exit, and is empty at the same moment, drains.
func TestExitOfEmptyDrains(t *testing.T) {
	for range 200 { // a select between the two would choose at random
		b := new(background)
		must(t, nil, func(ctx context.Context) {
			b.op.AsBackground()
			if err := b.op.Start(ctx, 0, "background", b); err != nil {
				t.Fatal("Start in a running loop:", err)
			}
			aio.LoopOf(ctx).Exit(nil)
		})
		if b.drained != 1 {
			t.Fatalf("main called Exit and returned: OpDrain of an operation in the background was called %d times, want 1", b.drained)
		}
	}
}

// watcher is the driver of an operation that watches only if it must.
type watcher struct {
	op      aio.Op
	watched int
}

func (w *watcher) OpWatched()         { w.watched++ }
func (w *watcher) OpCancel(err error) { w.op.End(err) }

// A Watcher is called once, by whatever depends on the end of its operation.
func TestWatcher(t *testing.T) {
	for name, use := range map[string]func(ctx context.Context){
		"Done":          func(ctx context.Context) { ctx.Done() },
		"Err":           func(ctx context.Context) { _ = ctx.Err() },
		"a child":       func(ctx context.Context) { aio.NewPromise[int](ctx, 0, "child").Resolve(1) },
		"a derived ctx": func(ctx context.Context) { _, cancel := context.WithCancel(ctx); cancel() },
		"Await": func(ctx context.Context) {
			f := aio.Go(aio.Detach(ctx), "", func(context.Context) (int, error) { time.Sleep(ms); return 1, nil })
			f.Await(ctx)
		},
	} {
		must(t, nil, func(ctx context.Context) {
			w := new(watcher)
			w.op.AsWatched()
			if err := w.op.Start(ctx, 0, "watched", w); err != nil {
				t.Fatal("Start in a running loop:", err)
			}
			_ = w.op.Context().Value(t)
			if w.watched != 0 {
				t.Errorf("%s: OpWatched was called %d times before, want 0", name, w.watched)
			}
			use(w.op.Context())
			use(w.op.Context())
			if w.watched != 1 {
				t.Errorf("%s, twice: OpWatched was called %d times, want 1", name, w.watched)
			}
			w.op.End(nil)
		})
	}
}
