package aio_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

func TestScope(t *testing.T) {
	errA, errB := errors.New("a"), errors.New("b")
	after := func(d time.Duration, err error) func(ctx context.Context) error {
		return func(ctx context.Context) error { time.Sleep(d); return err }
	}
	for _, c := range []struct {
		name   string
		fn     func(ctx context.Context) error
		want   []error // the leaves of what Scope returns
		took   time.Duration
		events []string
	}{
		{"empty", func(context.Context) error { return nil }, nil, 0, nil},
		{"fn fails", failing, []error{errTest}, 0, nil},
		{"waits for all", func(ctx context.Context) error {
			aio.Spawn(ctx, "", func(ctx context.Context) error {
				aio.Spawn(ctx, "", after(2*time.Second, nil))
				return nil
			})
			aio.Go(ctx, "", func(context.Context) (int, error) { time.Sleep(time.Second); return 0, nil })
			return nil
		}, nil, 2 * time.Second, nil},
		{"a Spawn fails", func(ctx context.Context) error {
			aio.Spawn(ctx, "", after(time.Second, errA))
			return untilDead(ctx)
		}, []error{errA}, time.Second, nil},
		{"fn fails, the rest is cancelled", func(ctx context.Context) error {
			aio.Spawn(ctx, "", untilDead)
			aio.Go(ctx, "", never)
			aio.NewPromise[int](ctx, 0, "")
			return errA
		}, []error{errA}, 0, nil},
		{"later errors that say more", func(ctx context.Context) error {
			aio.Spawn(ctx, "", func(ctx context.Context) error { <-ctx.Done(); return errB })
			aio.Spawn(ctx, "", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
			aio.Spawn(ctx, "", after(time.Second, errA))
			return nil
		}, []error{errA, errB}, time.Second, nil},
		{"a grandchild fails", func(ctx context.Context) error {
			aio.Spawn(ctx, "", func(ctx context.Context) error {
				aio.Spawn(ctx, "", after(time.Second, errA))
				return nil
			})
			return nil
		}, []error{errA}, time.Second, nil},
		{"a future that nothing looked at", func(ctx context.Context) error {
			aio.Go(ctx, "", fails)
			return sleep(ctx, time.Second)
		}, []error{errTest}, time.Second, nil},
		{"a future that was looked at", func(ctx context.Context) error {
			aio.Go(ctx, "", fails).Await(ctx)
			<-aio.Go(ctx, "", fails).C()
			return nil
		}, nil, 0, nil},
		{"a future whose channel was not read", func(ctx context.Context) error {
			aio.Go(ctx, "", fails).C()
			return nil
		}, []error{errTest}, 0, nil},
		{"a future that fn cancelled", func(ctx context.Context) error {
			aio.Go(ctx, "", never).Cancel(errStop)
			return nil
		}, nil, 0, nil},
		{"its own handler does not get a Spawn's error", func(ctx context.Context) error {
			aio.Spawn(aio.OnEvent(ctx, func(e aio.Event) { t.Error(e) }), "", failing)
			return nil
		}, []error{errTest}, 0, nil},
		{"daemons end with it", func(ctx context.Context) error {
			aio.Daemon(ctx, "", func(ctx context.Context) error {
				wantErr(t, "daemon", untilDead(ctx), aio.ErrStopped)
				return aio.ErrStopped
			})
			return sleep(ctx, time.Second)
		}, nil, time.Second, nil},
		{"a daemon fails", func(ctx context.Context) error {
			aio.Daemon(ctx, "", after(time.Second, errA))
			return untilDead(ctx)
		}, []error{errA}, time.Second, nil},
		{"nested", func(ctx context.Context) error {
			err := aio.Scope(ctx, "inner", func(ctx context.Context) error {
				aio.Spawn(ctx, "", after(time.Second, errA))
				return nil
			})
			wantErr(t, "inner", err, errA)
			return sleep(ctx, time.Second)
		}, nil, 2 * time.Second, nil},
		{"nested, passed on", func(ctx context.Context) error {
			aio.Spawn(ctx, "", untilDead)
			return aio.Scope(ctx, "inner", failing)
		}, []error{errTest}, 0, nil},
		{"detached work is no part of it", func(ctx context.Context) error {
			aio.Spawn(aio.Detach(ctx), "", after(time.Second, errB))
			return nil
		}, nil, 0, []string{"b"}},
		{"panics", func(context.Context) error { panic(errA) }, []error{errA}, 0, []string{"aio: panic: a"}},
		{"a Spawn calls Goexit", func(ctx context.Context) error {
			aio.Spawn(ctx, "", func(context.Context) error { runtime.Goexit(); return nil })
			return untilDead(ctx)
		}, []error{aio.ErrGoexit}, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var rec recorder
			l := rec.loop()
			l.CatchPanics = true
			must(t, l, func(ctx context.Context) {
				start := time.Now()
				err := aio.Scope(ctx, "scope", c.fn)
				eq(t, "took", time.Since(start), c.took)
				if (err == nil) != (len(c.want) == 0) {
					t.Errorf("Scope: %v, want %v", err, c.want)
				}
				for _, e := range c.want {
					wantErr(t, "Scope", err, e)
				}
				if many, ok := err.(interface{ Unwrap() []error }); ok != (len(c.want) > 1) || ok && len(many.Unwrap()) != len(c.want) {
					t.Errorf("Scope: %v, want %v", err, c.want)
				}
				if len(c.events) == 0 {
					eq(t, "in flight", aio.LoopOf(ctx).Stats().InFlight, 1)
				}
			})
			rec.want(t, c.events...)
		})
	}
}

