package aio_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

// Any number of goroutines wait for the same future with the same ctx, by every
// means, and each gets it.
func TestManyWaiters(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		for range 3 { // what was waited on is used again
			p := aio.NewPromise[int](ctx, 0, "awaited")
			f := p.Future()
			var all sync.WaitGroup
			var told atomic.Int64
			for range 3 {
				all.Go(func() {
					if v, err := f.Await(ctx); v != 7 || err != nil {
						t.Error(v, err)
					}
					told.Add(1)
				})
				all.Go(func() {
					<-f.Done()
					told.Add(1)
				})
				all.Go(func() {
					if r := <-f.C(); r.Value != 7 {
						t.Error(r)
					}
					told.Add(1)
				})
				all.Go(func() {
					if err := aio.Wait(ctx, f, aio.Resolved(1)); err != nil {
						t.Errorf("aio.Wait: %v", err)
					}
					told.Add(1)
				})
				synctest.Wait()
				f.AfterFunc(func() { told.Add(1) })
			}
			p.Resolve(7)
			all.Wait()
			eq(t, "told", told.Load(), 15)
		}
	})
}

// Waiters of a future are woken in the order in which they came.
func TestHooksInOrder(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		p := aio.NewPromise[int](ctx, 0, "awaited")
		var order []int
		for i := range 5 {
			p.Future().AfterFunc(func() { order = append(order, i) })
		}
		p.Resolve(7)
		p.Future().AfterFunc(func() { order = append(order, 5) })
		eq(t, "order", order, []int{0, 1, 2, 3, 4, 5})
	})
}

// Awaiting ends with the result or the cancellation of its ctx, whatever comes
// first, also if both come at the same time; and the ctx's next Await is not
// disturbed by the other one.
func TestAwaitCancelRace(t *testing.T) {
	for _, how := range []string{"Await", "Wait", "AsCompleted", "Scope"} {
		t.Run(how, func(t *testing.T) {
			const rounds = 2000
			var cancelled atomic.Int64
			err := aio.Run(context.Background(), func(ctx context.Context) error {
				for range rounds {
					p := aio.NewPromise[int](ctx, 0, "awaited")
					waiter := aio.Go(ctx, "waiter", func(ctx context.Context) (int, error) {
						v, err := awaitBy(ctx, how, p.Future())
						var late *aio.AwaitError
						switch {
						case err == nil && v != 7, err != nil && !errors.As(err, &late) && !errors.Is(err, errStop):
							t.Error(v, err)
						case err != nil:
							cancelled.Add(1)
						}
						next := aio.Go(context.WithoutCancel(ctx), "next", func(context.Context) (int, error) { return 8, nil })
						if v, err := next.Await(context.WithoutCancel(ctx)); v != 8 || err != nil {
							t.Error(v, err)
						}
						<-p.Future().Done()
						return 0, nil
					})
					both := []func(){func() { p.Resolve(7) }, func() { waiter.Cancel(errStop) }}
					rand.Shuffle(2, func(i, j int) { both[i], both[j] = both[j], both[i] })
					var all sync.WaitGroup
					for _, do := range both {
						all.Go(do)
						for range rand.IntN(3) {
							runtime.Gosched()
						}
					}
					all.Wait()
					waiter.Await(context.Background())
				}
				return nil
			})
			if err != nil {
				t.Errorf("aio.Run: %v", err)
			}
			t.Logf("%d of %d were cancelled", cancelled.Load(), rounds)
		})
	}
}

// awaitBy waits for f by one of the means.
func awaitBy(ctx context.Context, how string, f *aio.Future[int]) (v int, err error) {
	switch how {
	case "Wait":
		if err := aio.Wait(ctx, aio.Resolved(1), f); err != nil {
			return 0, err
		}
		return f.Result()
	case "AsCompleted":
		for _, r := range aio.AsCompleted(ctx, f) {
			v, err = r.Value, r.Err
		}
		return v, err
	case "Scope":
		err = aio.Scope(ctx, "scope", func(ctx context.Context) error {
			v, err = f.Await(ctx)
			return err
		})
		return v, err
	}
	return f.Await(ctx)
}

