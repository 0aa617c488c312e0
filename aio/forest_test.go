package aio_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

// forest grows random trees of operations below limits. What it grows ends by
// itself.
type forest struct{ limits []*bound }

// bound is a Limit that counts the functions at work below it.
type bound struct {
	n       int
	outer   *bound
	now     atomic.Int64
	exceeds atomic.Int64 // how many there were, if they were more than n
}

func (b *bound) add(d int64) {
	for ; b != nil; b = b.outer {
		if now := b.now.Add(d); d > 0 && now > int64(b.n) {
			b.exceeds.Store(now)
		}
	}
}

var boundKey = new(byte)

func boundOf(ctx context.Context) *bound {
	b, _ := ctx.Value(boundKey).(*bound)
	return b
}

// limit makes a Limit below ctx.
func (f *forest) limit(ctx context.Context, n int) context.Context {
	b := &bound{n: n, outer: boundOf(ctx)}
	f.limits = append(f.limits, b)
	return context.WithValue(aio.Limit(ctx, n), boundKey, b)
}

// work counts a function that has just begun, and has its slots, for some time.
func (f *forest) work(ctx context.Context, rnd *rand.Rand) {
	b := boundOf(ctx)
	b.add(1)
	time.Sleep(time.Duration(rnd.IntN(5)) * ms)
	b.add(-1)
}

// function returns the function of an operation at a depth.
func (f *forest) function(seed uint64, depth int) func(ctx context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		rnd := rand.New(rand.NewPCG(seed, uint64(depth)))
		if ctx.Err() == nil { // else it may go on without slots
			f.work(ctx, rnd)
		}
		var fs []*aio.Future[int]
		for range rnd.IntN(4) {
			if depth > 0 {
				fs = f.start(ctx, rnd, depth-1, fs)
			}
		}
		f.wait(ctx, rnd, fs)
		switch rnd.IntN(20) {
		case 0:
			panic("oops")
		case 1:
			runtime.Goexit()
		case 2, 3:
			return 0, errTest
		}
		return 1, nil
	}
}

// start starts something, and appends its future if it has one.
func (f *forest) start(ctx context.Context, rnd *rand.Rand, depth int, fs []*aio.Future[int]) []*aio.Future[int] {
	seed := rnd.Uint64()
	fn := f.function(seed, depth)
	task := func(ctx context.Context) error { _, err := fn(ctx); return err }
	if rnd.IntN(4) == 0 {
		sub, cancel := context.WithTimeoutCause(ctx, time.Duration(rnd.IntN(30))*ms, errStop)
		time.AfterFunc(time.Second, cancel)
		ctx = sub
	}
	switch rnd.IntN(6) {
	case 0:
		ctx = context.WithValue(ctx, key("k"), 1)
	case 1:
		ctx = aio.OnEvent(ctx, func(aio.Event) {})
	}
	switch rnd.IntN(9) {
	case 0:
		aio.Spawn(ctx, "spawn", task)
	case 1:
		aio.Daemon(ctx, "daemon", func(ctx context.Context) error { return sleep(ctx, 20*ms) })
	case 2:
		aio.Scope(ctx, "scope", func(ctx context.Context) error {
			fs := f.start(ctx, rnd, depth, nil)
			f.wait(ctx, rnd, fs)
			return nil
		})
	case 3:
		fs = append(fs, aio.Then(ctx, soonIn(ctx, time.Duration(rnd.IntN(10))*ms), func(ctx context.Context, _ int) (int, error) {
			return aio.Go(ctx, "late", fn).Await(ctx)
		}))
	case 4:
		fs = append(fs, aio.Map(ctx, aio.All(ctx, aio.Go(ctx, "a", fn), aio.Go(ctx, "b", fn)), func([]int) (int, error) { return 1, nil }))
	case 5:
		g := aio.Go(ctx, "cancelled", fn)
		time.AfterFunc(time.Duration(rnd.IntN(10))*ms, func() { g.Cancel(errStop) })
		fs = append(fs, g)
	case 6:
		fs = append(fs, aio.Race(ctx, aio.Go(ctx, "a", fn), aio.Go(ctx, "b", fn)))
	default:
		fs = append(fs, aio.Go(ctx, "go", fn))
	}
	return fs
}

