package flow_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/flow"
	"goaio.example/aio/timer"
)

// Concurrent callers share a call; callers with another key, or later ones, do
// not.
func TestShared(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		var s flow.Shared[string, int]
		var calls atomic.Int64
		ask := func(key string) *aio.Future[int] {
			return s.Do(ctx, key, func(ctx context.Context) (int, error) {
				n := calls.Add(1)
				return int(n), timer.Sleep(ctx, time.Second)
			})
		}
		a1, a2, b := ask("a"), ask("a"), ask("b")
		synctest.Wait()
		if got := inFlight(ctx, "flow.shared"); fmt.Sprint(got) != "[a b]" {
			t.Errorf("in flight: %q", got)
		}
		vs, err := aio.All(ctx, a1, a2, b).Await(ctx)
		if err != nil || vs[0] != vs[1] || vs[1] == vs[2] || calls.Load() != 2 {
			t.Errorf("%v, %v, %d calls", vs, err, calls.Load())
		}
		if v, err := ask("a").Await(ctx); v != 3 || err != nil {
			t.Errorf("later: %d, %v", v, err)
		}
	})
}

// Each caller gets the error, with no value. It is reported only if a caller
// does not look at it.
func TestSharedFails(t *testing.T) {
	for name, do := range map[string]func(){"error": func() {}, "panic": func() { panic("fn") }, "goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			o := bubble(t, nil, func(ctx context.Context, t *testing.T) {
				var s flow.Shared[int, int]
				ask := func() *aio.Future[int] {
					return s.Do(ctx, 0, func(ctx context.Context) (int, error) {
						timer.Sleep(ctx, time.Second)
						do()
						return 7, errTest
					})
				}
				for _, f := range []*aio.Future[int]{ask(), ask()} {
					v, err := f.Await(ctx)
					if v != 0 || !map[string]bool{
						"error": err == errTest, "panic": isPanic(err, "fn"), "goexit": err == aio.ErrGoexit,
					}[name] {
						t.Errorf("%d, %v", v, err)
					}
				}
			})
			if o.err != nil || (len(o.events) == 1) != (name == "panic") {
				t.Errorf("%v, events %v", o.err, o.events)
			}
		})
	}
	o := bubble(t, nil, func(ctx context.Context, t *testing.T) {
		var s flow.Shared[int, int]
		fail := func(context.Context) (int, error) { return 0, errTest }
		s.Do(ctx, 0, fail)
		if _, err := s.Do(ctx, 0, fail).Await(ctx); err != errTest {
			t.Errorf("got %v", err)
		}
	})
	if len(o.events) != 1 || !o.events[0].Lost || o.events[0].Err != errTest {
		t.Errorf("events %v", o.events)
	}
}

// A caller that gives up does not affect the others. The last one ends the
// call's ctx, and the next asker gets another call.
func TestSharedLeave(t *testing.T) {
	took := clean(t, func(ctx context.Context, t *testing.T) {
		var s flow.Shared[string, string]
		var calls atomic.Int64
		fn := func(ctx context.Context) (string, error) {
			if calls.Add(1) == 2 {
				return "second", nil
			}
			<-ctx.Done()
			if context.Cause(ctx) != errOther {
				t.Errorf("cause: %v", context.Cause(ctx))
			}
			time.Sleep(time.Minute)
			return "too late", nil
		}
		first, cancelFirst := context.WithTimeoutCause(ctx, time.Second, errTest)
		defer cancelFirst()
		last, cancelLast := context.WithTimeoutCause(ctx, 4*time.Second, errOther)
		defer cancelLast()
		a := s.Do(first, "", fn)
		time.Sleep(500 * time.Millisecond)
		b, c := s.Do(ctx, "", fn), s.Do(last, "", fn)
		time.Sleep(time.Second)
		if _, err := a.Await(ctx); err != errTest {
			t.Errorf("the first asker got %v", err)
		}
		b.Cancel(errTest)
		if _, err := b.Await(ctx); err != errTest {
			t.Errorf("the second asker got %v", err)
		}
		if _, err := c.Await(ctx); err != errOther || calls.Load() != 1 {
			t.Errorf("the last asker got %v, %d calls", err, calls.Load())
		}
		if v, err := s.Do(ctx, "", fn).Await(ctx); v != "second" || err != nil {
			t.Errorf("who came later got %q, %v", v, err)
		}
	})
	if took != time.Minute+4*time.Second {
		t.Errorf("took %v", took)
	}
}

