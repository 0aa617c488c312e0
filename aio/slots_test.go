package aio_test

import (
	"context"
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

// What was started by what runs within the bound needs no slot, and neither
// does what it starts, also when the one that holds the slot has ended.
func TestMaxInFlightOutlives(t *testing.T) {
	must(t, bounded(1), func(ctx context.Context) {
		start, then := make(chan bool), make(chan *aio.Future[int], 1)
		first := aio.NewPromise[int](ctx, 0, "first")
		aio.Go(ctx, "parent", func(ctx context.Context) (int, error) {
			then <- aio.Then(ctx, first.Future(), func(ctx context.Context, _ int) (int, error) {
				return aio.Go(ctx, "of a Then", func(context.Context) (int, error) { return 9, nil }).Await(ctx)
			})
			return 0, nil
		}).Await(ctx)
		holder := aio.Go(ctx, "holds the slot", func(ctx context.Context) (int, error) {
			<-start
			return (<-then).Await(ctx)
		})
		first.Resolve(0)
		close(start)
		if v, err := holder.Await(ctx); v != 9 || err != nil {
			t.Error(v, err)
		}
	})
	must(t, bounded(1), func(ctx context.Context) {
		left, goOn := make(chan bool), make(chan bool)
		child := make(chan *aio.Future[int], 1)
		aio.Go(ctx, "parent", func(ctx context.Context) (int, error) {
			child <- aio.Go(ctx, "child", func(ctx context.Context) (int, error) {
				<-left
				return aio.Go(ctx, "grandchild", func(ctx context.Context) (int, error) {
					var v int
					err := aio.Scope(ctx, "scope", func(ctx context.Context) error {
						var err error
						v, err = aio.Go(ctx, "in it", func(context.Context) (int, error) { return 7, nil }).Await(ctx)
						return err
					})
					return v, err
				}).Await(ctx)
			})
			return 0, nil
		}).Await(ctx)
		other := aio.Go(ctx, "holds the slot", func(context.Context) (int, error) { <-goOn; return 0, nil })
		synctest.Wait()
		close(left)
		if v, err := (<-child).Await(ctx); v != 7 || err != nil {
			t.Error(v, err)
		}
		queued := aio.Go(ctx, "queues", func(context.Context) (int, error) { return 8, nil })
		synctest.Wait()
		if _, err := queued.Result(); err != aio.ErrPending {
			t.Errorf("what main starts does not queue: %v", err)
		}
		close(goOn)
		other.Await(ctx)
		queued.Await(ctx)
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
				// the loop drains: work in progress may still start what it
				// needs
				if c.name == "Loop.Exit" {
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

// Below a Limit as well: awaiting one's own children cannot deadlock, and
// neither bound is exceeded.
func TestMaxInFlightLimit(t *testing.T) {
	for how, wait := range waysToWait {
		for _, n := range [][2]int{{1, 1}, {1, 3}, {3, 1}, {3, 2}} {
			t.Run(fmt.Sprintf("%s, %d in flight, %d slots", how, n[0], n[1]), func(t *testing.T) {
				var g, begun gauge
				var nest func(ctx context.Context, depth int) (int, error)
				nest = func(ctx context.Context, depth int) (int, error) {
					if err := g.work(ctx, time.Second); err != nil || depth == 0 {
						return 1, err
					}
					return wait(ctx, func(ctx context.Context) (fs []*aio.Future[int]) {
						for range 2 {
							fs = append(fs, aio.Go(ctx, "", func(ctx context.Context) (int, error) { return nest(ctx, depth-1) }))
						}
						return fs
					})
				}
				must(t, bounded(n[0]), func(ctx context.Context) {
					ctx = aio.Limit(ctx, n[1])
					for range 5 {
						aio.Spawn(ctx, "", func(ctx context.Context) error {
							begun.enter()
							defer begun.now.Add(-1)
							v, err := nest(ctx, 2)
							eq(t, "sum", v, 4)
							return err
						})
					}
				})
				if most := g.most.Load(); most > int64(n[1]) {
					t.Errorf("%d work at once", most)
				}
				eq(t, "begun at once", begun.most.Load(), int64(n[0]))
			})
		}
	}
}

// What queues for one bound has no slot of the other.
func TestMaxInFlightLimitApart(t *testing.T) {
	l := bounded(2)
	must(t, l, func(ctx context.Context) {
		limited := aio.Limit(ctx, 1)
		var mu sync.Mutex
		var order []string
		start := func(ctx context.Context, name string, d time.Duration) {
			aio.Spawn(ctx, name, func(ctx context.Context) error {
				mu.Lock()
				order = append(order, name)
				mu.Unlock()
				return sleep(ctx, d)
			})
		}
		start(limited, "a", 5*time.Second)
		sleep(ctx, ms)
		start(limited, "b", time.Second) // queues for the Limit
		start(ctx, "c", 9*time.Second)   // has the slot that b has not
		sleep(ctx, ms)
		start(ctx, "d", time.Second) // queues for the loop's slot
		sleep(ctx, ms)
		// is not under a's slot
		op, err := aio.Begin(limited, aio.NewKind("test.under"), "")
		wantErr(t, "Begin", err, nil)
		start(op.Context(), "e", time.Second)
		op.End(nil)
		sleep(ctx, time.Minute)
		eq(t, "order", order, []string{"a", "c", "b", "d", "e"})
		eq(t, "in flight", l.Stats().InFlight, 1)
	})
}

// What ends a function that has queued for a Limit and now queues for
// Loop.MaxInFlight, or for the Limit once more.
func TestMaxInFlightLimitCancelled(t *testing.T) {
	for _, again := range []bool{false, true} {
		must(t, bounded(1), func(ctx context.Context) {
			limited := aio.Limit(ctx, 1)
			// hold holds a slot until it is called again: here, or of the Limit
			// only, in a loop without MaxInFlight.
			hold := func(ctx context.Context) (release func()) {
				ch := make(chan struct{})
				aio.Spawn(ctx, "", func(context.Context) error { <-ch; return nil })
				synctest.Wait()
				return func() { close(ch); synctest.Wait() }
			}
			other := &aio.Loop{Logger: quiet}
			go other.Run(limited, func(ctx context.Context) error { <-aio.UntilDrain(ctx).Done(); return nil })
			synctest.Wait()
			lent := aio.WithLoop(limited, other)
			here, there := hold(ctx), hold(lent)
			f := aio.Go(limited, "", func(context.Context) (int, error) { t.Error("ran"); return 0, nil })
			there() // f queues here
			if again {
				there = hold(lent)
				here() // f queues there
			}
			_, err := f.Result()
			wantErr(t, "queued", err, aio.ErrPending)
			f.Cancel(errStop)
			_, err = f.Result()
			wantErr(t, "cancelled", err, errStop)
			if again {
				there()
			} else {
				here()
			}
			v, err := aio.Go(limited, "", func(context.Context) (int, error) { return 1, nil }).Await(ctx)
			if v != 1 || err != nil {
				t.Error(v, err)
			}
			other.Exit(nil)
		})
	}
}

// A function that gets its slot just as the loop drains either runs as work in
// progress, on a ctx that is alive, or not at all.
func TestQueuedDrainRace(t *testing.T) {
	for name, limit := range map[string]int{"MaxInFlight": 0, "Limit": 1} {
		t.Run(name, func(t *testing.T) {
			for range 500 {
				l := &aio.Loop{Logger: quiet, MaxInFlight: 1 - limit}
				err := run(l, func(ctx context.Context) error {
					ctx = aio.Limit(ctx, limit)
					release := make(chan struct{})
					aio.Spawn(ctx, "", func(context.Context) error { <-release; return nil })
					f := aio.Go(ctx, "", func(ctx context.Context) (int, error) {
						<-aio.Draining(ctx)
						for range 10 {
							runtime.Gosched()
						}
						return 1, context.Cause(ctx)
					})
					go l.Exit(nil)
					for range rand.N(20) {
						runtime.Gosched()
					}
					close(release)
					v, err := f.Await(ctx)
					if !(v == 0 && err == aio.ErrExit || v == 1 && err == nil) {
						t.Errorf("%d, %v", v, err)
					}
					return nil
				})
				wantErr(t, "Run", err, nil)
			}
		})
	}
}
