package timer_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/timer"
)

// heap returns the bytes of the heap that are in use.
func heap() int64 {
	runtime.GC()
	runtime.GC() // what cleanups let go of
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Delays that are each started by the one before keep the heap flat.
func TestChainIsFlat(t *testing.T) {
	for _, d := range []time.Duration{0, 1} {
		length := chainLength
		if d > 0 {
			length /= 10
		}
		var begin, end int64
		err := aio.Run(context.Background(), func(ctx context.Context) error {
			n := 0
			var next func(ctx context.Context) error
			next = func(ctx context.Context) error {
				switch n++; n {
				case length / 10:
					begin = heap()
				case length:
					end = heap()
					return nil
				}
				timer.Delay(ctx, d, next)
				return nil
			}
			timer.Delay(ctx, d, next)
			return nil
		})
		if err != nil {
			t.Fatalf("aio.Run: %v", err)
		}
		if grown := end - begin; grown > 2<<20 {
			t.Errorf("d = %v: the heap grew by %d bytes over %d delays", d, grown, length)
		}
	}
}

// The same where each callback's ctx was asked for its Done channel.
func TestChainIsFlatWithDone(t *testing.T) {
	var begin, end int64
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		n := 0
		var next func(ctx context.Context) error
		next = func(ctx context.Context) error {
			_ = ctx.Done()
			switch n++; n {
			case 1000:
				begin = heap()
			case 20_000:
				end = heap()
				return nil
			}
			timer.Delay(ctx, 1, next)
			return nil
		}
		return next(ctx)
	})
	if err != nil {
		t.Fatalf("aio.Run: %v", err)
	}
	if grown := end - begin; grown > 1<<20 {
		t.Errorf("the heap grew by %d bytes over 19,000 delays", grown)
	}
}

// A pending timer costs no goroutine and little memory, and gives that back.
func TestPendingIsSmall(t *testing.T) {
	const n = 50_000
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		timers := make([]*timer.Timer, n)
		goroutines, before := runtime.NumGoroutine(), heap()
		for i := range timers {
			timers[i] = timer.Delay(ctx, time.Hour, noop)
		}
		if each := (heap() - before) / n; each > 300 {
			t.Errorf("%d bytes of heap for a pending timer", each)
		}
		if more := runtime.NumGoroutine() - goroutines; more > 0 {
			t.Errorf("%d goroutines for %d pending timers", more, n)
		}
		for i, d := range timers {
			d.Stop()
			timers[i] = nil
		}
		if left := heap() - before; left > 1<<20 {
			t.Errorf("%d bytes left after all were stopped", left)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("aio.Run: %v", err)
	}
}
