package aio_test

import (
	"context"
	"errors"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

func TestFuture(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		release := make(chan struct{})
		f := aio.Go(ctx, "f", func(context.Context) (int, error) { <-release; return 7, nil })
		if _, err := f.Result(); err != aio.ErrPending {
			t.Errorf("Result of a pending future: %v", err)
		}
		c1, c2, d := f.C(), f.C(), f.Done()
		var wg sync.WaitGroup
		for range 3 { // Done is for every reader
			wg.Go(func() { <-d; <-f.Done() })
		}
		close(release)
		v, err := f.Await(ctx)
		eq(t, "Await", fmtResult(0, aio.Result[int]{Value: v, Err: err}), "0 7 <nil>")
		wg.Wait()
		for _, c := range []<-chan aio.Result[int]{c1, c2, f.C()} {
			if cap(c) != 1 || (<-c).Value != 7 {
				t.Error("C")
			}
			select {
			case r, ok := <-c:
				t.Errorf("a second value from C: %v, %v", r, ok)
			default:
			}
		}
		f.Cancel(errStop) // too late
		if v, err := f.Result(); v != 7 || err != nil {
			t.Error(v, err)
		}
	})
}

// What a function returns beside an error is the future's value too.
func TestFutureValueAndError(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		v, err := aio.Go(ctx, "", func(context.Context) (int, error) { return 3, errTest }).Await(ctx)
		if v != 3 || err != errTest {
			t.Error(v, err)
		}
	})
}

func TestResolvedAndFailed(t *testing.T) {
	f, g := aio.Resolved("v"), aio.Failed[string](errTest)
	for range 2 {
		if v, err := f.Result(); v != "v" || err != nil {
			t.Error(v, err)
		}
		if v, err := g.Await(context.Background()); v != "" || err != errTest {
			t.Error(v, err)
		}
		<-f.Done()
		<-g.Done()
		if r := <-g.C(); r.Err != errTest {
			t.Error(r)
		}
		f.Cancel(nil)
		g.Cancel(nil)
	}
}

// A result that is there is returned even when the ctx is dead.
func TestReadyWins(t *testing.T) {
	dead, cancel := context.WithCancel(context.Background())
	cancel()
	f, g := aio.Resolved(1), aio.Failed[int](errTest)
	for range 100 {
		if v, err := f.Await(dead); v != 1 || err != nil {
			t.Fatal(v, err)
		}
		if _, err := g.Await(dead); err != errTest {
			t.Fatalf("g.Await: %v", err)
		}
		wantErr(t, "Wait", aio.Wait(dead, f, f), nil)
		n := 0
		for i, r := range aio.AsCompleted(dead, f, f, f) {
			if i < 0 || r.Err != nil {
				t.Fatal(i, r)
			}
			n++
		}
		eq(t, "completed", n, 3)
	}
	err := run(nil, func(ctx context.Context) error {
		dead, cancel := context.WithCancel(ctx)
		cancel()
		// the function runs although the ctx is dead, and its result counts
		for range 100 {
			ran := false
			h := aio.Go(dead, "", func(ctx context.Context) (int, error) { ran = true; return 1, nil })
			if v, err := h.Await(ctx); v != 1 || err != nil || !ran {
				t.Fatal(v, err, ran)
			}
			for _, f := range []*aio.Future[int]{aio.Then(dead, f, func(context.Context, int) (int, error) { return 2, nil })} {
				if _, err := f.Await(ctx); err != nil {
					wantErr(t, "Then on a dead ctx", err, context.Canceled)
				}
			}
		}
		return nil
	})
	wantErr(t, "Run", err, nil)
}

