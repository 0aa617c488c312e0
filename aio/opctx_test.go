package aio_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

type key string

// customCtx is a Context of a type of its own that package context does not
// know, with a Done of its own.
type customCtx struct {
	context.Context
	done chan struct{}
	mu   sync.Mutex
	err  error
}

func newCustom(ctx context.Context) *customCtx {
	return &customCtx{Context: ctx, done: make(chan struct{})}
}

func (c *customCtx) Done() <-chan struct{} { return c.done }

func (c *customCtx) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *customCtx) end(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
	close(c.done)
}

// A foreign context between an operation and its child: what the child's ctx
// says of the end of each is what a ctx of package context would say in its
// place.
func TestForeignCtx(t *testing.T) {
	for _, c := range []struct {
		name       string
		derive     func(ctx context.Context) (_ context.Context, end func())
		err, cause error // after end; nil: end does not end it
	}{
		{"WithTimeout", func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			return ctx, func() { time.Sleep(time.Minute); synctest.Wait(); cancel() }
		}, context.DeadlineExceeded, context.DeadlineExceeded},
		{"WithTimeoutCause", func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, errStop)
			return ctx, func() { time.Sleep(time.Minute); synctest.Wait(); cancel() }
		}, context.DeadlineExceeded, errStop},
		{"WithCancel", func(ctx context.Context) (context.Context, func()) {
			return context.WithCancel(ctx)
		}, context.Canceled, context.Canceled},
		{"WithCancelCause", func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(ctx)
			return ctx, func() { cancel(errStop) }
		}, context.Canceled, errStop},
		{"WithValue over WithCancelCause", func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(ctx)
			return context.WithValue(ctx, key("k"), 1), func() { cancel(errStop) }
		}, context.Canceled, errStop},
		{"WithCancelCause over WithValue", func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(context.WithValue(ctx, key("k"), 1))
			return ctx, func() { cancel(errStop) }
		}, context.Canceled, errStop},
		{"WithValue", func(ctx context.Context) (context.Context, func()) {
			return context.WithValue(ctx, key("k"), 1), func() {}
		}, nil, nil},
		{"OnEvent over WithCancelCause", func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(ctx)
			return aio.OnEvent(ctx, func(aio.Event) {}), func() { cancel(errStop) }
		}, context.Canceled, errStop},
		{"a type of its own", func(ctx context.Context) (context.Context, func()) {
			c := newCustom(ctx)
			return c, func() { c.end(context.DeadlineExceeded) }
		}, context.DeadlineExceeded, context.DeadlineExceeded},
		{"WithLoop", func(ctx context.Context) (context.Context, func()) {
			foreign, cancel := context.WithCancelCause(context.Background())
			return aio.WithLoop(foreign, aio.LoopOf(ctx)), func() { cancel(errStop) }
		}, context.Canceled, errStop},
	} {
		for _, asked := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/asked=%v", c.name, asked), func(t *testing.T) {
				must(t, nil, func(ctx context.Context) { foreignCase(t, ctx, c.derive, asked, c.err, c.cause) })
			})
		}
	}
}

