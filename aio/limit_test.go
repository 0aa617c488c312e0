package aio_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

// gauge counts how many run at once.
type gauge struct{ now, most atomic.Int64 }

// work runs for d.
func (g *gauge) work(ctx context.Context, d time.Duration) error {
	g.enter()
	defer g.now.Add(-1)
	return sleep(ctx, d)
}

func (g *gauge) enter() {
	n := g.now.Add(1)
	for {
		old := g.most.Load()
		if old >= n || g.most.CompareAndSwap(old, n) {
			return
		}
	}
}

// Functions below a Limit queue, in order, and take no more time than the slots
// make necessary.
func TestLimit(t *testing.T) {
	var g gauge
	var mu sync.Mutex
	var order []int
	l := new(aio.Loop)
	took := must(t, l, func(ctx context.Context) {
		ctx = aio.Limit(ctx, 3)
		for i := range 12 {
			fn := func(ctx context.Context) error {
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				return g.work(ctx, time.Second+time.Duration(i)*ms)
			}
			if i%2 == 0 {
				aio.Spawn(ctx, "", fn)
				continue
			}
			aio.Go(ctx, "", func(ctx context.Context) (int, error) { return 0, fn(ctx) })
		}
		synctest.Wait()
		queued := 0
		for i := range l.Ops() {
			if i.Queued {
				queued++
			}
		}
		eq(t, "queued", queued, 9)
	})
	eq(t, "at most", g.most.Load(), 3)
	eq(t, "seconds", took.Truncate(time.Second), 4*time.Second)
	for i, n := range order[3:] {
		if n != i+3 {
			t.Fatalf("order: %v", order)
		}
	}
}

// waysToWait are ways to wait for functions that one has started.
var waysToWait = map[string]func(ctx context.Context, start func(ctx context.Context) []*aio.Future[int]) (sum int, err error){
	"Await": func(ctx context.Context, start func(ctx context.Context) []*aio.Future[int]) (sum int, err error) {
		for _, f := range start(ctx) {
			v, err := f.Await(ctx)
			if err != nil {
				return 0, err
			}
			sum += v
		}
		return sum, nil
	},
	"All": func(ctx context.Context, start func(ctx context.Context) []*aio.Future[int]) (sum int, err error) {
		vs, err := aio.All(ctx, start(ctx)...).Await(ctx)
		for _, v := range vs {
			sum += v
		}
		return sum, err
	},
	"Then": func(ctx context.Context, start func(ctx context.Context) []*aio.Future[int]) (sum int, err error) {
		for _, f := range start(ctx) {
			v, err := aio.Timeout(ctx, aio.Map(ctx, f, func(v int) (int, error) { return v, nil }), time.Hour).Await(ctx)
			if err != nil {
				return 0, err
			}
			sum += v
		}
		return sum, nil
	},
	"Wait": func(ctx context.Context, start func(ctx context.Context) []*aio.Future[int]) (sum int, err error) {
		fs := start(ctx)
		var some []aio.Awaitable
		for _, f := range fs {
			some = append(some, f)
		}
		if err := aio.Wait(ctx, some...); err != nil {
			return 0, err
		}
		for _, f := range fs {
			v, _ := f.Result()
			sum += v
		}
		return sum, nil
	},
	"AsCompleted": func(ctx context.Context, start func(ctx context.Context) []*aio.Future[int]) (sum int, err error) {
		for _, r := range aio.AsCompleted(ctx, start(ctx)...) {
			if r.Err != nil {
				return 0, r.Err
			}
			sum += r.Value
		}
		return sum, nil
	},
	"Scope": func(ctx context.Context, start func(ctx context.Context) []*aio.Future[int]) (sum int, err error) {
		var fs []*aio.Future[int]
		err = aio.Scope(ctx, "", func(ctx context.Context) error {
			fs = start(ctx)
			return nil
		})
		for _, f := range fs {
			v, _ := f.Result()
			sum += v
		}
		return sum, err
	},
	"Await in a Scope": func(ctx context.Context, start func(ctx context.Context) []*aio.Future[int]) (sum int, err error) {
		err = aio.Scope(ctx, "", func(ctx context.Context) error {
			for _, f := range start(ctx) {
				v, err := f.Await(ctx)
				if err != nil {
					return err
				}
				sum += v
			}
			return nil
		})
		return sum, err
	},
	"C": func(ctx context.Context, start func(ctx context.Context) []*aio.Future[int]) (sum int, err error) {
		for _, f := range start(ctx) {
			select {
			case r := <-f.C():
				sum += r.Value
			case <-ctx.Done():
				return 0, context.Cause(ctx)
			}
		}
		return sum, nil
	},
	"C of All": func(ctx context.Context, start func(ctx context.Context) []*aio.Future[int]) (sum int, err error) {
		r := <-aio.All(ctx, start(ctx)...).C()
		for _, v := range r.Value {
			sum += v
		}
		return sum, r.Err
	},
	"Done": func(ctx context.Context, start func(ctx context.Context) []*aio.Future[int]) (sum int, err error) {
		for _, f := range start(ctx) {
			<-f.Done()
			v, _ := f.Result()
			sum += v
		}
		return sum, nil
	},
	"a nested loop": func(ctx context.Context, start func(ctx context.Context) []*aio.Future[int]) (sum int, err error) {
		err = new(aio.Loop).Run(ctx, func(ctx context.Context) error {
			for _, f := range start(ctx) {
				v, err := f.Await(ctx)
				if err != nil {
					return err
				}
				sum += v
			}
			return nil
		})
		return sum, err
	},
}