// The end of the waiter's ctx and the operation's own error can be told apart.
func TestAwaitError(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		f := aio.Go(ctx, "", never)
		for _, c := range []struct {
			name   string
			derive func() (context.Context, context.CancelFunc)
			err    error
			cause  error
		}{
			{"cancelled", func() (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancelCause(ctx)
				time.AfterFunc(time.Second, func() { cancel(errStop) })
				return ctx, func() { cancel(nil) }
			}, context.Canceled, errStop},
			{"deadline", func() (context.Context, context.CancelFunc) {
				return context.WithTimeoutCause(ctx, time.Second, errStop)
			}, context.DeadlineExceeded, errStop},
			{"plain deadline", func() (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, time.Second)
			}, context.DeadlineExceeded, context.DeadlineExceeded},
		} {
			ctx, cancel := c.derive()
			defer cancel()
			_, err := f.Await(ctx)
			var a *aio.AwaitError
			if !errors.As(err, &a) || a.Err != c.err || a.Cause != c.cause || !errors.Is(err, c.err) || !errors.Is(err, c.cause) {
				t.Errorf("%s: %v", c.name, err)
			}
			wantErr(t, c.name+": Wait", aio.Wait(ctx, f), c.cause)
			for i, r := range aio.AsCompleted(ctx, f) {
				if i != -1 || !errors.As(r.Err, &a) || a.Cause != c.cause {
					t.Errorf("%s: AsCompleted: %d, %v", c.name, i, r.Err)
				}
			}
		}
		if _, err := f.Result(); err != aio.ErrPending {
			t.Errorf("the future was touched: %v", err)
		}
		f.Cancel(errTest)
		_, err := f.Await(ctx)
		var a *aio.AwaitError
		if err != errTest || errors.As(err, &a) {
			t.Errorf("the operation's own error: %v", err)
		}
	})
	for _, c := range []struct {
		err  *aio.AwaitError
		want string
	}{
		{&aio.AwaitError{Err: context.Canceled, Cause: context.Canceled}, "aio: gave up waiting: context canceled"},
		{&aio.AwaitError{Err: context.Canceled, Cause: errStop}, "aio: gave up waiting: context canceled (test cause)"},
	} {
		eq(t, "text", c.err.Error(), c.want)
	}
}

// Cancelling asks: the future resolves when the function has returned, with
// what it returned.
func TestCancelAsks(t *testing.T) {
	took := must(t, nil, func(ctx context.Context) {
		f := aio.Go(ctx, "", func(ctx context.Context) (int, error) {
			<-ctx.Done()
			time.Sleep(time.Second)
			return 5, nil
		})
		synctest.Wait()
		f.Cancel(errStop)
		f.Cancel(errTest)
		if v, err := f.Await(ctx); v != 5 || err != nil {
			t.Error(v, err)
		}
		g := aio.Go(ctx, "", never)
		g.Cancel(nil)
		_, err := g.Await(ctx)
		wantErr(t, "cause of Cancel(nil)", err, context.Canceled)
		h := aio.Go(ctx, "", never)
		h.Cancel(errStop)
		h.Cancel(errTest)
		_, err = h.Await(ctx)
		wantErr(t, "first cause", err, errStop)
	})
	eq(t, "took", took, time.Second)
}

// A select over futures of different types, a timer and a channel.
func TestSelectOverC(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		f := aio.Go(ctx, "", func(ctx context.Context) (int, error) { return 1, sleep(ctx, 2*time.Second) })
		g := aio.Go(ctx, "", func(ctx context.Context) (string, error) { return "g", sleep(ctx, time.Second) })
		var got []string
		fc, gc := f.C(), g.C()
		timer := time.After(1500 * ms)
		for range 3 {
			select {
			case r := <-fc:
				got = append(got, strconv.Itoa(r.Value))
			case r := <-gc:
				got = append(got, r.Value)
			case <-timer:
				got = append(got, "timer")
			}
		}
		eq(t, "order", got, []string{"g", "timer", "1"})
	})
}

// A dropped future leaks nothing.
func TestDroppedFutures(t *testing.T) {
	err := run(nil, func(ctx context.Context) error {
		drop := func() {
			for range 10_000 {
				f := aio.Go(ctx, "", func(context.Context) ([]byte, error) { return make([]byte, 100), nil })
				f.C()
				f.Done()
				aio.NewPromise[int](ctx, 0, "").Resolve(1)
			}
			for aio.LoopOf(ctx).Stats().InFlight > 1 {
				runtime.Gosched()
			}
		}
		drop()
		before := heap()
		drop()
		if after := heap(); int64(after)-int64(before) > 1<<20 {
			t.Errorf("the heap grew by %d bytes", after-before)
		}
		return nil
	})
	wantErr(t, "Run", err, nil)
}