func foreignCase(t *testing.T, ctx context.Context, derive func(context.Context) (context.Context, func()), asked bool, wantE, wantC error) {
	sub, end := derive(ctx)
	var own, grand context.Context
	release := make(chan struct{})
	f := aio.Go(sub, "op", func(ctx context.Context) (int, error) {
		own = ctx
		g := aio.Go(ctx, "child", func(ctx context.Context) (int, error) { grand = ctx; <-release; return 0, nil })
		<-release
		return g.Await(context.Background())
	})
	synctest.Wait()
	if asked {
		own.Done()
		grand.Done()
	}
	eq(t, "value", own.Value(key("k")), sub.Value(key("k")))
	d1, ok1 := own.Deadline()
	d2, ok2 := sub.Deadline()
	if !d1.Equal(d2) || ok1 != ok2 {
		t.Errorf("Deadline: %v %v, want %v %v", d1, ok1, d2, ok2)
	}
	end()
	synctest.Wait()
	for name, c := range map[string]context.Context{"own": own, "child's": grand} {
		derived, cancel := context.WithCancel(c)
		wantErr(t, name+" Err", c.Err(), wantE)
		wantErr(t, name+" Cause", context.Cause(c), wantC)
		wantErr(t, name+" derived Err", derived.Err(), wantE)
		wantErr(t, name+" derived Cause", context.Cause(derived), wantC)
		cancel()
	}
	f.Cancel(errTest)
	if wantE == nil {
		wantE, wantC = context.Canceled, errTest
	}
	for name, c := range map[string]context.Context{"own": own, "child's": grand} {
		wantErr(t, name+" Err after Cancel", c.Err(), wantE)
		wantErr(t, name+" Cause after Cancel", context.Cause(c), wantC)
	}
	close(release)
	f.Await(context.Background())
	wantErr(t, "Err after the end", own.Err(), wantE)
	wantErr(t, "Cause after the end", context.Cause(own), wantC)
	select {
	case <-own.Done():
	default:
		t.Error("Done of a dead ctx is open")
	}
}

// The ctx that a child was started with says that its parent is dead, while
// neither was asked for its Done: whichever is looked at first, nothing waits.
func TestForeignEndFoundByChild(t *testing.T) {
	derive := map[string]func(context.Context) context.Context{
		"plain": func(ctx context.Context) context.Context { return ctx },
		"value": func(ctx context.Context) context.Context { return context.WithValue(ctx, key("k"), 1) },
		"limit": func(ctx context.Context) context.Context { return aio.Limit(ctx, 2) },
		"event": func(ctx context.Context) context.Context { return aio.OnEvent(ctx, func(aio.Event) {}) },
		"both": func(ctx context.Context) context.Context {
			return aio.Limit(aio.OnEvent(ctx, func(aio.Event) {}), 2)
		},
	}
	look := map[string]func(child *aio.Op){
		"Done":   func(child *aio.Op) { <-child.Context().Done() },
		"Cancel": func(child *aio.Op) { child.Cancel(errTest) },
		"End":    func(child *aio.Op) { child.End(errTest) },
		"Err":    func(child *aio.Op) { child.Context().Err() },
		"OnCancel": func(child *aio.Op) {
			called := make(chan struct{})
			child.OnCancel(func(error) { close(called) })
			<-called
		},
		"derived": func(child *aio.Op) {
			ctx, cancel := context.WithCancel(child.Context())
			defer cancel()
			<-ctx.Done()
		},
	}
	for wrapped, derive := range derive {
		for looked, look := range look {
			t.Run(wrapped+"/"+looked, func(t *testing.T) {
				must(t, nil, func(ctx context.Context) {
					ctx, cancel := context.WithCancelCause(aio.OnEvent(ctx, func(aio.Event) {}))
					parent, err := aio.Begin(ctx, aio.NewKind("parent"), "")
					wantErr(t, "parent", err, nil)
					child, err := aio.Begin(derive(parent.Context()), aio.NewKind("child"), "")
					wantErr(t, "child", err, nil)
					cancel(errStop)
					look(child)
					wantErr(t, "parent's cause", context.Cause(parent.Context()), errStop)
					child.End(nil)
					parent.End(nil)
				})
			})
		}
	}
}

