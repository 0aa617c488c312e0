package aio_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

// limited runs fn in a function below a Limit of n, in a bubble.
func limited(t *testing.T, n int, fn func(ctx context.Context)) {
	t.Helper()
	must(t, new(aio.Loop), func(ctx context.Context) {
		_, err := aio.Go(aio.Limit(ctx, n), "", func(ctx context.Context) (int, error) { fn(ctx); return 0, nil }).Await(ctx)
		wantErr(t, "function", err, nil)
	})
}

// working starts a function that runs for d.
func working(ctx context.Context, g *gauge, d time.Duration) *aio.Future[int] {
	return aio.Go(ctx, "", func(ctx context.Context) (int, error) { return 0, g.work(ctx, d) })
}

// A function that waits in several goroutines has its slot again when all waits
// are over.
func TestLimitWaitsTwice(t *testing.T) {
	var g gauge
	limited(t, 1, func(ctx context.Context) {
		short, long := working(ctx, &g, time.Second), working(ctx, &g, time.Minute)
		begin := time.Now()
		var waits sync.WaitGroup
		waits.Go(func() {
			short.Await(ctx)
			// the other wait may need the slot
			eq(t, "waited for the first", time.Since(begin), time.Second)
		})
		waits.Go(func() { long.Await(ctx) })
		waits.Wait()
		eq(t, "waited", time.Since(begin), 61*time.Second)
	})
}

// A function of which one goroutine queues to go on as another one begins to
// wait does not get a slot that it would keep while it waits.
func TestLimitWaitsWhileItQueues(t *testing.T) {
	for how, wait := range map[string]func(ctx context.Context, f *aio.Future[int]){
		"Await": func(ctx context.Context, f *aio.Future[int]) { f.Await(ctx) },
		"C":     func(_ context.Context, f *aio.Future[int]) { <-f.C() },
	} {
		t.Run(how, func(t *testing.T) {
			var g gauge
			limited(t, 1, func(ctx context.Context) {
				first := working(ctx, &g, time.Second)
				second := working(ctx, &g, time.Second)
				working(ctx, &g, time.Minute)
				last := working(ctx, &g, time.Second)
				var waits sync.WaitGroup
				waits.Go(func() {
					first.Await(ctx)
					// the other one queues to go on, until the minute is over
					sleep(ctx, 5*time.Second)
					wait(ctx, last)
				})
				waits.Go(func() { second.Await(ctx) })
				waits.Wait()
			})
			eq(t, "at most", g.most.Load(), 1)
		})
	}
}

// A function whose ctx ends while it queues to go on leaves the queue: it gets
// no slot that it does not use.
func TestLimitLeavesQueue(t *testing.T) {
	var g gauge
	limited(t, 1, func(ctx context.Context) {
		child := working(ctx, &g, time.Second)
		long := working(ctx, &g, time.Minute)
		short, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		begin := time.Now()
		// is over after a second, and long has the slot then
		_, err := child.Await(short)
		wantErr(t, "child", err, nil)
		eq(t, "waited", time.Since(begin), 2*time.Second)
		if _, err := long.Await(short); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 2*time.Second {
			t.Errorf("with a dead ctx: %v after %v", err, time.Since(begin))
		}
		_, err = long.Await(ctx)
		wantErr(t, "long", err, nil)
		others := []*aio.Future[int]{working(ctx, &g, time.Second), working(ctx, &g, time.Second)}
		_, err = aio.All(ctx, others...).Await(ctx)
		wantErr(t, "others", err, nil)
	})
	eq(t, "at most", g.most.Load(), 1)
}

// errCtx is a ctx whose Err runs code.
type errCtx struct {
	context.Context
	err func()
}

func (c *errCtx) Err() error { c.err(); return c.Context.Err() }

// The ctx of a wait may use the Limit.
func TestLimitCtxUsesIt(t *testing.T) {
	var g gauge
	limited(t, 1, func(ctx context.Context) {
		first := working(ctx, &g, time.Second)
		working(ctx, &g, time.Second)
		queued := working(ctx, &g, time.Minute)
		_, err := first.Await(&errCtx{ctx, func() { queued.Cancel(errStop) }})
		wantErr(t, "await", err, nil)
		_, err = queued.Result()
		wantErr(t, "queued", err, errStop)
	})
}

