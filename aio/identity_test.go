package aio_test

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

// named describes the operation in flight with the given name.
func named(t *testing.T, l *aio.Loop, name string) aio.OpInfo {
	t.Helper()
	for i := range l.Ops() {
		if i.Name == name {
			return i
		}
	}
	t.Errorf("no operation %q in flight", name)
	return aio.OpInfo{}
}

func TestIDs(t *testing.T) {
	var l aio.Loop
	must(t, &l, func(ctx context.Context) {
		release := make(chan struct{})
		top := aio.Go(ctx, "top", func(ctx context.Context) (int, error) {
			aio.Spawn(ctx, "low", func(context.Context) error { <-release; return nil })
			aio.Spawn(ctx, "low too", func(context.Context) error { <-release; return nil })
			<-release
			return 0, nil
		})
		synctest.Wait()
		up, low := named(t, &l, "top"), named(t, &l, "low")
		eq(t, "parent of top", up.Parent, 1)
		eq(t, "top was started by", up.StartedBy, 1)
		eq(t, "parent of low", low.Parent, up.ID)
		eq(t, "low was started by", low.StartedBy, up.ID)
		eq(t, "low, seen again", named(t, &l, "low").ID, low.ID)

		seen := map[uint64]bool{0: true, 1: true}
		for i := range l.Ops() {
			if seen[i.ID] {
				t.Errorf("the ID %d twice, or main's", i.ID)
			}
			seen[i.ID] = true
		}
		close(release)
		top.Await(ctx)
	})
}

// What has started an operation is known when that has ended, and the operation
// has moved up the tree.
func TestIDsMoved(t *testing.T) {
	var l aio.Loop
	must(t, &l, func(ctx context.Context) {
		var id uint64
		aio.Go(ctx, "top", func(ctx context.Context) (int, error) {
			aio.Go(ctx, "mid", func(ctx context.Context) (int, error) {
				aio.Daemon(ctx, "low", untilDead)
				return 0, nil
			}).Await(ctx)
			id = named(t, &l, "top").ID
			low := named(t, &l, "low")
			eq(t, "parent", low.Parent, id)
			eq(t, "By", low.By, "mid")
			if low.StartedBy <= 1 || low.StartedBy == id {
				t.Errorf("low was started by %d, top is %d", low.StartedBy, id)
			}
			return 0, nil
		}).Await(ctx)
		low := named(t, &l, "low")
		eq(t, "parent at last", low.Parent, 1)
		eq(t, "By at last", low.By, "mid")
	})
}

func TestScopeInfo(t *testing.T) {
	var l aio.Loop
	must(t, &l, func(ctx context.Context) {
		aio.Scope(ctx, "outer", func(ctx context.Context) error {
			aio.Spawn(ctx, "in", func(ctx context.Context) error {
				return aio.Scope(ctx, "inner", func(ctx context.Context) error {
					f := aio.Go(ctx, "deep", never)
					synctest.Wait()
					eq(t, "Scope of deep", named(t, &l, "deep").Scope, "inner")
					eq(t, "Scope of inner", named(t, &l, "inner").Scope, "outer")
					eq(t, "Scope of outer", named(t, &l, "outer").Scope, "")
					f.Cancel(nil)
					f.Await(ctx)
					return nil
				})
			})
			return nil
		})
	})
}

func TestAwaits(t *testing.T) {
	var l aio.Loop
	must(t, &l, func(ctx context.Context) {
		slow, other := aio.NewPromise[int](ctx, 0, "slow"), aio.NewPromise[int](ctx, 0, "other")
		done := aio.Resolved(1)
		next := make(chan struct{})
		aio.Spawn(ctx, "waiter", func(ctx context.Context) error {
			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			slow.Future().Await(short) // not with its own ctx
			done.Await(ctx)
			<-next
			slow.Future().Await(ctx)
			<-next
			return aio.Wait(ctx, done, slow.Future(), other.Future(), other.Future())
		})
		synctest.Wait()
		eq(t, "a wait with another ctx", named(t, &l, "waiter").Awaits, aio.Awaited{})
		time.Sleep(2 * time.Second)
		eq(t, "no wait", named(t, &l, "waiter").Awaits, aio.Awaited{})
		next <- struct{}{}
		time.Sleep(time.Minute)
		id := named(t, &l, "slow").ID
		eq(t, "Await", named(t, &l, "waiter").Awaits, aio.Awaited{ID: id, Name: "slow", For: time.Minute})
		slow.Resolve(1)
		synctest.Wait()
		eq(t, "after Await", named(t, &l, "waiter").Awaits, aio.Awaited{})
		next <- struct{}{}
		time.Sleep(time.Second)
		id = named(t, &l, "other").ID
		eq(t, "Wait", named(t, &l, "waiter").Awaits, aio.Awaited{ID: id, Name: "other", More: 1, For: time.Second})
		other.Resolve(1)
	})
}

