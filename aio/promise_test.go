package aio_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

func TestPromise(t *testing.T) {
	took := must(t, nil, func(ctx context.Context) {
		p := aio.NewPromise[string](ctx, 0, "notifier")
		go func() { // a plain goroutine, which knows no loop
			time.Sleep(time.Second)
			if !p.Resolve("v") || p.Resolve("w") || p.Reject(errTest) {
				t.Error("the first one counts")
			}
		}()
		if v, err := p.Future().Await(ctx); v != "v" || err != nil {
			t.Error(v, err)
		}
		q := aio.NewPromise[string](ctx, 0, "")
		if !q.Reject(errTest) || q.Resolve("v") {
			t.Error("the first one counts")
		}
		_, err := q.Future().Result()
		wantErr(t, "rejected", err, errTest)
		r := aio.NewPromise[string](ctx, 0, "")
		r.Reject(nil)
		if _, err := r.Future().Result(); err == nil {
			t.Error("rejected with nil, and no error")
		}
		half := aio.NewPromise[string](ctx, 0, "")
		if !half.RejectWith("half", errTest) || half.RejectWith("whole", errStop) || half.Resolve("whole") {
			t.Error("the first one counts")
		}
		if v, err := half.Future().Await(ctx); v != "half" || err != errTest {
			t.Error(v, err)
		}
		if res := <-half.Future().C(); res.Value != "half" || res.Err != errTest {
			t.Error(res)
		}
		nothing := aio.NewPromise[string](ctx, 0, "")
		nothing.RejectWith("half", nil)
		if v, err := nothing.Future().Result(); v != "half" || err == nil {
			t.Error(v, err)
		}
		// It holds the loop open.
		s := aio.NewPromise[string](ctx, aio.NewKind("test.kind"), "holds")
		eq(t, "kinds", aio.LoopOf(ctx).Stats().Kinds["test.kind"], 1)
		time.AfterFunc(time.Second, func() { s.Resolve("") })
	})
	eq(t, "took", took, 2*time.Second)
}

func TestPromiseCancelled(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		p := aio.NewPromise[int](ctx, 0, "")
		kid := aio.Go(p.Context(), "kid", never)
		own := p.Context()
		p.Future().Cancel(errStop)
		_, err := p.Future().Result()
		wantErr(t, "promise", err, errStop)
		_, err = kid.Await(ctx)
		wantErr(t, "what it had started", err, errStop)
		wantErr(t, "its ctx", context.Cause(own), errStop)
		if p.Resolve(1) {
			t.Error("resolved after it was cancelled")
		}
	})
}

func TestPromiseRace(t *testing.T) {
	err := run(nil, func(ctx context.Context) error {
		for range 2000 {
			p := aio.NewPromise[int](ctx, 0, "")
			var won atomic.Int64
			var wg sync.WaitGroup
			for i := range 3 {
				wg.Go(func() {
					ok := false
					switch i {
					case 0:
						ok = p.Resolve(1)
					case 1:
						ok = p.Reject(errTest)
					case 2:
						p.Future().Cancel(errStop)
					}
					if ok {
						won.Add(1)
					}
				})
			}
			_, err := p.Future().Await(ctx)
			wg.Wait()
			if n := won.Load(); n > 1 || n == 0 && err != errStop {
				t.Fatalf("%d won, %v", n, err)
			}
		}
		return nil
	})
	wantErr(t, "Run", err, nil)
}

// testDriver is a driver that counts what it is told.
type testDriver struct {
	cancel, drain, idle atomic.Int64
	name                string
	onCancel            func(error)
}

func (d *testDriver) OpCancel(cause error) {
	d.cancel.Add(1)
	if d.onCancel != nil {
		d.onCancel(cause)
	}
}
func (d *testDriver) OpDrain()       { d.drain.Add(1) }
func (d *testDriver) OpIdle()        { d.idle.Add(1) }
func (d *testDriver) OpName() string { return d.name }

// The promise of a driver: cancelling asks, and RejectIdle leaves one alone
// whose function runs.
func TestPromiseOfDriver(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		d := &testDriver{name: "of a driver"}
		var p aio.Promise[int]
		if err := p.Start(ctx, 0, "", d); err != nil {
			t.Fatalf("p.Start: %v", err)
		}
		d.onCancel = func(cause error) { p.RejectIdle(cause) }
		eq(t, "names", infoNames(aio.LoopOf(ctx)), []string{"of a driver"})
		if !p.Op().SetRunning() || p.Op().SetRunning() {
			t.Error("SetRunning")
		}
		p.Future().Cancel(errStop)
		eq(t, "told", d.cancel.Load(), 1)
		if _, err := p.Future().Result(); err != aio.ErrPending {
			t.Errorf("p.Future: %v", err)
		}
		p.Resolve(4)
		if v, err := p.Future().Result(); v != 4 || err != nil {
			t.Error(v, err)
		}

		var q aio.Promise[int]
		e := &testDriver{onCancel: func(cause error) { q.RejectIdle(cause) }}
		dead, cancel := context.WithCancelCause(ctx)
		cancel(errStop)
		q.Start(dead, 0, "", e) // told before Start returns
		_, err := q.Future().Result()
		wantErr(t, "on a dead ctx", err, errStop)
	})
	var p aio.Promise[int]
	wantErr(t, "Start", p.Start(context.Background(), 0, "", nil), aio.ErrNoLoop)
	wantErr(t, "future", result(p.Future()), aio.ErrNoLoop)
}

// A callback's promise reports its error at once, unless the test holds its
// future.
func TestPromiseAsCallback(t *testing.T) {
	var rec recorder
	must(t, rec.loop(), func(ctx context.Context) {
		start := func() *aio.Promise[int] {
			p := new(aio.Promise[int])
			p.AsCallback()
			p.Start(ctx, 0, "callback", nil)
			return p
		}
		start().Reject(errTest)
		synctest.Wait()
		rec.want(t, errTest.Error())
		p := start()
		f := p.Future()
		p.Reject(errTest)
		f.Result()
	})
	rec.want(t, errTest.Error())
}
