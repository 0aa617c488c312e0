package aio_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

func fails(context.Context) (int, error) { return 0, errTest }

// What counts as looking at a failed future, and when an error that nothing
// looked at is reported.
func TestLostAtLoopEnd(t *testing.T) {
	keep := func(any) {}
	for _, c := range []struct {
		name string
		use  func(ctx context.Context, f *aio.Future[int])
		lost bool
	}{
		{"dropped", func(context.Context, *aio.Future[int]) {}, true},
		{"Await", func(ctx context.Context, f *aio.Future[int]) { f.Await(ctx) }, false},
		{"Result", func(ctx context.Context, f *aio.Future[int]) { <-f.Done(); f.Result() }, false},
		{"Result while pending", func(ctx context.Context, f *aio.Future[int]) { f.Result() }, true},
		{"C, received", func(ctx context.Context, f *aio.Future[int]) { <-f.C() }, false},
		{"C after the end, received", func(ctx context.Context, f *aio.Future[int]) { <-f.Done(); <-f.C() }, false},
		{"C never read", func(ctx context.Context, f *aio.Future[int]) { keep(f.C()) }, true},
		{"C after the end, never read", func(ctx context.Context, f *aio.Future[int]) { <-f.Done(); keep(f.C()) }, true},
		{"two Cs, one read", func(ctx context.Context, f *aio.Future[int]) { f.C(); <-f.C() }, false},
		{"Done", func(ctx context.Context, f *aio.Future[int]) { <-f.Done() }, true},
		{"Cancel", func(ctx context.Context, f *aio.Future[int]) { f.Cancel(errStop); <-f.Done() }, true},
		{"Await that expires while pending", func(ctx context.Context, f *aio.Future[int]) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			f.Await(ctx)
		}, true},
		{"expired Wait", func(ctx context.Context, f *aio.Future[int]) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			aio.Wait(ctx, f)
		}, false},
		{"All", func(ctx context.Context, f *aio.Future[int]) { aio.All(ctx, f).Await(ctx) }, false},
		{"Any", func(ctx context.Context, f *aio.Future[int]) { aio.Any(ctx, f).Await(ctx) }, false},
		{"Race", func(ctx context.Context, f *aio.Future[int]) { aio.Race(ctx, f).Await(ctx) }, false},
		{"Settle", func(ctx context.Context, f *aio.Future[int]) { aio.Settle(ctx, f) }, false},
		{"Timeout", func(ctx context.Context, f *aio.Future[int]) { aio.Timeout(ctx, f, time.Hour).Await(ctx) }, false},
		{"Map", func(ctx context.Context, f *aio.Future[int]) {
			aio.Map(ctx, f, func(v int) (int, error) { return v, nil }).Await(ctx)
		}, false},
		{"Map, dropped", func(ctx context.Context, f *aio.Future[int]) {
			aio.Map(ctx, f, func(v int) (int, error) { return v, nil })
		}, true}, // the derived future's, once
		{"Catch", func(ctx context.Context, f *aio.Future[int]) {
			aio.Catch(ctx, f, func(context.Context, error) (int, error) { return 1, nil })
		}, false},
		{"Wait", func(ctx context.Context, f *aio.Future[int]) { aio.Wait(ctx, f) }, false},
		{"AsCompleted", func(ctx context.Context, f *aio.Future[int]) {
			for range aio.AsCompleted(ctx, f) {
			}
		}, false},
		{"awaited in AtExit", func(ctx context.Context, f *aio.Future[int]) {
			aio.LoopOf(ctx).AtExit(func() { f.Await(context.Background()) })
		}, false},
	} {
		for _, early := range []bool{false, true} { // used before it fails
			if !early && strings.HasSuffix(c.name, "while pending") {
				continue
			}
			t.Run(fmt.Sprintf("%s/early=%v", c.name, early), func(t *testing.T) {
				var rec recorder
				must(t, rec.loop(), func(ctx context.Context) {
					f := aio.Go(ctx, "failing", func(ctx context.Context) (int, error) {
						if early {
							time.Sleep(time.Second)
						}
						return 0, errTest
					})
					if !early {
						synctest.Wait()
					}
					c.use(ctx, f)
					keep(f)
				})
				if c.lost {
					rec.want(t, "lost: "+errTest.Error())
				} else {
					rec.want(t)
				}
			})
		}
	}
}

// untilLost collects garbage until there are n events.
func untilLost(t *testing.T, ctx context.Context, rec *recorder, n int) {
	t.Helper()
	for range 2000 {
		if len(rec.events()) >= n {
			return
		}
		runtime.GC()
		// the loop looks now
		aio.Go(ctx, "", func(context.Context) (int, error) { return 1, nil }).Await(ctx)
	}
	t.Errorf("%d events, want %d", len(rec.events()), n)
}

// A loop that does nothing reports a lost error too, however late the future is
// collected: it looks again and again. It does so for each of several errors,
// also after it has found nothing more to look for.
func TestLostInIdleLoop(t *testing.T) {
	for _, kept := range []time.Duration{0, 40 * ms, 100 * ms, 10 * time.Second, time.Minute} {
		var rec recorder
		must(t, rec.loop(), func(ctx context.Context) {
			for want := 1; want <= 3; want++ {
				dropOne(t, ctx, kept)
				time.Sleep(2*kept + time.Second)
				synctest.Wait()
				if n := len(rec.events()); n != want {
					t.Errorf("failed future %d was dropped after %v, and the loop was idle for as long again: %d events, want %d", want, kept, n, want)
				}
				time.Sleep(time.Hour) // the loop looks no more
			}
		})
	}
}