// A Scope that is cancelled from outside returns the cause, unless all in it
// succeeded anyway.
func TestScopeCancelledFromOutside(t *testing.T) {
	for _, c := range []struct {
		name string
		fn   func(ctx context.Context) error
		want error
	}{
		{"fn returns the cause", untilDead, errStop},
		{"a Spawn was cut short", func(ctx context.Context) error { aio.Spawn(ctx, "", untilDead); return nil }, errStop},
		{"a future was cut short", func(ctx context.Context) error { aio.Go(ctx, "", never); return nil }, errStop},
		{"only a daemon was", func(ctx context.Context) error { aio.Daemon(ctx, "", untilDead); return nil }, nil},
		{"nothing was", func(ctx context.Context) error {
			aio.Spawn(ctx, "", func(ctx context.Context) error { <-ctx.Done(); return nil })
			<-ctx.Done()
			return nil
		}, nil},
		{"fn fails by itself", func(ctx context.Context) error {
			aio.Spawn(ctx, "", untilDead)
			<-ctx.Done()
			return errTest
		}, errTest},
	} {
		t.Run(c.name, func(t *testing.T) {
			must(t, nil, func(ctx context.Context) {
				f := aio.Go(ctx, "", func(ctx context.Context) (error, error) { return aio.Scope(ctx, "", c.fn), nil })
				synctest.Wait()
				f.Cancel(errStop)
				err, _ := f.Await(ctx)
				wantErr(t, "Scope", err, c.want)
			})
		})
	}
}

// Goexit in fn goes on when what the Scope had started has ended.
func TestScopeGoexit(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		var ended atomic.Bool
		done := make(chan struct{})
		go func() {
			defer close(done)
			aio.Scope(ctx, "", func(ctx context.Context) error {
				aio.Spawn(ctx, "", func(ctx context.Context) error { defer ended.Store(true); return untilDead(ctx) })
				runtime.Goexit()
				return nil
			})
			t.Error("Scope returned")
		}()
		<-done
		if !ended.Load() {
			t.Error("Scope ended before what it had started")
		}
	})
}

// What is started with the ctx of a Scope that has returned goes under what is
// around it.
func TestScopeCtxAfterEnd(t *testing.T) {
	var rec recorder
	must(t, rec.loop(), func(ctx context.Context) {
		var ok, failed context.Context
		aio.Scope(ctx, "", func(ctx context.Context) error { ok = ctx; return nil })
		aio.Scope(ctx, "", func(ctx context.Context) error { failed = ctx; return errTest })
		v, err := aio.Go(ok, "late", func(ctx context.Context) (int, error) { return 1, ctx.Err() }).Await(ctx)
		eq(t, "late", fmt.Sprint(v, err), "1 <nil>")
		_, err = aio.Go(failed, "late", never).Await(ctx)
		wantErr(t, "late work of a failed Scope", err, errTest)
		aio.Spawn(ok, "late", failing)
	})
	rec.want(t, errTest.Error())
}

// The errors of a long Scope's futures do not accumulate once they were looked
// at.
func TestScopeKeepsHeapFlat(t *testing.T) {
	err := run(nil, func(ctx context.Context) error {
		return aio.Scope(ctx, "", func(ctx context.Context) error {
			work := func() {
				for range 10_000 {
					aio.Go(ctx, "", fails).Await(ctx)
				}
			}
			work()
			before := heap()
			work()
			if after := heap(); int64(after)-int64(before) > 1<<20 {
				t.Errorf("the heap grew by %d bytes", after-before)
			}
			return nil
		})
	})
	wantErr(t, "Run", err, nil)
}

// Scopes whose last children end at the same time as fn do not miss it.
func TestScopeChurn(t *testing.T) {
	err := run(nil, func(ctx context.Context) error {
		for i := range deep(20_000) {
			var n atomic.Int64
			err := aio.Scope(ctx, "", func(ctx context.Context) error {
				for range i % 4 {
					aio.Spawn(ctx, "", func(ctx context.Context) error {
						aio.Daemon(ctx, "", untilDead)
						n.Add(1)
						return nil
					})
				}
				return nil
			})
			if err != nil || n.Load() != int64(i%4) {
				t.Fatal(err, n.Load())
			}
		}
		return nil
	})
	wantErr(t, "Run", err, nil)
}

// A Scope that is cancelled from outside returns the cause, also if a future
// that is not looked at fails with something else meanwhile.
func TestScopeCutByOutside(t *testing.T) {
	for _, lost := range []bool{false, true} {
		must(t, nil, func(ctx context.Context) {
			ctx, cancel := context.WithCancelCause(ctx)
			err := aio.Scope(ctx, "scope", func(ctx context.Context) error {
				if lost {
					aio.Go(ctx, "fails", func(ctx context.Context) (int, error) {
						<-ctx.Done()
						return 0, errTest
					})
				}
				f := aio.Go(ctx, "cut", func(ctx context.Context) (int, error) {
					<-ctx.Done()
					return 0, context.Cause(ctx)
				})
				cancel(errStop)
				f.Await(context.Background())
				return nil
			})
			wantErr(t, "the cause", err, errStop)
			if lost {
				wantErr(t, "the lost error", err, errTest)
			}
		})
	}
}