// A call that has its result is not joined, even if its askers are just being
// told. What f.Cancel ends is stopped.
func TestSharedOver(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		var s flow.Shared[int, int]
		calls := 0
		fn := func(ctx context.Context) (int, error) {
			calls++
			n := calls
			return n, timer.Sleep(ctx, time.Second)
		}
		a, b := s.Do(ctx, 0, fn), s.Do(ctx, 0, fn)
		var later *aio.Future[int]
		a.AfterFunc(func() { later = s.Do(ctx, 0, fn) })
		if vs, err := aio.All(ctx, a, b).Await(ctx); err != nil || vs[0] != 1 || vs[1] != 1 {
			t.Errorf("%v, %v", vs, err)
		}
		synctest.Wait()
		if v, err := later.Await(ctx); v != 2 || err != nil {
			t.Errorf("who came later got %d, %v", v, err)
		}
		var cause error
		s.Do(ctx, 0, func(ctx context.Context) (int, error) {
			<-ctx.Done()
			cause = context.Cause(ctx)
			return 0, cause
		}).Cancel(nil)
		synctest.Wait()
		if cause != aio.ErrStopped {
			t.Errorf("cause: %v", cause)
		}
	})
}

// After Forget the next caller begins another call while one is in progress.
func TestSharedForget(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		var s flow.Shared[int, int64]
		var calls atomic.Int64
		fn := func(ctx context.Context) (int64, error) {
			n := calls.Add(1)
			return n, timer.Sleep(ctx, time.Second)
		}
		a := s.Do(ctx, 1, fn)
		synctest.Wait()
		s.Forget(ctx, 2)
		b := s.Do(ctx, 1, fn)
		synctest.Wait()
		s.Forget(ctx, 1)
		c := s.Do(ctx, 1, fn)
		synctest.Wait()
		a.Cancel(nil)
		b.Cancel(nil) // the call that is forgotten; c's is not touched by that
		synctest.Wait()
		d := s.Do(ctx, 1, fn)
		cv, err := c.Await(ctx)
		dv, derr := d.Await(ctx)
		if cv != 2 || dv != 2 || err != nil || derr != nil {
			t.Errorf("%d, %v; %d, %v", cv, err, dv, derr)
		}
	})
}

// The call has the first asker's values, and not its deadline or its parent's
// end; but the loop's.
func TestSharedCtx(t *testing.T) {
	type key struct{}
	o := bubble(t, &aio.Loop{Grace: 2 * time.Second}, func(ctx context.Context, t *testing.T) {
		var s flow.Shared[int, any]
		fn := func(ctx context.Context) (any, error) {
			if _, ok := ctx.Deadline(); ok {
				t.Error("the call has a deadline")
			}
			timer.Sleep(ctx, time.Second)
			return ctx.Value(key{}), nil
		}
		var b *aio.Future[any]
		err := aio.Scope(ctx, "first", func(in context.Context) error {
			in, cancel := context.WithTimeout(context.WithValue(in, key{}, "first"), time.Hour)
			defer cancel()
			s.Do(in, 0, fn)
			b = s.Do(context.WithValue(ctx, key{}, "second"), 0, fn)
			return errTest
		})
		if v, berr := b.Await(ctx); v != "first" || berr != nil || err != errTest {
			t.Errorf("%v, %v, %v", v, berr, err)
		}
		c := s.Do(ctx, 0, func(ctx context.Context) (any, error) {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		})
		aio.LoopOf(ctx).Exit(nil)
		if _, err := c.Await(context.Background()); !errors.Is(err, aio.ErrExit) {
			t.Errorf("at the loop's end: %v", err)
		}
	})
	if o.took != 3*time.Second || o.err != nil {
		t.Errorf("took %v, %v", o.took, o.err)
	}
}