// Waiting for one's own children, nested ones, cannot deadlock, and no more
// work at once than there are slots.
func TestLimitNested(t *testing.T) {
	for how, wait := range waysToWait {
		for _, n := range []int{1, 2, 5} {
			t.Run(fmt.Sprintf("%s, %d slots", how, n), func(t *testing.T) {
				var g gauge
				var nest func(ctx context.Context, depth int) (int, error)
				nest = func(ctx context.Context, depth int) (int, error) {
					if err := g.work(ctx, time.Second); err != nil || depth == 0 {
						return 1, err
					}
					return wait(ctx, func(ctx context.Context) (fs []*aio.Future[int]) {
						for range 3 {
							fs = append(fs, aio.Go(ctx, "", func(ctx context.Context) (int, error) { return nest(ctx, depth-1) }))
						}
						return fs
					})
				}
				const functions = 1 + 3 + 9 + 27
				took := must(t, new(aio.Loop), func(ctx context.Context) {
					ctx = aio.Limit(ctx, n)
					v, err := aio.Go(ctx, "", func(ctx context.Context) (int, error) { return nest(ctx, 3) }).Await(ctx)
					if v != 27 || err != nil {
						t.Error(v, err)
					}
				})
				// it keeps the slot while what it waits for has begun
				selects := how == "C" || how == "Done"
				if most := g.most.Load(); most > int64(n) || !selects && most < int64(n) {
					t.Errorf("%d at once", most)
				}
				if n == 1 {
					eq(t, "took", took, functions*time.Second)
				}
				if n == 5 && took > 15*time.Second { // 9 would be the best
					t.Errorf("took %v", took)
				}
			})
		}
	}
}

// A function that starts others and returns does not go beyond the bound.
func TestLimitUnawaited(t *testing.T) {
	var g gauge
	var crawl func(ctx context.Context, depth int) error
	crawl = func(ctx context.Context, depth int) error {
		g.enter()
		defer g.now.Add(-1)
		if depth > 0 {
			for range 3 {
				aio.Spawn(ctx, "", func(ctx context.Context) error { return crawl(ctx, depth-1) })
			}
		}
		return sleep(ctx, time.Second)
	}
	took := must(t, new(aio.Loop), func(ctx context.Context) {
		aio.Spawn(aio.Limit(ctx, 4), "", func(ctx context.Context) error { return crawl(ctx, 3) })
	})
	eq(t, "at most", g.most.Load(), 4)
	eq(t, "took", took, 10*time.Second) // 40 functions by fours
}

