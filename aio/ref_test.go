package aio_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

var kindPiece = aio.NewKind("test.piece")

// within runs fn as an operation of a loop.
func within(t testing.TB, fn func(ctx context.Context)) {
	t.Helper()
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		_, err := aio.Go(ctx, "parent", func(ctx context.Context) (int, error) {
			fn(ctx)
			return 0, nil
		}).Await(ctx)
		return err
	})
	if err != nil {
		t.Errorf("aio.Run: %v", err)
	}
}

func begin(t testing.TB, ctx context.Context) *aio.Op {
	t.Helper()
	o, err := aio.Begin(ctx, kindPiece, "child")
	if err != nil {
		t.Fatalf("aio.Begin: %v", err)
	}
	return o
}

// A child that is there all the time is read once, whatever others do between
// two pieces.
func TestPieces(t *testing.T) {
	const n = 20 * aio.Piece
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		within(t, func(ctx context.Context) {
			stays, goes := map[uint64]bool{}, map[uint64]*aio.Op{}
			var all []*aio.Op
			for range n {
				o := begin(t, ctx)
				all = append(all, o)
				if rnd.IntN(10) < int(seed%10) {
					goes[o.ID()] = o
				} else {
					stays[o.ID()] = true
				}
			}
			turn := 0
			read := aio.Pieces(ctx, func(read []aio.Ref) {
				turn++
				for _, r := range read { // some, or all, that were read leave
					if o := goes[r.ID()]; o != nil && (turn%3 == 0 || rnd.IntN(2) == 0) {
						o.End(nil)
						delete(goes, r.ID())
					}
				}
				if turn < 100 {
					all = append(all, begin(t, ctx))
				}
			})
			times := map[uint64]int{}
			for _, r := range read {
				times[r.ID()]++
			}
			for id := range stays {
				if times[id] != 1 {
					t.Errorf("seed %d: an operation that stays was read %d times", seed, times[id])
					break
				}
			}
			for _, o := range all {
				o.End(nil)
			}
		})
	}
}

// When all that was read has left, and much more than a piece of it, reading
// goes on with what is left.
func TestPiecesAllLeft(t *testing.T) {
	within(t, func(ctx context.Context) {
		ops := map[uint64]*aio.Op{}
		for range 10 * aio.Piece {
			o := begin(t, ctx)
			ops[o.ID()] = o
		}
		pieces := 0
		read := aio.Pieces(ctx, func(read []aio.Ref) {
			if pieces++; pieces == 5 {
				for _, r := range read {
					ops[r.ID()].End(nil)
				}
			}
		})
		if len(read) != len(ops) {
			t.Errorf("read %d of %d", len(read), len(ops))
		}
		// 9 between the pieces, and some to look for one that stays
		if pieces < 12 {
			t.Errorf("%d pieces: more than %d were looked at with the lock held", pieces, aio.Piece)
		}
		for _, o := range ops {
			o.End(nil)
		}
	})
}

func TestRefs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := new(aio.Loop)
		if m := loop.Main(); m != (aio.Ref{}) {
			t.Error("a Ref before Run")
		}
		if _, ok := loop.Find(1); ok {
			t.Error("found main before Run")
		}
		err := loop.Run(t.Context(), func(ctx context.Context) error {
			time.Sleep(time.Second)
			stop := make(chan struct{})
			f := aio.Go(ctx, "job", func(ctx context.Context) (int, error) {
				aio.Daemon(ctx, "helper", func(ctx context.Context) error { <-ctx.Done(); return nil })
				select {
				case <-stop:
				case <-ctx.Done():
				}
				return 0, context.Cause(ctx)
			})
			synctest.Wait()
			time.Sleep(2 * time.Second)
			main := loop.Main()
			kids := main.AppendChildren(nil)
			if len(kids) != 1 {
				t.Fatal(len(kids), "children of main")
			}
			job := kids[0]
			if job.Name() != "job" || job.Kind().String() != "aio.go" || job.Age() != 2*time.Second || job.Began() != time.Second ||
				job.Daemon() || job.Ended() || main.Ended() {
				t.Errorf("got %v", job.Info())
			}
			if r, ok := loop.Find(job.ID()); !ok || r != job {
				t.Error("not found by its ID")
			}
			if r, ok := loop.Find(1); !ok || r != main {
				t.Error("main is not found")
			}
			if _, ok := loop.Find(0); ok {
				t.Error("found 0")
			}
			if !strings.Contains(job.Stack(), "TestRefs") {
				t.Errorf("stack %q", job.Stack())
			}
			below := job.AppendChildren(nil)
			if len(below) != 1 || !below[0].Daemon() || below[0].Info().Parent != job.ID() {
				t.Error("no helper below the job")
			}
			if all := slices.Collect(loop.Refs()); len(all) != 2 {
				t.Error(len(all), "operations in flight")
			}
			why := errors.New("enough")
			job.Cancel(why)
			if _, err := f.Await(ctx); err != why {
				t.Errorf("f.Await: %v", err)
			}
			if _, ok := loop.Find(job.ID()); ok || !job.Ended() {
				t.Error("found though it has ended")
			}
			return nil
		})
		if err != nil {
			t.Errorf("Run: %v", err)
		}
		if !loop.Main().Ended() {
			t.Error("main has not ended")
		}
	})
}

// BenchmarkSnapshot reads a million children of one operation. held-max-us is
// for how long the lock was held at most, and held-max-cpu-us the processor
// time that the thread has used meanwhile: if others use the machine, the
// system may take the processor away with the lock held, which no code can
// prevent.
func BenchmarkSnapshot(b *testing.B) {
	const n = 1_000_000
	within(b, func(ctx context.Context) {
		ops := make([]*aio.Op, n)
		for i := range ops {
			ops[i] = begin(b, ctx)
		}
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		var took, used []time.Duration
		for b.Loop() {
			aio.PiecesAround(ctx, nil, func(read func()) {
				cpu, began := threadTime(), time.Now()
				read()
				took = append(took, time.Since(began))
				used = append(used, threadTime()-cpu)
			})
		}
		slices.Sort(took)
		slices.Sort(used)
		over, _ := slices.BinarySearch(took, time.Millisecond)
		b.ReportMetric(float64(len(took)-over), "held-over-1ms")
		b.ReportMetric(float64(len(took)), "holds")
		for name, d := range map[string]time.Duration{
			"held-p50-us": took[len(took)/2], "held-p99-us": took[len(took)*99/100], "held-max-us": took[len(took)-1],
			"held-max-cpu-us": used[len(used)-1],
		} {
			b.ReportMetric(float64(d.Nanoseconds())/1e3, name)
		}
		for _, o := range ops {
			o.End(nil)
		}
	})
}

func ExampleRef() {
	loop := new(aio.Loop)
	loop.Run(context.Background(), func(ctx context.Context) error {
		for _, name := range []string{"a", "b", "c"} {
			aio.Go(ctx, name, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, nil })
		}
		for r := range loop.Refs() {
			if r.Name() == "b" {
				fmt.Println(r.Kind(), r.Name())
			}
		}
		loop.Cancel(nil)
		return nil
	})
	// Output: aio.go b
}