// What waits for an operation of another loop shows no ID: it would be one of
// that loop.
func TestAwaitsOtherLoop(t *testing.T) {
	var outer, inner aio.Loop
	must(t, &outer, func(ctx context.Context) {
		slow := aio.NewPromise[int](ctx, 0, "slow")
		inner.Logger = quiet
		inner.Run(ctx, func(in context.Context) error {
			f := aio.Go(in, "waiter", slow.Future().Await)
			synctest.Wait()
			eq(t, "Awaits", named(t, &inner, "waiter").Awaits, aio.Awaited{Name: "slow"})
			slow.Resolve(1)
			f.Await(in)
			return nil
		})
	})
}

// What an earlier wait was for is not shown in a later one.
func TestAwaitsAgain(t *testing.T) {
	var l aio.Loop
	must(t, &l, func(ctx context.Context) {
		a, b := aio.NewPromise[int](ctx, 0, "a"), aio.NewPromise[int](ctx, 0, "b")
		aio.Spawn(ctx, "waiter", func(ctx context.Context) error {
			// returns at once
			aio.Wait(ctx, aio.Failed[int](errTest), a.Future())
			b.Future().Await(ctx)
			return nil
		})
		synctest.Wait()
		w := named(t, &l, "waiter").Awaits
		eq(t, "Name", w.Name, "b")
		eq(t, "More", w.More, 0)
		a.Resolve(1)
		b.Resolve(1)
	})
}

// An operation has one ID, whichever goroutine asks for it first.
func TestIDAskedTogether(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		for range 200 {
			op, _ := aio.Begin(ctx, 0, "op")
			ids := make(chan uint64, 4)
			for range cap(ids) {
				go func() { ids <- op.ID() }()
			}
			id := <-ids
			for range cap(ids) - 1 {
				eq(t, "ID", <-ids, id)
			}
			op.End(nil)
		}
	})
}

// A cancelled wait is over.
func TestAwaitsCancelled(t *testing.T) {
	var l aio.Loop
	must(t, &l, func(ctx context.Context) {
		slow := aio.NewPromise[int](ctx, 0, "slow")
		release := make(chan struct{})
		f := aio.Go(ctx, "waiter", func(ctx context.Context) (int, error) {
			slow.Future().Await(ctx)
			aio.Wait(ctx, slow.Future(), slow.Future())
			<-release
			return 0, nil
		})
		synctest.Wait()
		eq(t, "what it awaits", named(t, &l, "waiter").Awaits.Name, "slow")
		f.Cancel(errStop)
		synctest.Wait()
		eq(t, "cancelled", named(t, &l, "waiter").Awaits, aio.Awaited{})
		close(release)
		slow.Resolve(1)
	})
}

// here returns file and line of its caller, plus an offset.
func here(offset int) string {
	_, file, line, _ := runtime.Caller(1)
	return fmt.Sprint(file, ":", line+offset)
}

func TestSites(t *testing.T) {
	l := &aio.Loop{Sites: true}
	must(t, l, func(ctx context.Context) {
		want := map[string]string{}
		f := aio.Go(ctx, "go", never)
		want["go"] = here(-1)
		aio.Daemon(ctx, "daemon", untilDead)
		want["daemon"] = here(-1)
		p := aio.NewPromise[int](ctx, 0, "promise")
		want["promise"] = here(-1)
		op, _ := aio.Begin(ctx, 0, "begin")
		want["begin"] = here(-1)
		all := aio.All(ctx, f) // a promise of its own
		want["All"] = here(-1)
		for name, site := range want {
			eq(t, "site of "+name, filepath.ToSlash(named(t, l, name).Site), filepath.ToSlash(site))
		}
		op.End(nil)
		p.Resolve(1)
		f.Cancel(nil)
		all.Await(ctx)
	})
	observed := aio.Observer{Began: func(op aio.OpInfo) { eq(t, "site without Sites", op.Site, "") }}
	must(t, &aio.Loop{Observe: observed}, func(ctx context.Context) {})
}

type meter struct{}

func (meter) OpCancel(error)        {}
func (meter) OpBytes() (_, _ int64) { return 3, 4 }

func TestMeter(t *testing.T) {
	must(t, nil, func(ctx context.Context) {
		var op aio.Op
		op.Start(ctx, 0, "metered", meter{})
		i := op.Info()
		eq(t, "bytes in", i.BytesIn, 3)
		eq(t, "bytes out", i.BytesOut, 4)
		op.End(nil)
	})
}