// Awaiting with an operation's own ctx ends with the operation's cancellation,
// be it before or during the wait. What else waits for the awaited operation is
// told nevertheless, whatever is awaited next.
func TestAwaitCancelled(t *testing.T) {
	for _, how := range []string{"Await", "Wait", "AsCompleted", "Scope"} {
		for when, after := range map[string]time.Duration{"before": 0, "during": time.Second} {
			t.Run(how+"/"+when, func(t *testing.T) {
				must(t, nil, func(ctx context.Context) {
					first, second := aio.NewPromise[int](ctx, 0, "first"), aio.NewPromise[int](ctx, 0, "second")
					told := 0
					first.Future().AfterFunc(func() { told++ })
					waiter := aio.Go(ctx, "waiter", func(ctx context.Context) (int, error) {
						if after == 0 {
							<-ctx.Done()
						}
						for _, p := range []*aio.Promise[int]{first, second} {
							_, err := awaitBy(ctx, how, p.Future())
							var late *aio.AwaitError
							if !errors.As(err, &late) && !errors.Is(err, errStop) {
								t.Errorf("%s: %v", how, err)
							}
						}
						return 0, nil
					})
					time.Sleep(after)
					waiter.Cancel(errStop)
					waiter.Await(ctx)
					// told's, and a Done channel or an AsCompleted that goes on
					if n := aio.Hooks(first.Future()); n > 2 {
						t.Errorf("%d hooks are left", n)
					}
					first.Resolve(7)
					second.Resolve(7)
					eq(t, "told", told, 1)
				})
			})
		}
	}
}

// A Wait that ends with a failure leaves nothing with the futures that go on.
func TestWaitLeavesNothing(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		long := aio.NewPromise[int](ctx, 0, "long")
		for range 3 {
			if err := aio.Wait(ctx, long.Future(), aio.Failed[int](errStop)); err != errStop {
				t.Errorf("Wait: %v", err)
			}
		}
		eq(t, "hooks", aio.Hooks(long.Future()), 0)
		long.Resolve(0)
	})
}

// A goroutine that a function has left behind, and that waits with its ctx,
// goes on waiting when the function has returned, and ends with the
// cancellation of what is around it, or at once if the function has failed.
func TestAwaitLeftBehind(t *testing.T) {
	for _, c := range []struct {
		name string
		fn   error
		end  func(outer *aio.Future[int], p *aio.Promise[int])
		want error
	}{
		{"resolved", nil, func(_ *aio.Future[int], p *aio.Promise[int]) { p.Resolve(7) }, nil},
		{"cancelled around it", nil, func(outer *aio.Future[int], _ *aio.Promise[int]) { outer.Cancel(errStop) }, errStop},
		{"failed", errStop, func(*aio.Future[int], *aio.Promise[int]) {}, errStop},
	} {
		t.Run(c.name, func(t *testing.T) {
			must(t, nil, func(ctx context.Context) {
				p := aio.NewPromise[int](ctx, 0, "awaited")
				defer p.Resolve(0)
				left, goOn := make(chan error, 1), make(chan bool)
				outer := aio.Go(ctx, "outer", func(ctx context.Context) (int, error) {
					inner := aio.Go(ctx, "inner", func(ctx context.Context) (int, error) {
						go func() {
							_, err := p.Future().Await(ctx)
							left <- err
						}()
						<-goOn
						return 0, c.fn
					})
					inner.Await(context.WithoutCancel(ctx))
					<-ctx.Done()
					return 0, nil
				})
				synctest.Wait()
				close(goOn)
				synctest.Wait()
				c.end(outer, p)
				err := <-left
				if c.want == nil && err != nil || c.want != nil && !errors.Is(err, c.want) {
					t.Errorf("Await: %v, want %v", err, c.want)
				}
				outer.Cancel(errStop)
				outer.Await(ctx)
			})
		})
	}
}