// Below two limits a function needs a slot of each, whichever is the smaller.
func TestLimitWithin(t *testing.T) {
	for _, n := range [][2]int{{2, 5}, {5, 2}, {3, 3}} {
		var all, some gauge
		took := must(t, new(aio.Loop), func(ctx context.Context) {
			outer := aio.Limit(ctx, n[0])
			inner := aio.Limit(outer, n[1])
			for i := range 12 {
				aio.Spawn(inner, "", func(ctx context.Context) error {
					some.enter()
					defer some.now.Add(-1)
					return all.work(ctx, time.Second)
				})
				if i%2 == 0 {
					aio.Spawn(outer, "", func(ctx context.Context) error { return all.work(ctx, time.Second) })
				}
			}
		})
		eq(t, "at most in all", all.most.Load(), int64(n[0]))
		if most := some.most.Load(); most > int64(min(n[0], n[1])) {
			t.Errorf("%v: %d of the inner at once", n, most)
		}
		want := time.Duration(18/n[0]) * time.Second
		if n[0] > n[1] {
			want = 6 * time.Second
		}
		if took < want || took > want+time.Second {
			t.Errorf("%v: took %v, want %v", n, took, want)
		}
	}
}

// Who waits and whose ctx ends meanwhile goes on, and slots are neither lost
// nor made by that.
func TestLimitAwaitCancelled(t *testing.T) {
	var g gauge
	must(t, new(aio.Loop), func(ctx context.Context) {
		ctx = aio.Limit(ctx, 1)
		_, err := aio.Go(ctx, "", func(ctx context.Context) (int, error) {
			long := aio.Go(ctx, "long", func(ctx context.Context) (int, error) { return 1, g.work(ctx, time.Minute) })
			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			begin := time.Now()
			if _, err := long.Await(short); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
				t.Errorf("%v after %v", err, time.Since(begin))
			}
			return long.Await(ctx)
		}).Await(ctx)
		wantErr(t, "await", err, nil)
		for range 4 {
			aio.Spawn(ctx, "", func(ctx context.Context) error { return g.work(ctx, time.Second) })
		}
	})
	eq(t, "at most", g.most.Load(), 1)
}

// What ends a function that queues, or that queues to go on.
func TestLimitQueuedCancelled(t *testing.T) {
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
			l := &aio.Loop{Logger: quiet}
			_, err := bubble(t, l, func(ctx context.Context) error {
				ctx = aio.Limit(ctx, 1)
				release := make(chan struct{})
				aio.Spawn(ctx, "holds the slot", func(context.Context) error { <-release; return nil })
				sub, cancel := context.WithCancelCause(ctx)
				defer cancel(nil)
				f := aio.Go(sub, "queued", func(context.Context) (int, error) { t.Error("ran"); return 0, nil })
				synctest.Wait()
				c.do(l, f, cancel)
				synctest.Wait()
				_, err := f.Result()
				wantErr(t, "queued", err, c.want)
				close(release)
				return nil
			})
			if c.name != "Loop.Cancel" {
				wantErr(t, "Run", err, nil)
			}
		})
	}
}

// A function that is to go on does so before those that have not begun.
func TestLimitGoesOn(t *testing.T) {
	must(t, new(aio.Loop), func(ctx context.Context) {
		ctx = aio.Limit(ctx, 1)
		var order []string
		first := aio.Go(ctx, "first", func(ctx context.Context) (int, error) {
			child := aio.Go(ctx, "child", func(ctx context.Context) (int, error) { return 1, sleep(ctx, time.Second) })
			v, err := child.Await(ctx)
			order = append(order, "first goes on")
			return v, err
		})
		synctest.Wait() // the child runs
		var others []*aio.Future[int]
		for i := range 3 {
			others = append(others, aio.Go(ctx, "", func(ctx context.Context) (int, error) {
				order = append(order, fmt.Sprint(i))
				return 0, sleep(ctx, time.Second)
			}))
		}
		_, err := first.Await(ctx)
		wantErr(t, "first", err, nil)
		_, err = aio.All(ctx, others...).Await(ctx)
		wantErr(t, "others", err, nil)
		// The slot was given to 0 as the child ended, before first had noticed.
		eq(t, "order", order, []string{"0", "first goes on", "1", "2"})
	})
}

