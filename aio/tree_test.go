package aio_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

func TestChildOutlivesParent(t *testing.T) {
	took := must(t, nil, func(ctx context.Context) {
		ended := make(chan error, 1)
		f := aio.Go(ctx, "parent", func(ctx context.Context) (int, error) {
			aio.Spawn(ctx, "child", func(ctx context.Context) error {
				err := sleep(ctx, time.Second)
				ended <- err
				return err
			})
			return 1, nil
		})
		if v, err := f.Await(ctx); v != 1 || err != nil {
			t.Errorf("parent: %v, %v", v, err)
		}
		if err := <-ended; err != nil {
			t.Errorf("child: %v", err)
		}
	})
	eq(t, "took", took, time.Second)
}

func TestParentFailsChildrenCancelled(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		causes := make(chan error, 2)
		f := aio.Go(ctx, "parent", func(ctx context.Context) (int, error) {
			aio.Spawn(ctx, "child", func(ctx context.Context) error {
				aio.Spawn(ctx, "grandchild", func(ctx context.Context) error {
					causes <- untilDead(ctx)
					return nil
				})
				causes <- untilDead(ctx)
				return nil
			})
			return 0, errTest
		})
		_, err := f.Await(ctx)
		wantErr(t, "parent", err, errTest)
		for range 2 {
			wantErr(t, "cause in a child", <-causes, errTest)
		}
	})
}

// What a successful parent leaves goes to its nearest unfinished ancestor, and
// still knows who started it.
func TestSuccessHandsUp(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		top := aio.Go(ctx, "top", func(ctx context.Context) (int, error) {
			aio.Go(ctx, "middle", func(ctx context.Context) (int, error) {
				aio.Go(ctx, "low", never)
				return 0, nil
			})
			return never(ctx)
		})
		synctest.Wait()
		for i := range aio.LoopOf(ctx).Ops() {
			if i.Name == "low" && (i.By != "middle" || !slices.Equal(i.Parents, []string{"top", "main"})) {
				t.Errorf("low: by %q, parents %q", i.By, i.Parents)
			}
		}
		eq(t, "in flight", infoNames(aio.LoopOf(ctx)), []string{"low", "top"})
		top.Cancel(errStop)
		synctest.Wait()
		eq(t, "in flight after cancelling top", len(infoNames(aio.LoopOf(ctx))), 0)
	})
}

// An operation that failed leaves nothing to its ancestors but cancelled
// children, however deep they are.
func TestFailureCancelsWhatWasHandedUp(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		low := make(chan error, 1)
		top := aio.Go(ctx, "top", func(ctx context.Context) (int, error) {
			m := aio.Go(ctx, "middle", func(ctx context.Context) (int, error) {
				aio.Spawn(ctx, "low", func(ctx context.Context) error { low <- untilDead(ctx); return nil })
				return 0, nil
			})
			m.Await(ctx)
			return 0, errTest
		})
		top.Await(ctx)
		wantErr(t, "low's cause", <-low, errTest)
	})
}

// namer is a driver that calls fn as it is asked for a name: as its operation
// ends, before it hands its children up.
type namer struct{ fn func() }

func (*namer) OpCancel(error) {}

func (n *namer) OpName() string {
	if fn := n.fn; fn != nil {
		n.fn = nil
		fn()
	}
	return "namer"
}