// An Await takes little beside goroutines that keep all processors busy: it
// does not wait until these have nothing to do. What they have done meanwhile
// says how long it took.
func TestAwaitAmongBusy(t *testing.T) {
	const pairs, samples, most = 64, 50, 200000
	var did atomic.Int64
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range pairs {
		ping, pong := make(chan int), make(chan int)
		all.Go(func() {
			defer close(ping)
			for {
				select {
				case <-stop:
					return
				case ping <- 1:
				}
				<-pong
				did.Add(1)
			}
		})
		all.Go(func() {
			for range ping {
				pong <- 1
			}
		})
	}
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		defer all.Wait()
		defer close(stop)
		var meanwhile []int64
		for range samples {
			before := did.Load()
			if _, err := aio.Go(ctx, "", func(context.Context) (int, error) { return 0, nil }).Await(ctx); err != nil {
				return err
			}
			meanwhile = append(meanwhile, did.Load()-before)
		}
		slices.Sort(meanwhile)
		if m := meanwhile[samples/2]; m > most {
			t.Errorf("others went to and fro %d times during an Await, want less than %d", m, most)
		}
		return nil
	})
	if err != nil {
		t.Errorf("aio.Run: %v", err)
	}
}

// An Await whose ctx has no parker that is free allocates no more than one with
// the function's own ctx.
func TestAwaitAsideAllocs(t *testing.T) {
	if raceOn {
		t.Skip("with the race detector, a sync.Pool drops what it is given at random")
	}
	must(t, nil, func(ctx context.Context) {
		allocs := func(by context.Context) float64 {
			return testing.AllocsPerRun(100, func() {
				p := aio.NewPromise[int](ctx, 0, "awaited")
				go p.Resolve(7)
				if v, err := p.Future().Await(by); v != 7 || err != nil {
					t.Errorf("Await: %v, %v, want 7, nil", v, err)
				}
			})
		}
		own := allocs(ctx)
		derived, cancel := context.WithCancel(ctx)
		defer cancel()
		if n := allocs(derived); n > own {
			t.Errorf("a promise and an Await with a ctx derived from the function's allocate %v times, want at most %v", n, own)
		}
	})
}

// An Await that its ctx has ended leaves nothing with the future. What that
// waited on serves the next Await, which the first future does not disturb.
func TestAwaitAsideEnds(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		for range 3 {
			first, second := aio.NewPromise[int](ctx, 0, "first"), aio.NewPromise[int](ctx, 0, "second")
			short, cancel := context.WithCancel(ctx)
			var all sync.WaitGroup
			for range 2 {
				all.Go(func() {
					var early *aio.AwaitError
					if v, err := first.Future().Await(short); !errors.As(err, &early) {
						t.Errorf("Await with a ctx that ends: %v, %v, want an AwaitError", v, err)
					}
				})
			}
			synctest.Wait()
			cancel()
			all.Wait()
			long, cancel := context.WithCancel(ctx)
			all.Go(func() {
				if v, err := second.Future().Await(long); v != 2 || err != nil {
					t.Errorf("Await of the second: %v, %v, want 2, nil", v, err)
				}
			})
			synctest.Wait()
			first.Resolve(1)
			synctest.Wait()
			second.Resolve(2)
			all.Wait()
			cancel()
		}
	})
}

// noDoneCtx is a ctx whose Done panics.
type noDoneCtx struct{ context.Context }

func (noDoneCtx) Done() <-chan struct{} { panic("Done") }

// An Await that ends with a panic of its ctx leaves nothing behind that another
// Await uses.
func TestAwaitDonePanics(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		for range 20 {
			one, two := aio.NewPromise[int](ctx, 0, "one"), aio.NewPromise[int](ctx, 0, "two")
			func() {
				defer func() { recover() }()
				one.Future().Await(noDoneCtx{context.Background()})
			}()
			var all sync.WaitGroup
			for _, p := range []*aio.Promise[int]{one, two} {
				all.Go(func() {
					time.Sleep(ms)
					p.Resolve(7)
				})
			}
			if v, err := two.Future().Await(context.Background()); v != 7 || err != nil {
				t.Errorf("two.Future().Await: %v, %v, want 7, nil", v, err)
			}
			all.Wait()
		}
	})
}

// TestAwaitBeforeStart checks that an Await of a promise that has not started
// waits until its ctx ends.
func TestAwaitBeforeStart(t *testing.T) {
	var p aio.Promise[int]
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.Future().Await(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Await of a promise that has not started: got %v, want %v", err, context.Canceled)
	}
}
