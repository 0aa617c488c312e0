package aio_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

func bounded(n int) *aio.Loop { return &aio.Loop{Logger: quiet, MaxInFlight: n} }

func TestMaxInFlight(t *testing.T) {
	var now, most atomic.Int64
	var mu sync.Mutex
	var order []int
	l := bounded(3)
	took := must(t, l, func(ctx context.Context) {
		for i := range 10 {
			aio.Go(ctx, "", func(ctx context.Context) (int, error) {
				most.Store(max(most.Load(), now.Add(1)))
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				defer now.Add(-1)
				return 0, sleep(ctx, time.Second+time.Duration(i)*ms)
			})
		}
		synctest.Wait()
		queued := 0
		for i := range l.Ops() {
			if i.Queued {
				queued++
			}
		}
		eq(t, "queued", queued, 7)
		eq(t, "in flight, with main", l.Stats().InFlight, 11)
		eq(t, "futures", l.Stats().Futures, 10)
	})
	eq(t, "at most", most.Load(), 3)
	if took < 4*time.Second {
		t.Errorf("took %v", took)
	}
	for i, n := range order[3:] { // the first three run at once
		if n != i+3 {
			t.Errorf("order: %v", order)
			break
		}
	}
}

// Awaiting one's own children cannot deadlock: they need no slot.
func TestMaxInFlightNested(t *testing.T) {
	must(t, bounded(1), func(ctx context.Context) {
		var nest func(ctx context.Context, depth int) (int, error)
		nest = func(ctx context.Context, depth int) (int, error) {
			if depth == 0 {
				return 1, nil
			}
			var fs []*aio.Future[int]
			for range 3 {
				fs = append(fs, aio.Go(ctx, "", func(ctx context.Context) (int, error) { return nest(ctx, depth-1) }))
			}
			sum := 0
			for _, f := range fs {
				v, err := f.Await(ctx)
				if err != nil {
					return 0, err
				}
				sum += v
			}
			return sum, aio.Scope(ctx, "", func(ctx context.Context) error {
				aio.Spawn(ctx, "", func(context.Context) error { return nil })
				return nil
			})
		}
		for range 3 {
			v, err := aio.Go(ctx, "", func(ctx context.Context) (int, error) { return nest(ctx, 5) }).Await(ctx)
			if v != 243 || err != nil {
				t.Error(v, err)
			}
		}
	})
}

// What ends a queued operation, and that its function then does not run.
func TestQueuedCancelled(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(l *aio.Loop, f *aio.Future[int], cancel context.CancelCauseFunc)
		want error
	}{
		{"Future.Cancel", func(_ *aio.Loop, f *aio.Future[int], _ context.CancelCauseFunc) { f.Cancel(errStop) }, errStop},
		{"its foreign ctx", func(_ *aio.Loop, _ *aio.Future[int], cancel context.CancelCauseFunc) { cancel(errStop) }, errStop},
		{"Loop.Cancel", func(l *aio.Loop, _ *aio.Future[int], _ context.CancelCauseFunc) { l.Cancel(errStop) }, errStop},
		{"Loop.Exit", func(l *aio.Loop, _ *aio.Future[int], _ context.CancelCauseFunc) { l.Exit(nil) }, aio.ErrExit},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := bounded(1)
			release := make(chan struct{})
			_, err := bubble(t, l, func(ctx context.Context) error {
				release = make(chan struct{})
				aio.Spawn(ctx, "holds the slot", func(ctx context.Context) error { <-release; return nil })
				sub, cancel := context.WithCancelCause(ctx)
				defer cancel(nil)
				f := aio.Go(sub, "queued", func(context.Context) (int, error) { t.Error("ran"); return 0, nil })
				synctest.Wait()
				c.do(l, f, cancel)
				synctest.Wait()
				_, err := f.Result()
				wantErr(t, "queued", err, c.want)
				if c.name == "Loop.Exit" { // the loop drains: work in progress may still start what it needs
					if err := result(aio.Go(ctx, "late", never)); err != aio.ErrExit {
						t.Errorf("late: %v", err)
					}
				}
				close(release)
				return nil
			})
			if c.name != "Loop.Cancel" {
				wantErr(t, "Run", err, nil)
			}
		})
	}
}

// While the loop drains, what work in progress has queued gets its turn.
func TestQueuedWhileDraining(t *testing.T) {
	must(t, bounded(1), func(ctx context.Context) {
		aio.Scope(ctx, "work", func(ctx context.Context) error {
			aio.Spawn(ctx, "holds the slot", func(ctx context.Context) error { return sleep(ctx, time.Second) })
			f := aio.Go(ctx, "queued", func(context.Context) (int, error) { return 1, nil })
			aio.LoopOf(ctx).Exit(nil)
			<-aio.Draining(ctx)
			g := aio.Go(ctx, "queued later", func(context.Context) (int, error) { return 2, nil })
			v, err := f.Await(ctx)
			w, err2 := g.Await(ctx)
			if v != 1 || w != 2 || err != nil || err2 != nil {
				t.Error(v, err, w, err2)
			}
			return nil
		})
	})
}

func TestMaxInFlightChurn(t *testing.T) {
	l := bounded(4)
	err := run(l, func(ctx context.Context) error {
		var now atomic.Int64
		for i := range 20_000 {
			f := aio.Go(ctx, "", func(context.Context) (int, error) {
				if n := now.Add(1); n > 4 {
					t.Errorf("%d at once", n)
				}
				runtime.Gosched()
				now.Add(-1)
				return 0, nil
			})
			if i%3 == 0 {
				go f.Cancel(nil)
			}
		}
		return nil
	})
	wantErr(t, "Run", err, nil)
	eq(t, "in flight", l.Stats().InFlight, 0)
}