// The children of an operation that fails are cancelled with it, and theirs,
// also where one of them succeeds at that moment and hands its own up.
func TestFailureMeetsSuccess(t *testing.T) {
	for _, c := range []struct {
		name           string
		outer          bool // is interrupted, else the inner one is
		first, andThen func(outer, inner *aio.Op)
	}{
		{"failure as the child ends", false, endInner, failOuter},
		{"cancellation as the child ends", false, endInner, func(outer, _ *aio.Op) { outer.Cancel(errTest) }},
		{"the child's end as it fails", true, failOuter, endInner},
	} {
		t.Run(c.name, func(t *testing.T) {
			var rec recorder
			must(t, rec.loop(), func(ctx context.Context) {
				var outer, inner aio.Op
				o, i := new(namer), new(namer)
				outer.Start(ctx, 0, "", o)
				inner.Start(outer.Context(), 0, "", i)
				low, err := aio.Begin(inner.Context(), 0, "low")
				wantErr(t, "Begin", err, nil)
				interrupt := func() { c.andThen(&outer, &inner) }
				if c.outer {
					o.fn = interrupt
				} else {
					i.fn = interrupt
				}
				c.first(&outer, &inner)
				wantErr(t, "low's cause", context.Cause(low.Context()), errTest)
				low.End(nil)
				inner.End(nil)
				outer.End(nil)
			})
		})
	}
}

func endInner(_, inner *aio.Op)  { inner.End(nil) }
func failOuter(outer, _ *aio.Op) { outer.End(errTest) }

// The Done channel of a finished operation is closed when those around it are
// cancelled, or when everything that it left has ended.
func TestGhost(t *testing.T) {
	for _, how := range []string{"top cancelled", "child ends", "child's child goes on"} {
		t.Run(how, func(t *testing.T) {
			must(t, nil, func(ctx context.Context) {
				var mid context.Context
				release := make(chan struct{})
				top := aio.Go(ctx, "top", func(ctx context.Context) (int, error) {
					aio.Go(ctx, "middle", func(ctx context.Context) (int, error) {
						mid = ctx
						ctx.Done()
						aio.Go(ctx, "low", func(ctx context.Context) (int, error) {
							if how == "child's child goes on" {
								aio.Go(ctx, "lowest", never)
							}
							select {
							case <-release:
								return 0, nil
							case <-ctx.Done():
								return 0, context.Cause(ctx)
							}
						})
						return 0, nil
					}).Await(ctx)
					return never(ctx)
				})
				synctest.Wait()
				if mid.Err() != nil {
					t.Errorf("middle's ctx is dead while its child runs: %v", context.Cause(mid))
				}
				want := context.Canceled
				if how == "top cancelled" {
					top.Cancel(errStop)
					want = errStop
				} else {
					close(release)
				}
				synctest.Wait()
				select {
				case <-mid.Done():
				default:
					t.Error("middle's Done is open")
				}
				wantErr(t, "Err", mid.Err(), context.Canceled)
				wantErr(t, "Cause", context.Cause(mid), want)
				top.Cancel(errStop)
			})
		})
	}
}

// A finished operation that left only daemons, and whose ctx has a Done
// channel, does not hold a Scope open.
func TestGhostWithDaemons(t *testing.T) {
	took := must(t, nil, func(ctx context.Context) {
		err := aio.Scope(ctx, "scope", func(ctx context.Context) error {
			_, err := aio.Go(ctx, "work", func(ctx context.Context) (int, error) {
				ctx.Done()
				aio.Go(ctx, "inner", func(ctx context.Context) (int, error) {
					ctx.Done()
					aio.Daemon(ctx, "daemon", untilDead)
					aio.Go(ctx, "slow", func(ctx context.Context) (int, error) { return 0, sleep(ctx, time.Second) })
					return 0, nil
				})
				return 0, nil
			}).Await(ctx)
			return err
		})
		wantErr(t, "Scope", err, nil)
	})
	eq(t, "took", took, time.Second)
}

func deep(n int) int {
	if raceOn {
		return n / 10
	}
	return n
}