// lookCtx is a ctx that is cancelled at the k-th look at it.
type lookCtx struct {
	context.Context
	cancel context.CancelCauseFunc
	at     int64
	looks  *atomic.Int64
}

func newLookCtx(ctx context.Context, k int) *lookCtx {
	ctx, cancel := context.WithCancelCause(ctx)
	return &lookCtx{ctx, cancel, int64(k), new(atomic.Int64)}
}

func (c *lookCtx) look() {
	if c.looks.Add(1) == c.at {
		c.cancel(errStop)
	}
}

func (c *lookCtx) Done() <-chan struct{}       { c.look(); return c.Context.Done() }
func (c *lookCtx) Err() error                  { c.look(); return c.Context.Err() }
func (c *lookCtx) Value(key any) any           { c.look(); return c.Context.Value(key) }
func (c *lookCtx) Deadline() (time.Time, bool) { c.look(); return c.Context.Deadline() }

// Every operation resolves exactly once, wherever its ctx is cancelled, and
// leaves nothing in flight.
func TestExactlyOnce(t *testing.T) {
	boom := errors.New("boom")
	work := func(ctx context.Context) (int, error) {
		g := aio.Go(ctx, "inner", func(ctx context.Context) (int, error) { return 1, ctx.Err() })
		v, err := g.Await(ctx)
		return v, errors.Join(err, ctx.Err())
	}
	fail := func(context.Context) (int, error) { return 0, boom }
	ops := map[string]func(ctx context.Context) (done <-chan struct{}, result func() error){
		"Go":   of(func(ctx context.Context) *aio.Future[int] { return aio.Go(ctx, "", work) }),
		"fail": of(func(ctx context.Context) *aio.Future[int] { return aio.Go(ctx, "", fail) }),
		"Promise": of(func(ctx context.Context) *aio.Future[int] {
			p := aio.NewPromise[int](ctx, 0, "")
			if p.Resolve(1) == p.Reject(boom) && !errors.Is(result(p.Future()), errStop) {
				t.Error("resolved twice or never")
			}
			return p.Future()
		}),
		"All": of(func(ctx context.Context) *aio.Future[[]int] {
			return aio.All(ctx, aio.Go(ctx, "", work), aio.Go(ctx, "", work))
		}),
		"Any": of(func(ctx context.Context) *aio.Future[int] {
			return aio.Any(ctx, aio.Go(ctx, "", fail), aio.Go(ctx, "", work))
		}),
		"Race": of(func(ctx context.Context) *aio.Future[int] {
			return aio.Race(ctx, aio.Go(ctx, "", work), aio.Go(ctx, "", work))
		}),
		"Settle": of(func(ctx context.Context) *aio.Future[[]aio.Result[int]] {
			return aio.Settle(ctx, aio.Go(ctx, "", fail), aio.Go(ctx, "", work))
		}),
		"Then": of(func(ctx context.Context) *aio.Future[int] {
			return aio.Then(ctx, aio.Go(ctx, "", work), func(ctx context.Context, v int) (int, error) { return v, ctx.Err() })
		}),
		"Catch": of(func(ctx context.Context) *aio.Future[int] {
			return aio.Catch(ctx, aio.Go(ctx, "", fail), func(ctx context.Context, err error) (int, error) { return 1, ctx.Err() })
		}),
		"Timeout": of(func(ctx context.Context) *aio.Future[int] {
			return aio.Timeout(ctx, aio.Go(ctx, "", work), time.Second)
		}),
		"Scope": func(ctx context.Context) (<-chan struct{}, func() error) {
			err := aio.Scope(ctx, "", func(ctx context.Context) error {
				aio.Spawn(ctx, "", func(ctx context.Context) error { _, err := work(ctx); return err })
				return ctx.Err()
			})
			return aio.Resolved(1).Done(), func() error { return err }
		},
		"Begin": func(ctx context.Context) (<-chan struct{}, func() error) {
			op, err := aio.Begin(ctx, 0, "")
			if err != nil {
				t.Fatalf("aio.Begin: %v", err)
			}
			told := 0
			op.OnCancel(func(error) { told++ })
			op.End(nil)
			if told > 1 || op.End(nil) {
				t.Error("told twice, or ended twice")
			}
			return aio.Resolved(1).Done(), func() error { return nil }
		},
	}
	for name, op := range ops {
		t.Run(name, func(t *testing.T) {
			for k := 1; k < 500; k++ {
				if looks := exactlyOnce(t, k, op, boom); looks < int64(k) {
					return
				}
			}
			t.Error("it never stops looking at its ctx")
		})
	}
}

