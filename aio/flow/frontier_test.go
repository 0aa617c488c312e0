package flow_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"goaio.example/aio"
	"goaio.example/aio/flow"
	"goaio.example/aio/timer"
)

// A tree is walked to its last leaf, with as many functions as allowed.
func TestFrontier(t *testing.T) {
	for _, depthFirst := range []bool{false, true} {
		clean(t, func(ctx context.Context, t *testing.T) {
			f := flow.Frontier[int]{DepthFirst: depthFirst}
			f.Add(1)
			var g gauge
			n, err := f.Each(ctx, flow.Options{Limit: 7}, func(ctx context.Context, v int) error {
				defer g.in()()
				for _, k := range []int{2 * v, 2*v + 1} {
					if k < 1024 && !f.Add(k) {
						t.Errorf("%d was not added", k)
					}
				}
				return timer.Sleep(ctx, time.Second)
			}).Await(ctx)
			if n != 1023 || err != nil || g.most != 7 || f.Len() != 0 {
				t.Errorf("%d, %v, %d at once, %d left", n, err, g.most, f.Len())
			}
		})
	}
}

// The order, and with it how many values wait.
func TestFrontierOrder(t *testing.T) {
	for name, c := range map[string]struct {
		depthFirst bool
		order      []int
		most       int
	}{
		"breadth": {false, []int{1, 2, 3, 4, 5, 6, 7}, 4},
		"depth":   {true, []int{1, 3, 7, 6, 2, 5, 4}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			clean(t, func(ctx context.Context, t *testing.T) {
				f := flow.Frontier[int]{DepthFirst: c.depthFirst}
				f.Add(1)
				var order []int
				most := 0
				_, err := f.Each(ctx, flow.Options{Limit: 1}, func(_ context.Context, v int) error {
					order = append(order, v)
					if v < 4 {
						f.Add(2 * v)
						f.Add(2*v + 1)
					}
					most = max(most, f.Len())
					return nil
				}).Await(ctx)
				if !slices.Equal(order, c.order) || most != c.most || err != nil {
					t.Errorf("%v, up to %d waited, %v", order, most, err)
				}
			})
		})
	}
}

// Max values wait, and no more.
func TestFrontierMax(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		f := flow.Frontier[int]{Max: 2}
		if !f.Add(1) || !f.Add(2) || f.Add(3) || f.Len() != 2 {
			t.Errorf("%d wait", f.Len())
		}
		var got []int
		n, err := f.Each(ctx, flow.Options{Limit: 1}, func(_ context.Context, v int) error {
			got = append(got, v)
			if v == 1 && (!f.Add(4) || f.Add(5)) {
				t.Errorf("%d wait", f.Len())
			}
			return nil
		}).Await(ctx)
		if !slices.Equal(got, []int{1, 2, 4}) || n != 3 || err != nil {
			t.Errorf("%v: %d, %v", got, n, err)
		}
	})
}

// A value that is added late, by the last function or from outside, wakes the
// one who waits for it.
func TestFrontierLate(t *testing.T) {
	took := clean(t, func(ctx context.Context, t *testing.T) {
		var f flow.Frontier[time.Duration]
		if n, err := f.Each(ctx, flow.Options{}, func(context.Context, time.Duration) error { return errTest }).Await(ctx); n != 0 || err != nil {
			t.Errorf("an empty one: %d, %v", n, err)
		}
		f.Add(10 * time.Second)
		all := f.Each(ctx, flow.Options{Limit: 2}, func(ctx context.Context, d time.Duration) error {
			if err := timer.Sleep(ctx, d); err != nil {
				return err
			}
			if d == 10*time.Second {
				f.Add(time.Second)
			}
			return nil
		})
		time.Sleep(5 * time.Second)
		f.Add(7 * time.Second)
		if n, err := all.Await(ctx); n != 3 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	})
	if took != 12*time.Second {
		t.Errorf("took %v", took)
	}
}