// wait waits for futures, or leaves them.
func (f *forest) wait(ctx context.Context, rnd *rand.Rand, fs []*aio.Future[int]) {
	switch rnd.IntN(6) {
	case 0:
	case 1:
		aio.All(ctx, fs...).Await(ctx)
	case 2:
		for range aio.AsCompleted(ctx, fs...) {
		}
	case 3:
		short, cancel := context.WithTimeout(ctx, 5*ms)
		defer cancel()
		for _, g := range fs {
			g.Await(short)
		}
	case 4:
		for _, g := range fs {
			select {
			case <-g.C():
			case <-ctx.Done():
			}
		}
	case 5:
		var waits sync.WaitGroup
		for _, g := range fs {
			waits.Go(func() { g.Await(ctx) })
		}
		waits.Wait()
	}
}

func soonIn(ctx context.Context, d time.Duration) *aio.Future[int] {
	p := aio.NewPromise[int](ctx, 0, "soon")
	time.AfterFunc(d, func() { p.Resolve(1) })
	return p.Future()
}

// Random trees under limits and MaxInFlight, cancelled, failing and panicking
// everywhere: all of it ends, and all slots are free then.
func TestForest(t *testing.T) {
	for seed := range uint64(deep(1000)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rnd := rand.New(rand.NewPCG(seed, 1))
				l := &aio.Loop{
					Logger: quiet, CatchPanics: true, OnEvent: func(aio.Event) {},
					MaxInFlight: rnd.IntN(4), Grace: time.Duration(rnd.IntN(40)) * ms, Abandon: time.Hour,
				}
				var f forest
				var ctxs []context.Context
				err := l.Run(context.Background(), func(ctx context.Context) error {
					outer := f.limit(ctx, 1+rnd.IntN(3))
					ctxs = []context.Context{ctx, outer, f.limit(outer, 1+rnd.IntN(3)), f.limit(ctx, 1)}
					for range 6 {
						g := aio.Go(ctxs[rnd.IntN(len(ctxs))], "root", f.function(rnd.Uint64(), 3))
						if rnd.IntN(4) == 0 {
							time.AfterFunc(time.Duration(rnd.IntN(10))*ms, func() { g.Cancel(errStop) })
						}
					}
					end := time.Duration(rnd.IntN(100)) * ms
					switch rnd.IntN(3) {
					case 0:
						time.AfterFunc(end, func() { l.Exit(nil) })
					case 1:
						time.AfterFunc(end, func() { l.Cancel(errStop) })
					}
					return nil
				})
				var stuck *aio.StuckError
				if errors.As(err, &stuck) {
					t.Fatalf("Run: %v", err)
				}
				for _, b := range f.limits {
					if n := b.now.Load(); n != 0 {
						t.Errorf("%d still work", n)
					}
					if n := b.exceeds.Load(); n != 0 {
						t.Errorf("%d at once with %d slots", n, b.n)
					}
				}
				allFree(t, ctxs[1:], f.limits)
			})
		})
	}
}

// allFree checks that all slots of the limits are free, and no more.
func allFree(t *testing.T, ctxs []context.Context, limits []*bound) {
	l := &aio.Loop{Logger: quiet}
	err := l.Run(context.Background(), func(ctx context.Context) error {
		for i, sub := range ctxs {
			want := int64(limits[i].n)
			if o := limits[i].outer; o != nil {
				want = min(want, int64(o.n))
			}
			var g gauge
			sub = aio.WithLoop(context.WithoutCancel(sub), l)
			for range want + 3 {
				aio.Spawn(sub, "", func(ctx context.Context) error { return g.work(ctx, time.Second) })
			}
			time.Sleep(time.Minute)
			eq(t, "at once", g.most.Load(), want)
		}
		return nil
	})
	wantErr(t, "Run", err, nil)
}