// What is started with the ctx of an operation that has ended starts, alive, if
// a foreign ctx around that one is: also with a ctx that adds to it, and when
// children that it has left end. The foreign ctx does not end.
func TestForeignStartedLate(t *testing.T) {
	for name, derive := range map[string]func(context.Context) context.Context{
		"plain": func(ctx context.Context) context.Context { return ctx },
		"value": func(ctx context.Context) context.Context { return context.WithValue(ctx, key("k"), 1) },
		"limit": func(ctx context.Context) context.Context { return aio.Limit(ctx, 1) },
		"event": func(ctx context.Context) context.Context { return aio.OnEvent(ctx, func(aio.Event) {}) },
	} {
		for _, left := range []time.Duration{0, time.Second} {
			t.Run(fmt.Sprint(name, left), func(t *testing.T) {
				must(t, nil, func(ctx context.Context) {
					foreign, cancel := context.WithTimeoutCause(context.WithValue(ctx, key("f"), 2), time.Minute, errStop)
					defer cancel()
					parent, err := aio.Begin(foreign, 0, "parent")
					wantErr(t, "parent", err, nil)
					sub := derive(parent.Context())
					<-aio.Go(sub, "", func(context.Context) (int, error) { return 0, nil }).C()
					sub.Done()
					if left > 0 {
						aio.Spawn(parent.Context(), "left", func(context.Context) error { time.Sleep(left); return nil })
					}
					parent.End(nil)
					begin := time.Now()
					late := aio.Go(sub, "late", func(ctx context.Context) (int, error) {
						eq(t, "value", ctx.Value(key("k")), sub.Value(key("k")))
						eq(t, "the foreign ctx's value", ctx.Value(key("f")), 2)
						_, err := aio.Go(ctx, "child", never).Await(context.Background())
						wantErr(t, "child", err, errStop)
						wantErr(t, "Err", ctx.Err(), context.DeadlineExceeded)
						return 0, untilDead(ctx)
					})
					_, err = late.Await(ctx)
					wantErr(t, "late", err, errStop)
					eq(t, "late lived for", time.Since(begin), time.Minute)
				})
			})
		}
	}
}

// The end of a foreign ctx cancels the operations below it, whichever methods
// of theirs were called before.
func TestForeignCancelsTree(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		sub, cancel := context.WithCancelCause(ctx)
		causes := make(chan error, 3)
		aio.Spawn(sub, "op", func(ctx context.Context) error {
			aio.Spawn(ctx, "child", func(ctx context.Context) error { causes <- untilDead(ctx); return nil })
			return untilDead(ctx)
		})
		p := aio.NewPromise[int](sub, 0, "promise")
		op, err := aio.Begin(sub, 0, "driver")
		if err != nil {
			t.Fatalf("aio.Begin: %v", err)
		}
		op.OnCancel(func(cause error) { op.End(nil); causes <- cause })
		synctest.Wait()
		cancel(errStop)
		synctest.Wait()
		wantErr(t, "child", <-causes, errStop)
		wantErr(t, "OnCancel", <-causes, errStop)
		_, err = p.Future().Result()
		wantErr(t, "promise", err, errStop)
	})
}

// Failing because a foreign ctx has ended is being cancelled: it is not an
// event, and counts as cancelled.
func TestForeignEndIsNoEvent(t *testing.T) {
	for name, ret := range map[string]func(ctx context.Context) error{
		"Err":   func(ctx context.Context) error { return ctx.Err() },
		"Cause": context.Cause,
		"both":  func(ctx context.Context) error { return fmt.Errorf("%w: %w", ctx.Err(), context.Cause(ctx)) },
	} {
		t.Run(name, func(t *testing.T) {
			var rec recorder
			l := rec.loop()
			must(t, l, func(ctx context.Context) {
				ctx, cancel := context.WithTimeoutCause(ctx, time.Second, errStop)
				defer cancel()
				aio.Spawn(ctx, "spawned", func(ctx context.Context) error { <-ctx.Done(); return ret(ctx) })
				aio.Go(ctx, "dropped", func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ret(ctx) })
				aio.Go(ctx, "polling", func(ctx context.Context) (int, error) {
					time.Sleep(2 * time.Second)
					return 0, ret(ctx)
				})
				time.Sleep(3 * time.Second)
			})
			rec.want(t)
			eq(t, "cancelled", l.Stats().Cancelled, 3)
		})
	}
}

