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
