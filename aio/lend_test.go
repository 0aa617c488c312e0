package aio_test

import (
	"context"
	"testing"
	"time"

	"goaio.example/aio"
)

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

// What a function waits for comes to need slots only while it is waited for: the
// function lends its own then, and not before.
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

// A function that has lent its slot for a select has it again when it has waited
// in an Await, whatever for.
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
		soon(ctx, nil).Await(ctx) // it has the slot again: nobody else needs it now
		<-child.C()
		eq(t, "waited", time.Since(begin), 3*time.Second)
	})
	eq(t, "at most", g.most.Load(), 1)
}