// Contexts derived from an operation's cost no goroutine.
func TestDerivedCtxCostsNoGoroutine(t *testing.T) {
	err := run(nil, func(ctx context.Context) error {
		l := aio.LoopOf(ctx)
		foreign, end := context.WithCancel(context.Background())
		defer end()
		for name, c := range map[string]context.Context{
			"main": ctx, "OnEvent": aio.OnEvent(ctx, func(aio.Event) {}), "Detach": aio.Detach(ctx),
			"WithLoop": aio.WithLoop(foreign, l), "WithValue": context.WithValue(ctx, key("k"), 1),
			"child": aio.NewPromise[int](ctx, 0, "").Context(),
		} {
			var stops []func() bool
			var cancels []func()
			for range 100 {
				d, cancel := context.WithTimeout(c, time.Hour)
				cancels = append(cancels, cancel)
				stops = append(stops, context.AfterFunc(d, func() {}))
				aio.NewPromise[int](d, 0, "").Future().Done()
			}
			if n := goroutinesWith("created by context.(*cancelCtx).propagateCancel"); n > 0 {
				t.Errorf("%s: %d goroutines", name, n)
			}
			for i := range stops {
				stops[i]()
				cancels[i]()
			}
		}
		l.Exit(nil)
		l.Cancel(nil)
		return nil
	})
	wantErr(t, "Run", err, nil)
}