// A loop's calls are not another's.
func TestSharedLoops(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		var s flow.Shared[int, *aio.Loop]
		fn := func(ctx context.Context) (*aio.Loop, error) { return aio.LoopOf(ctx), timer.Sleep(ctx, time.Second) }
		outer := s.Do(ctx, 0, fn)
		err := aio.Run(ctx, func(ctx context.Context) error {
			s.Forget(ctx, 0)
			if l, err := s.Do(ctx, 0, fn).Await(ctx); l != aio.LoopOf(ctx) || err != nil {
				t.Errorf("the inner loop's call ran in %v, %v", l, err)
			}
			return nil
		})
		if l, oerr := outer.Await(ctx); l != aio.LoopOf(ctx) || oerr != nil || err != nil {
			t.Errorf("%v, %v", oerr, err)
		}
	})
}

// With a dead ctx, or no loop, nothing is called.
func TestSharedDeadCtx(t *testing.T) {
	var s flow.Shared[int, int]
	fn := func(context.Context) (int, error) {
		t.Error("the function ran")
		return 0, nil
	}
	for _, ctx := range []context.Context{t.Context(), nil} {
		if _, err := s.Do(ctx, 0, fn).Await(t.Context()); !errors.Is(err, aio.ErrNoLoop) {
			t.Errorf("got %v", err)
		}
	}
	clean(t, func(ctx context.Context, t *testing.T) {
		dead, cancel := context.WithCancelCause(ctx)
		cancel(errTest)
		if _, err := s.Do(dead, 0, fn).Await(ctx); err != errTest {
			t.Errorf("got %v", err)
		}
	})
}

// An asker lends its slot of a Limit to what the call starts.
func TestSharedBelowLimit(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		var s flow.Shared[int, int]
		one := aio.Limit(ctx, 1)
		f := aio.Go(one, "asker", func(ctx context.Context) (int, error) {
			return s.Do(ctx, 0, func(ctx context.Context) (int, error) {
				return aio.Go(ctx, "inner", func(context.Context) (int, error) { return 5, nil }).Await(ctx)
			}).Await(ctx)
		})
		if v, err := f.Await(ctx); v != 5 || err != nil {
			t.Errorf("%d, %v", v, err)
		}
	})
}

// Many ask, and leave, at any moment: the remaining caller gets the value, and
// no call is left.
func TestSharedAnytime(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		var s flow.Shared[int, int]
		var running atomic.Int64
		err := aio.Scope(ctx, "askers", func(ctx context.Context) error {
			for range 500 {
				key := rand.IntN(5)
				aio.Spawn(ctx, "asker", func(ctx context.Context) error {
					timer.Sleep(ctx, time.Duration(rand.IntN(5000))*time.Microsecond)
					own, cancel := context.WithTimeoutCause(ctx, time.Duration(rand.IntN(2000))*time.Microsecond, errTest)
					defer cancel()
					v, err := s.Do(own, key, func(ctx context.Context) (int, error) {
						defer running.Add(-1)
						running.Add(1)
						return key, timer.Sleep(ctx, time.Duration(rand.IntN(1000))*time.Microsecond)
					}).Await(ctx)
					if err == nil && v != key || err != nil && err != errTest {
						t.Errorf("%d, %v", v, err)
					}
					if rand.IntN(10) == 0 {
						s.Forget(ctx, key)
					}
					return nil
				})
			}
			return nil
		})
		synctest.Wait()
		if got := inFlight(ctx, "flow.shared"); err != nil || len(got) > 0 || running.Load() != 0 {
			t.Errorf("%v, in flight: %q", err, got)
		}
	})
}