// of is an operation of TestExactlyOnce that has a future.
func of[T any](start func(ctx context.Context) *aio.Future[T]) func(ctx context.Context) (<-chan struct{}, func() error) {
	return func(ctx context.Context) (<-chan struct{}, func() error) {
		f := start(ctx)
		return f.Done(), func() error { return result(f) }
	}
}

func exactlyOnce(t *testing.T, k int, op func(ctx context.Context) (<-chan struct{}, func() error), boom error) (looks int64) {
	var rec recorder
	l := rec.loop()
	must(t, l, func(ctx context.Context) {
		look := newLookCtx(ctx, k)
		defer look.cancel(nil)
		done, result := op(look)
		<-done
		first := result()
		if first != nil && !errors.Is(first, errStop) && !errors.Is(first, context.Canceled) && !errors.Is(first, boom) {
			t.Errorf("look %d: %v", k, first)
		}
		synctest.Wait()
		if again := result(); !errors.Is(again, first) {
			t.Errorf("look %d: first %v, then %v", k, first, again)
		}
		looks = look.looks.Load()
	})
	s := l.Stats()
	if s.InFlight != 0 || s.Futures != 0 || s.Callbacks != 0 || s.Started != s.Ended {
		t.Errorf("look %d: %+v", k, s)
	}
	for _, e := range rec.events() {
		if !errors.Is(e.Err, boom) {
			t.Errorf("look %d: event %v", k, e.Err)
		}
	}
	return looks
}

// What waits for a result is called before the operation leaves the tree. So
// the loop does not end before it has returned, and it may start operations.
func TestHooksHoldTheLoopOpen(t *testing.T) {
	for name, start := range map[string]func(ctx context.Context) *aio.Future[int]{
		"Go": func(ctx context.Context) *aio.Future[int] {
			return aio.Go(ctx, "", func(context.Context) (int, error) { time.Sleep(ms); return 1, nil })
		},
		"a Go that fails": func(ctx context.Context) *aio.Future[int] {
			f := aio.Go(ctx, "", func(context.Context) (int, error) { time.Sleep(ms); return 0, errTest })
			aio.AsCompleted(ctx, f)(func(int, aio.Result[int]) bool { return true })
			return aio.Map(ctx, f, func(v int) (int, error) { return v, nil })
		},
		"a promise": func(ctx context.Context) *aio.Future[int] {
			p := aio.NewPromise[int](ctx, 0, "")
			time.AfterFunc(ms, func() { p.Resolve(1) })
			return p.Future()
		},
		"Then": func(ctx context.Context) *aio.Future[int] {
			f := aio.Go(ctx, "", func(context.Context) (int, error) { time.Sleep(ms); return 1, nil })
			return aio.Then(ctx, f, func(context.Context, int) (int, error) { return 1, nil })
		},
	} {
		took := must(t, nil, func(ctx context.Context) {
			f := start(ctx)
			started := errors.New("AfterFunc's function did not return")
			aio.LoopOf(ctx).AtExit(func() { wantErr(t, name+": an operation that AfterFunc's function started", started, nil) })
			f.AfterFunc(func() {
				f.Result()
				// it should not block; a scheduler may stop it here all the
				// same
				time.Sleep(time.Second)
				op, err := aio.Begin(ctx, 0, "from AfterFunc")
				if started = err; err == nil {
					op.End(nil)
				}
			})
		})
		if want := time.Second; took < want {
			t.Errorf("%s: Run took %v, and returned before AfterFunc's function, want at least %v", name, took, want)
		}
	}
}