// A long-lived foreign ctx does not refer to an operation that has succeeded.
func TestForeignCtxLetsGo(t *testing.T) {
	err := run(nil, func(ctx context.Context) error {
		foreign, cancel := context.WithCancel(context.Background())
		defer cancel()
		attached := aio.WithLoop(foreign, aio.LoopOf(ctx))
		work := func() {
			for range 10_000 {
				aio.Go(attached, "", func(ctx context.Context) (int, error) { ctx.Done(); return 0, nil }).Await(ctx)
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
	wantErr(t, "Run", err, nil)
}

// TestErrStays checks that Err and Cause of an operation's ctx stay what they
// are once the operation is cancelled or has failed, also if the ctx around it
// then ends for another reason.
func TestErrStays(t *testing.T) {
	for _, c := range []struct {
		name  string
		end   func(around, o *aio.Op)
		cause error
	}{
		{"cancelled", func(_, o *aio.Op) { o.Cancel(errStop) }, errStop},
		{"cancelled with its parent", func(around, _ *aio.Op) { around.Cancel(errStop) }, errStop},
		{"failed", func(_, o *aio.Op) { o.End(errStop) }, errStop},
		{"cancelled, and ended", func(_, o *aio.Op) { o.Cancel(errStop); o.End(errTest) }, errStop},
	} {
		for _, asked := range []string{"", "Done", "Err", "a derived context"} {
			t.Run(c.name+", asked "+asked, func(t *testing.T) {
				must(t, (&recorder{}).loop(), func(ctx context.Context) {
					around, err := aio.Begin(ctx, 0, "around")
					wantErr(t, "Begin", err, nil)
					foreign, cancel := context.WithTimeout(around.Context(), time.Minute)
					defer cancel()
					o, err := aio.Begin(foreign, 0, "op")
					wantErr(t, "Begin", err, nil)
					of := o.Context()
					switch asked {
					case "Done":
						of.Done()
					case "Err":
						of.Err()
					case "a derived context":
						_, cancel := context.WithCancel(of)
						defer cancel()
					}
					c.end(around, o)
					wantErr(t, "Err", of.Err(), context.Canceled)
					time.Sleep(time.Hour)
					wantErr(t, "Err after the end of the ctx around it", of.Err(), context.Canceled)
					<-of.Done()
					wantErr(t, "Err after Done", of.Err(), context.Canceled)
					wantErr(t, "Cause", context.Cause(of), c.cause)
					o.End(nil)
					around.End(nil)
				})
			})
		}
	}
}

// What the ctx of an operation says once the operation has ended.
func TestCtxAfterEnd(t *testing.T) {
	for _, c := range []struct {
		name       string
		asked      bool // for Done, before the end
		fn         func(ctx context.Context) (int, error)
		cancel     error
		err, cause error
	}{
		{"succeeded", false, func(context.Context) (int, error) { return 0, nil }, nil, nil, nil},
		{"succeeded, Done asked for", true, func(context.Context) (int, error) { return 0, nil }, nil, context.Canceled, context.Canceled},
		{"failed", false, func(context.Context) (int, error) { return 0, errTest }, nil, context.Canceled, errTest},
		{"failed, Done asked for", true, func(context.Context) (int, error) { return 0, errTest }, nil, context.Canceled, errTest},
		{"cancelled", true, never, errStop, context.Canceled, errStop},
		{"cancelled, then another error", true, func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, errTest
		}, errStop, context.Canceled, errStop},
		{"cancelled, then succeeded", true, func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 1, nil
		}, errStop, context.Canceled, errStop},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var own context.Context
				run(&aio.Loop{OnEvent: func(aio.Event) {}}, func(ctx context.Context) error {
					f := aio.Go(ctx, "", func(ctx context.Context) (int, error) {
						own = ctx
						if c.asked {
							ctx.Done()
						}
						return c.fn(ctx)
					})
					synctest.Wait()
					if c.cancel != nil {
						f.Cancel(c.cancel)
					}
					f.Await(ctx)
					synctest.Wait()
					check := func(name string, ctx context.Context) {
						t.Helper()
						wantErr(t, name+" Err", ctx.Err(), c.err)
						wantErr(t, name+" Cause", context.Cause(ctx), c.cause)
						closed := false
						select {
						case <-ctx.Done():
							closed = true
						default:
						}
						eq(t, name+" Done closed", closed, c.err != nil)
					}
					derived, cancel := context.WithCancel(own)
					defer cancel()
					check("own", own)
					check("derived", derived)
					check("with value", context.WithValue(own, key("k"), 1))
					// Work started with it is alive unless the operation was
					// cancelled or failed.
					late, _ := aio.Go(own, "", func(ctx context.Context) (error, error) { return context.Cause(ctx), nil }).Await(ctx)
					if c.cause == context.Canceled {
						wantErr(t, "late work", late, nil)
					} else {
						wantErr(t, "late work", late, c.cause)
					}
					return nil
				})
				wantErr(t, "Err after the loop", own.Err(), context.Canceled)
				if c.err == nil {
					wantErr(t, "Cause after the loop", context.Cause(own), aio.ErrExit)
				}
				if _, err := aio.Go(own, "", never).Result(); err != aio.ErrLoopDone {
					t.Errorf("an operation after the loop: %v", err)
				}
			})
		})
	}
}

// Err never goes back to nil, and Done and Err agree, while an operation is
// cancelled and ends at once.
func TestCtxIsConsistent(t *testing.T) {
	err := run(nil, func(ctx context.Context) error {
		for i := range 2000 {
			p := aio.NewPromise[int](ctx, 0, "")
			own := p.Context()
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					dead := false
					for range 50 {
						err := own.Err()
						if dead && err == nil {
							t.Error("Err went back to nil")
							return
						}
						dead = err != nil
						if dead && context.Cause(own) != errStop {
							t.Errorf("Cause: %v", context.Cause(own))
							return
						}
						if i%2 == 0 {
							select {
							case <-own.Done():
								if own.Err() == nil {
									t.Error("Done without Err")
								}
							default:
							}
						}
					}
				})
			}
			p.Op().Cancel(errStop)
			wg.Wait()
		}
		return nil
	})
	wantErr(t, "Run", err, nil)
}

func TestCtxString(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		eq(t, "String", fmt.Sprint(ctx), "aio(main)")
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		eq(t, "String", fmt.Sprint(ctx), "aio(main).WithCancel")
	})
}