func TestDeepTree(t *testing.T) {
	n := deep(30_000)
	err := run(nil, func(ctx context.Context) error {
		l := aio.LoopOf(ctx)
		var started, dead atomic.Int64
		all := make(chan struct{})
		var grow func(ctx context.Context) error
		grow = func(ctx context.Context) error {
			if started.Add(1) < int64(n) {
				aio.Spawn(ctx, "deep", grow)
			} else {
				close(all)
			}
			<-ctx.Done()
			if errors.Is(context.Cause(ctx), errStop) {
				dead.Add(1)
			}
			return context.Cause(ctx)
		}
		top := aio.Go(ctx, "top", func(ctx context.Context) (int, error) { return 0, grow(ctx) })
		<-all
		count := 0
		for i := range l.Ops() {
			count++
			if count == n/2 && len(i.Parents) != 34 {
				t.Errorf("%d parents", len(i.Parents))
			}
		}
		eq(t, "operations listed", count, n)
		top.Cancel(errStop)
		_, err := top.Await(ctx)
		wantErr(t, "top", err, errStop)
		for l.Stats().InFlight > 1 {
			runtime.Gosched()
		}
		eq(t, "cancelled", dead.Load(), int64(n))
		return nil
	})
	wantErr(t, "Run", err, nil)
}

// Promises end in the goroutine that cancels them: a deep tree of them must not
// recurse.
func TestDeepPromises(t *testing.T) {
	err := run(nil, func(ctx context.Context) error {
		ps := []*aio.Promise[int]{aio.NewPromise[int](ctx, 0, "top")}
		for range deep(100_000) {
			ps = append(ps, aio.NewPromise[int](ps[len(ps)-1].Context(), 0, "p"))
		}
		leaf := ps[len(ps)-1]
		ps[0].Reject(errTest)
		for _, p := range ps {
			if _, err := p.Future().Result(); err != errTest {
				t.Fatalf("a promise: %v", err)
			}
		}
		if err := context.Cause(leaf.Context()); err != errTest {
			t.Errorf("leaf: %v", err)
		}
		return nil
	})
	wantErr(t, "Run", err, nil)
}

// Promises that succeed from the leaf up leave long chains of finished
// ancestors.
func TestDeepFinished(t *testing.T) {
	err := run(nil, func(ctx context.Context) error {
		ps := []*aio.Promise[int]{aio.NewPromise[int](ctx, 0, "top")}
		for range deep(100_000) {
			ps = append(ps, aio.NewPromise[int](ps[len(ps)-1].Context(), 0, "p"))
		}
		for i := len(ps) - 1; i >= 0; i-- {
			ps[i].Resolve(i)
		}
		leaf := ps[len(ps)-1].Context()
		if leaf.Err() != nil {
			t.Error(leaf.Err())
		}
		if leaf.Done() != ctx.Done() {
			t.Error("the Done of a finished operation is not that of its nearest unfinished ancestor")
		}
		f := aio.Go(leaf, "late", func(ctx context.Context) (int, error) { return 7, ctx.Err() })
		if v, err := f.Await(ctx); v != 7 || err != nil {
			t.Error(v, err)
		}
		return nil
	})
	wantErr(t, "Run", err, nil)
}

func TestWideTree(t *testing.T) {
	n := deep(100_000)
	err := run(nil, func(ctx context.Context) error {
		top := aio.NewPromise[int](ctx, 0, "top")
		var ps []*aio.Promise[int]
		for range n {
			ps = append(ps, aio.NewPromise[int](top.Context(), 0, ""))
		}
		eq(t, "in flight", aio.LoopOf(ctx).Stats().InFlight, int64(n+2))
		top.Resolve(1) // hands all of them up
		eq(t, "in flight", aio.LoopOf(ctx).Stats().InFlight, int64(n+1))
		again := aio.NewPromise[int](ctx, 0, "again")
		for range n {
			ps = append(ps, aio.NewPromise[int](again.Context(), 0, ""))
		}
		again.Reject(errTest)
		again.Future().Result()
		eq(t, "in flight", aio.LoopOf(ctx).Stats().InFlight, int64(n+1))
		for i, p := range ps {
			p.Resolve(i)
			v, err := p.Future().Result()
			if i < n && (v != i || err != nil) || i >= n && err != errTest {
				t.Fatalf("%d: %v, %v", i, v, err)
			}
		}
		return nil
	})
	wantErr(t, "Run", err, nil)
}