// So it does before those that queue at an inner limit, and these get slots in
// the order of their start with those that queue at the outer one.
func TestLimitWithinOrder(t *testing.T) {
	must(t, new(aio.Loop), func(ctx context.Context) {
		outer := aio.Limit(ctx, 1)
		inner := aio.Limit(outer, 1)
		var order []string
		start := func(ctx context.Context, name string) *aio.Future[int] {
			return aio.Go(ctx, name, func(ctx context.Context) (int, error) {
				order = append(order, name)
				return 0, sleep(ctx, time.Second)
			})
		}
		aio.Spawn(outer, "first", func(ctx context.Context) error {
			child := start(inner, "child")
			time.AfterFunc(500*ms, func() {
				start(outer, "outer 1")
				start(inner, "inner 1")
				start(outer, "outer 2")
				start(inner, "inner 2")
			})
			_, err := child.Await(ctx)
			order = append(order, "first goes on")
			return err
		})
		sleep(ctx, time.Minute)
		// The slot was given to outer 1 as the child ended, before first had
		// noticed.
		eq(t, "order", order, []string{"child", "outer 1", "first goes on", "inner 1", "outer 2", "inner 2"})
	})
}

// Panics, errors and cancellation at random moments leave every slot free.
func TestLimitChurn(t *testing.T) {
	l := &aio.Loop{Logger: quiet, CatchPanics: true, OnEvent: func(aio.Event) {}}
	err := run(l, func(ctx context.Context) error {
		const n = 3
		outer := aio.Limit(ctx, n)
		inner := aio.Limit(outer, n-1)
		var g gauge
		var nest func(ctx context.Context, depth int) (int, error)
		nest = func(ctx context.Context, depth int) (int, error) {
			switch g.enter(); rand.N(20) {
			case 0:
				g.now.Add(-1)
				return 0, errStop
			case 1:
				g.now.Add(-1)
				panic("oops")
			}
			g.now.Add(-1)
			if depth == 0 {
				return 1, nil
			}
			var fs []*aio.Future[int]
			for range 3 {
				f := aio.Go(ctx, "", func(ctx context.Context) (int, error) { return nest(ctx, depth-1) })
				fs = append(fs, f)
				if rand.N(4) == 0 {
					go f.Cancel(errStop)
				}
			}
			switch rand.N(3) {
			case 0:
				aio.All(ctx, fs...).Await(ctx)
			case 1:
				for _, f := range fs {
					f.Await(ctx)
				}
			case 2: // leaves them
			}
			return 1, nil
		}
		for i := range 500 {
			sub := outer
			if i%2 == 0 {
				sub = inner
			}
			aio.Go(sub, "", func(ctx context.Context) (int, error) { return nest(ctx, 3) })
		}
		for aio.LoopOf(ctx).Stats().InFlight > 1 {
			time.Sleep(ms)
		}
		// All slots of both are free again: n functions run at once that wait
		// for each other.
		for _, c := range []struct {
			ctx context.Context
			n   int
		}{{outer, n}, {inner, n - 1}} {
			var all sync.WaitGroup
			all.Add(c.n)
			for range c.n {
				aio.Spawn(c.ctx, "", func(context.Context) error { all.Done(); all.Wait(); return nil })
			}
			all.Wait()
		}
		return nil
	})
	wantErr(t, "Run", err, nil)
}

// Without a positive n, and without a loop, a Limit does nothing.
func TestLimitNone(t *testing.T) {
	if ctx := aio.Limit(context.Background(), 0); ctx != context.Background() {
		t.Error("0 slots")
	}
	f := aio.Go(aio.Limit(context.Background(), 1), "", func(context.Context) (int, error) { return 1, nil })
	if _, err := f.Result(); !errors.Is(err, aio.ErrNoLoop) {
		t.Errorf("f.Result: %v", err)
	}
}