// A result that is there with a ctx that is dead by then is returned without
// waiting for a slot.
func TestLimitDeadCtx(t *testing.T) {
	var g gauge
	limited(t, 1, func(ctx context.Context) {
		sub, cancel := context.WithCancel(ctx)
		child := aio.Go(ctx, "", func(ctx context.Context) (int, error) { cancel(); return 7, g.work(ctx, time.Second) })
		long := working(ctx, &g, time.Minute)
		begin := time.Now()
		if _, err := child.Await(sub); !errors.Is(err, context.Canceled) || time.Since(begin) != 0 {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		_, err := aio.All(ctx, child, long).Await(ctx)
		wantErr(t, "all", err, nil)
	})
}

// A goroutine that a function has left behind in a wait keeps no slot, and goes
// on, also if its ctx does not end.
func TestLimitLeftBehind(t *testing.T) {
	for name, derive := range map[string]func(ctx context.Context) context.Context{
		"its ctx":       func(ctx context.Context) context.Context { return ctx },
		"WithoutCancel": context.WithoutCancel,
	} {
		t.Run(name, func(t *testing.T) {
			var g gauge
			must(t, new(aio.Loop), func(ctx context.Context) {
				ctx = aio.Limit(ctx, 1)
				begin := time.Now()
				aio.Go(ctx, "", func(ctx context.Context) (int, error) {
					child := working(ctx, &g, time.Second)
					working(ctx, &g, time.Second)
					go func() {
						child.Await(derive(ctx))
						if waited := time.Since(begin); waited > 2*time.Second {
							t.Errorf("waited %v", waited)
						}
					}()
					// the goroutine queues to go on when this returns
					return 0, sleep(ctx, 1500*ms)
				})
				time.Sleep(time.Minute)
				var all sync.WaitGroup
				all.Add(1)
				aio.Spawn(ctx, "", func(context.Context) error { all.Done(); return nil })
				synctest.Wait()
				all.Wait()
			})
			eq(t, "at most", g.most.Load(), 1)
		})
	}
}

// An operation of a driver that waits below a function does not lend that
// function's slot: the function may be working.
func TestLimitDriverWaits(t *testing.T) {
	var g gauge
	limited(t, 1, func(ctx context.Context) {
		op, err := aio.Begin(ctx, aio.NewKind("test.driver"), "driver")
		if err != nil {
			t.Errorf("aio.Begin: %v", err)
			return
		}
		op.OnCancel(func(error) {})
		child := working(ctx, &g, time.Second)
		go func() {
			child.Await(op.Context())
			op.End(nil)
		}()
		g.work(ctx, time.Minute) // holds the slot
		if _, err := child.Result(); !errors.Is(err, aio.ErrPending) {
			t.Errorf("the child has run: %v", err)
		}
	})
	eq(t, "at most", g.most.Load(), 1)
}

// A function that asks for the channel of one that has begun keeps its slot.
func TestLimitSelectRunning(t *testing.T) {
	var g gauge
	limited(t, 2, func(ctx context.Context) {
		first := working(ctx, &g, time.Second)
		second := working(ctx, &g, time.Second)
		begin := time.Now()
		<-first.C()
		eq(t, "first", time.Since(begin), time.Second)
		<-second.C()
		// not beside the first
		eq(t, "second", time.Since(begin), 2*time.Second)
	})
	eq(t, "at most", g.most.Load(), 1)
}

// Waiting for anything else keeps the slot.
func TestLimitOtherWaits(t *testing.T) {
	var g gauge
	took := must(t, new(aio.Loop), func(ctx context.Context) {
		ctx = aio.Limit(ctx, 2)
		for range 6 {
			aio.Spawn(ctx, "", func(ctx context.Context) error {
				g.enter()
				defer g.now.Add(-1)
				p := aio.NewPromise[int](ctx, 0, "a response")
				time.AfterFunc(time.Second, func() { p.Resolve(1) })
				_, err := p.Future().Await(ctx)
				return err
			})
		}
	})
	eq(t, "at most", g.most.Load(), 2)
	eq(t, "took", took, 3*time.Second)
}

// soon returns a future of a promise that is resolved after a second, or
// rejected with err.
func soon(ctx context.Context, err error) *aio.Future[int] {
	p := aio.NewPromise[int](ctx, 0, "soon")
	time.AfterFunc(time.Second, func() {
		if err != nil {
			p.Reject(err)
		} else {
			p.Resolve(1)
		}
	})
	return p.Future()
}

// waysToNeedLate are ways to wait for what starts child only after a second.
var waysToNeedLate = map[string]func(ctx context.Context, child func(ctx context.Context) (int, error)) (int, error){
	"Then": func(ctx context.Context, child func(ctx context.Context) (int, error)) (int, error) {
		return childLater(ctx, child).Await(ctx)
	},
	"Catch": func(ctx context.Context, child func(ctx context.Context) (int, error)) (int, error) {
		return aio.Catch(ctx, soon(ctx, errTest), func(ctx context.Context, _ error) (int, error) { return child(ctx) }).Await(ctx)
	},
	"Timeout": func(ctx context.Context, child func(ctx context.Context) (int, error)) (int, error) {
		return aio.Timeout(ctx, childLater(ctx, child), time.Hour).Await(ctx)
	},
	"All": func(ctx context.Context, child func(ctx context.Context) (int, error)) (int, error) {
		all := aio.All(ctx, soon(ctx, nil), childLater(ctx, child))
		vs, err := aio.Map(ctx, all, func(vs []int) (int, error) { return vs[1], nil }).Await(ctx)
		return vs, err
	},
	"Wait": func(ctx context.Context, child func(ctx context.Context) (int, error)) (int, error) {
		f := childLater(ctx, child)
		if err := aio.Wait(ctx, soon(ctx, nil), f); err != nil {
			return 0, err
		}
		return f.Result()
	},
	"AsCompleted": func(ctx context.Context, child func(ctx context.Context) (int, error)) (v int, err error) {
		for _, r := range aio.AsCompleted(ctx, soon(ctx, nil), childLater(ctx, child)) {
			v, err = r.Value, r.Err
		}
		return v, err
	},
	"Scope": func(ctx context.Context, child func(ctx context.Context) (int, error)) (v int, err error) {
		var f *aio.Future[int]
		err = aio.Scope(ctx, "", func(ctx context.Context) error { f = childLater(ctx, child); return nil })
		if err != nil {
			return 0, err
		}
		return f.Result()
	},
	"a promise": func(ctx context.Context, child func(ctx context.Context) (int, error)) (int, error) {
		p := aio.NewPromise[int](ctx, 0, "")
		time.AfterFunc(time.Second, func() {
			v, _ := child(p.Context())
			p.Resolve(v)
		})
		return p.Future().Await(ctx)
	},
	"C": func(ctx context.Context, child func(ctx context.Context) (int, error)) (int, error) {
		r := <-childLater(ctx, child).C()
		return r.Value, r.Err
	},
	"Done": func(ctx context.Context, child func(ctx context.Context) (int, error)) (int, error) {
		f := childLater(ctx, child)
		<-f.Done()
		return f.Result()
	},
}

// childLater returns the future of a Then that calls child after a second.
func childLater(ctx context.Context, child func(ctx context.Context) (int, error)) *aio.Future[int] {
	return aio.Then(ctx, soon(ctx, nil), func(ctx context.Context, _ int) (int, error) { return child(ctx) })
}

// What a function waits for comes to need slots only while it is waited for:
// the function lends its own then, and not before.
func TestLimitNeededLate(t *testing.T) {
	for how, wait := range waysToNeedLate {
		t.Run(how, func(t *testing.T) {
			var g gauge
			limited(t, 1, func(ctx context.Context) {
				begin := time.Now()
				other := aio.Go(ctx, "other", func(context.Context) (time.Duration, error) { return time.Since(begin), nil })
				v, err := wait(ctx, func(ctx context.Context) (int, error) {
					return aio.Go(ctx, "", func(ctx context.Context) (int, error) { return 7, g.work(ctx, time.Second) }).Await(ctx)
				})
				wantErr(t, "wait", err, nil)
				eq(t, "value", v, 7)
				eq(t, "waited", time.Since(begin), 2*time.Second)
				lent, err := other.Result()
				wantErr(t, "other", err, nil)
				eq(t, "lent after", lent, time.Second)
			})
		})
	}
}

// A select that was over before what it waited for came to need slots.
func TestLimitNeededAfterSelect(t *testing.T) {
	var g gauge
	limited(t, 1, func(ctx context.Context) {
		f := childLater(ctx, func(ctx context.Context) (int, error) { return working(ctx, &g, time.Second).Await(ctx) })
		select {
		case <-f.C():
			t.Error("resolved")
		default:
		}
		short, cancel := context.WithTimeout(ctx, 500*ms)
		defer cancel()
		f.Await(short)
		g.work(ctx, time.Minute)
		_, err := f.Await(ctx)
		wantErr(t, "await", err, nil)
	})
	eq(t, "at most", g.most.Load(), 1)
}

// A function that has lent its slot for a select has it again when it has
// waited in an Await, whatever for.
func TestLimitAwaitAfterSelect(t *testing.T) {
	for name, await := range map[string]func(ctx context.Context, next *aio.Future[int]){
		"a function": func(ctx context.Context, next *aio.Future[int]) { next.Await(ctx) },
		"a promise":  func(ctx context.Context, _ *aio.Future[int]) { soon(ctx, nil).Await(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			var g gauge
			limited(t, 1, func(ctx context.Context) {
				first, next := working(ctx, &g, time.Second), working(ctx, &g, time.Second)
				last := working(ctx, &g, time.Minute)
				<-first.C()
				await(ctx, next)
				g.work(ctx, time.Second)
				_, err := last.Await(ctx)
				wantErr(t, "last", err, nil)
			})
			eq(t, "at most", g.most.Load(), 1)
		})
	}
}

// A function that selects what has begun and then lent its slot lends its own:
// the other one needs it to go on.
func TestLimitSelectWaiting(t *testing.T) {
	var g gauge
	limited(t, 1, func(ctx context.Context) {
		begin := time.Now()
		child := aio.Go(ctx, "", func(ctx context.Context) (int, error) {
			last := aio.NewPromise[int](ctx, 0, "")
			time.AfterFunc(3*time.Second, func() { last.Resolve(1) })
			_, err := aio.All(ctx, working(ctx, &g, time.Second), last.Future()).Await(ctx)
			return 0, err
		})
		short, cancel := context.WithTimeout(ctx, 1500*ms)
		defer cancel()
		child.Await(short)
		// it has the slot again: no other function needs it now
		soon(ctx, nil).Await(ctx)
		<-child.C()
		eq(t, "waited", time.Since(begin), 3*time.Second)
	})
	eq(t, "at most", g.most.Load(), 1)
}