// What was not begun stays, for another Each. Panics and Goexit count as
// returns.
func TestFrontierEndsEarly(t *testing.T) {
	for name, do := range map[string]func() error{
		"error":  func() error { return errTest },
		"panic":  func() error { panic("fn") },
		"goexit": func() error { runtime.Goexit(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			o := bubble(t, nil, func(ctx context.Context, t *testing.T) {
				var f flow.Frontier[int]
				for i := range 10 {
					f.Add(i)
				}
				n, err := f.Each(ctx, flow.Options{Limit: 2}, func(_ context.Context, v int) error {
					if v == 3 {
						return do()
					}
					return nil
				}).Await(ctx)
				if n < 3 || n > 9 || err == nil || f.Len() < 10-n-2 || f.Len() > 9-n {
					t.Errorf("%d, %v, %d left", n, err, f.Len())
				}
				f.Add(10)
				left := f.Len()
				n, err = f.Each(ctx, flow.Options{Limit: 1, KeepGoing: true}, func(context.Context, int) error { return do() }).Await(ctx)
				if n != 0 || err == nil || f.Len() != 0 || left == 0 {
					t.Errorf("%d, %v, %d of %d left", n, err, f.Len(), left)
				}
			})
			if o.err != nil || (len(o.events) > 0) != (name == "panic") {
				t.Errorf("%v, events %v", o.err, o.events)
			}
		})
	}
}

// An Each that waits for values ends with its ctx, and when a function fails.
func TestFrontierCancelled(t *testing.T) {
	took := clean(t, func(ctx context.Context, t *testing.T) {
		var f flow.Frontier[int]
		f.Add(1)
		all := f.Each(aio.Limit(ctx, 1), flow.Options{Limit: 5}, func(ctx context.Context, _ int) error {
			<-ctx.Done()
			return context.Cause(ctx)
		})
		synctest.Wait()
		f.Add(2) // it queues for the Limit, and never runs
		synctest.Wait()
		all.Cancel(errTest)
		if n, err := all.Await(ctx); n != 0 || !errors.Is(err, errTest) {
			t.Errorf("%d, %v", n, err)
		}
	})
	if took != 0 {
		t.Errorf("took %v", took)
	}
}

// Two Eachs share a frontier's values.
func TestFrontierShared(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		var f flow.Frontier[int]
		var mu sync.Mutex
		seen := map[int]int{}
		f.Add(1)
		f.Add(3)
		each := func() *aio.Future[int] {
			return f.Each(ctx, flow.Options{Limit: 3}, func(ctx context.Context, v int) error {
				mu.Lock()
				seen[v]++
				mu.Unlock()
				if err := timer.Sleep(ctx, time.Second); err != nil || v > 500 {
					return err
				}
				f.Add(v * 2)
				return nil
			})
		}
		ns, err := aio.All(ctx, each(), each()).Await(ctx)
		if err != nil || ns[0]+ns[1] != len(seen) || f.Len() != 0 {
			t.Errorf("%v, %v, %d seen, %d left", ns, err, len(seen), f.Len())
		}
	})
}

// A function that did not run, since the Limiter failed, is not waited for.
func TestFrontierLimiter(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		var f flow.Frontier[int]
		f.Add(1)
		f.Add(2)
		f.Add(3)
		n := 0
		limiter := limiterFunc(func(context.Context) error {
			if n++; n == 2 {
				return errTest
			}
			return nil
		})
		done, err := f.Each(ctx, flow.Options{Limit: 1, KeepGoing: true, Limiter: limiter}, func(context.Context, int) error { return nil }).Await(ctx)
		if done != 2 || err == nil || err.Error() != errTest.Error() {
			t.Errorf("%d, %v", done, err)
		}
	})
}

// A frontier does not refer to values that it has handed out.
func TestFrontierLetsGo(t *testing.T) {
	for _, depthFirst := range []bool{false, true} {
		clean(t, func(ctx context.Context, t *testing.T) {
			f := &flow.Frontier[*[64]byte]{DepthFirst: depthFirst}
			var values []weak.Pointer[[64]byte]
			for range 5 {
				v := new([64]byte)
				values = append(values, weak.Make(v))
				f.Add(v)
			}
			taken := 0
			f.Each(ctx, flow.Options{Limit: 1}, func(context.Context, *[64]byte) error {
				if taken++; taken != 4 {
					return nil
				}
				runtime.GC()
				runtime.GC()
				gone := 0
				for _, p := range values {
					if p.Value() == nil {
						gone++
					}
				}
				if gone < 3 {
					t.Errorf("depth first: %v: the 4th of 5 values runs, and %d of those before it were collected, want 3", depthFirst, gone)
				}
				return nil
			}).Await(ctx)
		})
	}
}
