package aio_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"goaio.example/aio"
)

// The ctx of an operation that has ended names that operation as the starter.
func TestStarterEnded(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		mid, _ := aio.Begin(ctx, 0, "mid")
		low, _ := aio.Begin(mid.Context(), 0, "low")
		id := low.ID()
		low.End(nil)
		kid, _ := aio.Begin(low.Context(), 0, "kid")
		eq(t, "By", kid.Info().By, "low")
		eq(t, "StartedBy", kid.Info().StartedBy, id)
		eq(t, "Parent", kid.Info().Parent, mid.ID())
		kid.End(nil)
		mid.End(nil)
	})
}

// endingNamer has another operation end while its own is being named.
type endingNamer struct{ end func() }

func (e *endingNamer) OpCancel(error) {}

func (e *endingNamer) OpName() string {
	if end := e.end; end != nil {
		e.end = nil
		end()
	}
	return "low"
}

// So it does if the operation that takes the child in ends at the same time.
func TestStarterEndedRace(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		mid, _ := aio.Begin(ctx, 0, "mid")
		hold, _ := aio.Begin(mid.Context(), 0, "hold")
		var low aio.Op
		d := new(endingNamer)
		low.Start(mid.Context(), 0, "", d)
		low.End(nil)
		d.end = func() { mid.End(nil) }
		kid, err := aio.Begin(low.Context(), 0, "kid")
		if err != nil {
			t.Fatalf("aio.Begin: %v", err)
		}
		eq(t, "By", kid.Info().By, "low")
		kid.End(nil)
		hold.End(nil)
	})
}

// An operation that fails cancels its children, also if the test called its
// Done.
func TestFailedWithDone(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		op, _ := aio.Begin(ctx, 0, "op")
		op.Context().Done()
		kid := aio.Go(op.Context(), "kid", never)
		op.Told()
		op.End(errTest)
		synctest.Wait()
		_, err := kid.Result()
		eq(t, "the kid's error", errors.Is(err, errTest), true)
	})
}

// OpCancel is not called after the operation has ended.
func TestGhostNotTold(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		top, _ := aio.Begin(ctx, 0, "top")
		d := new(testDriver)
		var o aio.Op
		o.Start(top.Context(), 0, "o", d)
		o.Context().Done()
		kid, _ := aio.Begin(o.Context(), 0, "kid")
		o.End(nil)
		top.Cancel(errStop)
		eq(t, "told", d.cancel.Load(), 0)
		eq(t, "the ghost's cause", context.Cause(o.Context()), errStop)
		kid.End(nil)
		top.End(nil)
	})
}

// A cancelled daemon does not make its Scope fail.
func TestDaemonDoesNotCut(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		f := aio.Go(ctx, "f", func(ctx context.Context) (int, error) {
			return 0, aio.Scope(ctx, "s", func(ctx context.Context) error {
				aio.Daemon(ctx, "d", untilDead)
				<-ctx.Done()
				return nil
			})
		})
		synctest.Wait()
		f.Cancel(errStop)
		_, err := f.Await(ctx)
		eq(t, "error", err, nil)
	})
}

// A ghost with nothing but daemons below it does not hold the loop open. What
// is started with its ctx then does.
func TestWeakGhost(t *testing.T) {
	took := must(t, nil, func(ctx context.Context) {
		top, _ := aio.Begin(ctx, 0, "top")
		top.Context().Done()
		aio.Daemon(top.Context(), "daemon", untilDead)
		kid, _ := aio.Begin(top.Context(), 0, "kid")
		top.End(nil)
		kid.End(nil) // top is weak now
		aio.Go(top.Context(), "late", func(ctx context.Context) (int, error) { return 0, sleep(ctx, time.Second) })
	})
	eq(t, "time", took, time.Second)
}

// holdOnCancel has a closure called if op is cancelled, and returns what only
// that refers to.
func holdOnCancel(op *aio.Op) weak.Pointer[[64]byte] {
	held := new([64]byte)
	op.OnCancel(func(error) { held[0]++ })
	return weak.Make(held)
}

// An operation that has ended keeps nothing of what it was told to call.
func TestEndedKeepsNoHooks(t *testing.T) {
	run(nil, func(ctx context.Context) error {
		op, _ := aio.Begin(ctx, 0, "op")
		ptr := holdOnCancel(op)
		op.End(nil)
		runtime.GC()
		if ptr.Value() != nil {
			t.Error("the closure of OnCancel is kept")
		}
		runtime.KeepAlive(op)
		return nil
	})
}

// lateFuture returns a future that could not begin because its loop had ended,
// and what it should not keep.
func lateFuture() (*aio.Future[int], weak.Pointer[aio.Loop]) {
	l := &aio.Loop{Logger: quiet, Observe: aio.Observer{Began: func(aio.OpInfo) {}}}
	var late context.Context
	run(l, func(ctx context.Context) error { late = ctx; return nil })
	return aio.NewPromise[int](late, 0, "late").Future(), weak.Make(l)
}

// A future that could not begin keeps nothing of its loop, also if that was
// observed.
func TestFailedStartKeepsNoLoop(t *testing.T) {
	f, loop := lateFuture()
	for range 3 {
		runtime.GC()
	}
	_, err := f.Result()
	eq(t, "error", errors.Is(err, aio.ErrLoopDone), true)
	if loop.Value() != nil {
		t.Error("the loop is kept")
	}
}