// dropOne starts an operation that fails, keeps its future for a while, and
// returns when the future is collected. Nothing else happens in the loop.
func dropOne(t *testing.T, ctx context.Context, kept time.Duration) {
	t.Helper()
	f := aio.Go(ctx, "fails", fails)
	time.Sleep(kept)
	synctest.Wait()
	runtime.KeepAlive(f)
	for n := 0; !aio.LostGone(aio.LoopOf(ctx)); n++ {
		if n == 10_000 {
			t.Fatalf("a failed future was dropped after %v, and its cleanup has not run after %d garbage collections", kept, n)
		}
		runtime.GC()
	}
}

func TestLostByGC(t *testing.T) {
	var rec, near recorder
	err := run(rec.loop(), func(ctx context.Context) error {
		aio.Go(ctx, "dropped", fails)
		untilLost(t, ctx, &rec, 1)
		if e := rec.events()[0]; !e.Lost || e.Op.Name != "dropped" || e.Err != errTest || e.Loop != aio.LoopOf(ctx) {
			t.Errorf("%+v", e)
		}
		for range 100 {
			aio.Go(aio.OnEvent(ctx, near.add), "", fails)
			aio.NewPromise[int](ctx, 0, "").Reject(errTest)
		}
		untilLost(t, ctx, &near, 100)
		untilLost(t, ctx, &rec, 101)
		aio.Go(ctx, "its channel may still be read", fails).C()
		kept := aio.Go(ctx, "kept", fails)
		for range 20 {
			runtime.GC()
			aio.Go(ctx, "", func(context.Context) (int, error) { return 1, nil }).Await(ctx)
		}
		eq(t, "events", len(rec.events()), 101)
		kept.Result()
		return nil
	})
	wantErr(t, "Run", err, nil)
	eq(t, "events", len(rec.events()), 102)
	eq(t, "near events", len(near.events()), 100)
}

// The loop itself looks for what was collected, with nothing else going on;
// here in a synctest bubble, from outside of which the garbage collector's
// cleanups come.
func TestLostByGCInBubble(t *testing.T) {
	var rec recorder
	must(t, rec.loop(), func(ctx context.Context) {
		aio.Go(ctx, "dropped", fails)
		for range 2000 {
			runtime.GC()
			kept := aio.Go(ctx, "kept", fails) // the intervals begin anew
			time.Sleep(time.Minute)
			kept.Result()
			if len(rec.events()) > 0 {
				return
			}
		}
		t.Error("nothing was told")
	})
	rec.want(t, "lost: "+errTest.Error())
}

// DefaultOnEvent never exits the loop for a lost error.
func TestLostDoesNotExit(t *testing.T) {
	must(t, nil, func(ctx context.Context) { aio.Go(ctx, "dropped", fails) })
}

func TestNotLost(t *testing.T) {
	for name, fn := range map[string]func(ctx context.Context){
		"cancelled": func(ctx context.Context) {
			f := aio.Go(ctx, "", func(ctx context.Context) (int, error) {
				<-ctx.Done()
				return 0, fmt.Errorf("wrapped: %w", errors.Join(ctx.Err(), context.Cause(ctx)))
			})
			synctest.Wait()
			f.Cancel(errStop)
		},
		"cancelled promise":     func(ctx context.Context) { aio.NewPromise[int](ctx, 0, "").Future().Cancel(errStop) },
		"child of a failed one": func(ctx context.Context) { aio.Go(ctx, "", failsWithChild).Await(ctx) },
		"stopped":               func(ctx context.Context) { aio.NewPromise[int](ctx, 0, "").Reject(aio.ErrStopped) },
		"exiting":               func(ctx context.Context) { aio.NewPromise[int](ctx, 0, "").Reject(aio.ErrExit) },
		"Failed":                func(ctx context.Context) { aio.Failed[int](errTest) },
		"waited for in vain":    func(ctx context.Context) { awaitInVain(ctx) },
		"told by its driver": func(ctx context.Context) {
			p := aio.NewPromise[int](ctx, 0, "")
			p.Op().Told()
			p.Reject(errTest)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var rec recorder
			must(t, rec.loop(), fn)
			rec.want(t)
		})
	}
}

func failsWithChild(ctx context.Context) (int, error) {
	aio.Go(ctx, "", func(ctx context.Context) (int, error) {
		<-ctx.Done()
		return 0, fmt.Errorf("child: %w", context.Cause(ctx))
	})
	return 0, errTest
}

// awaitInVain fails with an AwaitError that says nothing but that its own
// operation was cancelled.
func awaitInVain(ctx context.Context) {
	p := aio.NewPromise[int](ctx, 0, "")
	f := aio.Go(ctx, "", func(ctx context.Context) (int, error) { return p.Future().Await(ctx) })
	synctest.Wait()
	f.Cancel(errStop)
	synctest.Wait()
	p.Resolve(1)
}

// An error that says more than that the operation was cancelled is reported.
func TestCancelledAndMore(t *testing.T) {
	var rec recorder
	must(t, rec.loop(), func(ctx context.Context) {
		for range 2 {
			f := aio.Go(ctx, "", func(ctx context.Context) (int, error) {
				return 0, errors.Join(untilDead(ctx), errTest)
			})
			synctest.Wait()
			f.Cancel(errStop)
			synctest.Wait()
		}
		// Its own wait's deadline is no cancellation.
		aio.Go(ctx, "", func(ctx context.Context) (int, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			_, err := aio.NewPromise[int](ctx, 0, "").Future().Await(context.Background())
			return 0, err
		})
	})
	both := "lost: " + errors.Join(errStop, errTest).Error()
	rec.want(t, both, both, "lost: context deadline exceeded")
}