// Trees that grow, end, fail and are cancelled everywhere at once leave nothing
// behind.
func TestTreeChurn(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			var rec recorder
			var fns, ends atomic.Int64
			l := rec.loop()
			err := run(l, func(ctx context.Context) error {
				var grow func(rnd *rand.Rand, depth int) func(ctx context.Context) (int, error)
				grow = func(rnd *rand.Rand, depth int) func(ctx context.Context) (int, error) {
					mine := rand.New(rand.NewPCG(rnd.Uint64(), seed))
					fns.Add(1)
					return func(ctx context.Context) (int, error) {
						defer ends.Add(1)
						if mine.IntN(2) == 0 {
							ctx.Done()
						}
						if mine.IntN(3) == 0 {
							var stop context.CancelFunc
							ctx, stop = context.WithCancel(ctx)
							if mine.IntN(2) == 0 {
								defer stop()
							} else {
								context.AfterFunc(ctx, stop)
							}
						}
						var kids []*aio.Future[int]
						for range mine.IntN(5) {
							if depth > 0 {
								kids = append(kids, aio.Go(ctx, "kid", grow(mine, depth-1)))
							}
						}
						switch {
						case len(kids) > 0 && mine.IntN(3) == 0:
							kids[0].Cancel(errStop)
						case len(kids) > 0 && mine.IntN(2) == 0:
							kids[0].Await(ctx)
						}
						if mine.IntN(5) == 0 {
							return 0, errStop
						}
						return 1, ctx.Err()
					}
				}
				var wg sync.WaitGroup
				for i := range uint64(8) {
					wg.Go(func() {
						rnd := rand.New(rand.NewPCG(seed, i))
						for range 20 {
							aio.Go(ctx, "root", grow(rnd, 5)).Await(ctx)
						}
					})
				}
				wg.Wait()
				return nil
			})
			if err != nil {
				t.Errorf("run: %v", err)
			}
			if fns.Load() != ends.Load() {
				t.Errorf("%d functions, %d ended", fns.Load(), ends.Load())
			}
			s := l.Stats()
			if s.InFlight != 0 || len(s.Kinds) != 0 || s.Started != fns.Load()+1 {
				t.Errorf("%+v for %d", s, fns.Load())
			}
		})
	}
}

// A chain of operations, each started by the one before, holds on to none of
// its finished links.
func TestChainKeepsHeapFlat(t *testing.T) {
	// 160,000 links between the looks: less than a pointer for each
	const n, most = 200_000, 1 << 20
	for _, c := range []struct {
		name  string
		n     int
		touch func(ctx context.Context) context.Context
	}{
		{"plain", n, func(ctx context.Context) context.Context { return ctx }},
		{"with Done asked for", n / 5, func(ctx context.Context) context.Context { ctx.Done(); return ctx }},
		{"deriving", n / 10, func(ctx context.Context) context.Context {
			sub, cancel := context.WithCancel(ctx)
			defer cancel()
			_ = sub
			return ctx
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := run(nil, func(ctx context.Context) error {
				done := make(chan struct{})
				half := make(chan struct{})
				resume := make(chan struct{})
				var left atomic.Int64
				left.Store(int64(c.n))
				var link func(ctx context.Context) error
				link = func(ctx context.Context) error {
					switch left.Add(-1) {
					case 0:
						close(done)
						return nil
					case int64(c.n) / 10, int64(c.n) * 9 / 10:
						half <- struct{}{}
						<-resume
					}
					aio.Spawn(c.touch(ctx), "", link)
					return nil
				}
				aio.Spawn(ctx, "", link)
				<-half
				before := heap()
				resume <- struct{}{}
				<-half
				after := heap()
				resume <- struct{}{}
				<-done
				if int64(after)-int64(before) > most {
					t.Errorf("the heap grew from %d to %d bytes", before, after)
				}
				return nil
			})
			wantErr(t, "Run", err, nil)
		})
	}
}
