package aio_test

import (
	"context"
	"encoding/json"
	"expvar"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

func TestStats(t *testing.T) {
	l := &aio.Loop{Logger: quiet, CatchPanics: true, OnEvent: func(aio.Event) {}}
	if s := l.Stats(); s.Started != 0 || s.InFlight != 0 {
		t.Errorf("before Run: %+v", s)
	}
	must(t, l, func(ctx context.Context) {
		release := make(chan struct{})
		wait := func(context.Context) error { <-release; return nil }
		var fs []*aio.Future[int]
		for range 50 {
			fs = append(fs, aio.Go(ctx, "", func(ctx context.Context) (int, error) { return 0, wait(ctx) }))
		}
		for range 3 {
			aio.Spawn(ctx, "", wait)
			aio.Daemon(ctx, "", wait)
			fs = append(fs, aio.NewPromise[int](ctx, 0, "").Future())
		}
		all := aio.All(ctx, fs...)
		then := aio.Map(ctx, all, func([]int) (int, error) { return 1, nil })
		scope := aio.Go(ctx, "", func(ctx context.Context) (int, error) { return 0, aio.Scope(ctx, "", wait) })
		op, _ := aio.Begin(ctx, aio.NewKind("stats.test"), "")
		op.CountBytes(3, 4)
		op.CountBytes(10, 0)
		op.CountCallbacks(5)
		synctest.Wait()

		s := l.Stats()
		want := map[string]int64{
			"aio.main": 1, "aio.go": 51, "aio.spawn": 3, "aio.daemon": 3, "aio.promise": 3, "aio.join": 1,
			"aio.then": 1, "aio.scope": 1, "stats.test": 1,
		}
		var sum int64
		for _, n := range want {
			sum += n
		}
		eq(t, "kinds", s.Kinds, want)
		eq(t, "in flight", s.InFlight, sum)
		eq(t, "futures", s.Futures, 51+3+1+1)
		eq(t, "callbacks", s.Callbacks, 5+1)
		eq(t, "bytes", []int64{s.BytesIn, s.BytesOut}, []int64{13, 4})
		eq(t, "started, ended", []int64{s.Started, s.Ended}, []int64{sum, 0})

		close(release)
		op.CountCallbacks(-5)
		for i := range 3 { // the promises
			fs[50+i].Cancel(errStop)
		}
		_, err := then.Await(ctx)
		wantErr(t, "Map of All", err, errStop)
		_, err = scope.Await(ctx)
		wantErr(t, "scope", err, nil)
		op.End(errTest)
		synctest.Wait()
		s = l.Stats()
		eq(t, "kinds after", s.Kinds, map[string]int64{"aio.main": 1})
		eq(t, "futures, callbacks", []int64{s.Futures, s.Callbacks}, []int64{0, 0})
		eq(t, "ended", s.Ended, sum-1)
		eq(t, "cancelled", s.Cancelled, 3)
		eq(t, "failed", s.Failed, 3) // All, Map and the Begin
		aio.Go(ctx, "", func(context.Context) (int, error) { panic(1) }).Await(ctx)
		eq(t, "panicked", l.Stats().Panicked, 1)
	})
	s := l.Stats()
	if s.InFlight != 0 || len(s.Kinds) != 0 || s.Started != s.Ended {
		t.Errorf("after Run: %+v", s)
	}
}

// The figures have decreased by the time a result is visible.
func TestStatsRightAfterAwait(t *testing.T) {
	l := &aio.Loop{Logger: quiet}
	err := run(l, func(ctx context.Context) error {
		base := l.Stats()
		for i := range 5000 {
			f := aio.Go(ctx, "", func(context.Context) (int, error) { return 0, nil })
			p := aio.NewPromise[int](ctx, 0, "")
			go p.Resolve(1)
			if i%2 == 0 {
				<-p.Future().Done()
			} else {
				<-p.Future().C()
			}
			f.Await(ctx)
			if s := l.Stats(); s.InFlight != base.InFlight || s.Futures != 0 {
				t.Fatalf("%+v", s)
			}
		}
		return nil
	})
	wantErr(t, "Run", err, nil)
}

// Stats, Ops and Dump may be called at any time; no figure is ever negative.
func TestStatsWhileChurning(t *testing.T) {
	l := &aio.Loop{Logger: quiet, OnEvent: func(aio.Event) {}, MaxInFlight: 8}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			s := l.Stats()
			if s.InFlight < 0 || s.Futures < 0 || s.Started < s.Ended {
				t.Errorf("%+v", s)
			}
			for i := range l.Ops() {
				_ = i.String()
			}
			if n%20 == 0 {
				l.Dump(discard{})
			}
		}
	})
	err := run(l, func(ctx context.Context) error {
		for range deep(20_000) {
			f := aio.Go(ctx, "", func(ctx context.Context) (int, error) {
				aio.Spawn(ctx, "kid", func(context.Context) error { return nil })
				return 0, errTest
			})
			aio.Settle(ctx, f).Await(ctx)
		}
		return nil
	})
	close(stop)
	wg.Wait()
	wantErr(t, "Run", err, nil)
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

func TestStatsString(t *testing.T) {
	var s aio.Stats
	if err := json.Unmarshal([]byte(aio.Stats{Started: 3, Kinds: map[string]int64{"k": 1}}.String()), &s); err != nil || s.Started != 3 || s.Kinds["k"] != 1 {
		t.Error(s, err)
	}
}

var published = 0

func TestPublish(t *testing.T) {
	published++ // expvar takes nothing back, and the test may run again
	name := fmt.Sprintf("goaio_test_%d", published)
	l := &aio.Loop{Logger: quiet}
	aio.Publish(name, l)
	must(t, l, func(ctx context.Context) {
		aio.NewPromise[int](ctx, 0, "").Future()
		var s aio.Stats
		if err := json.Unmarshal([]byte(expvar.Get(name).String()), &s); err != nil || s.InFlight != 2 || s.Kinds["aio.promise"] != 1 {
			t.Error(s, err)
		}
		time.Sleep(time.Second)
		l.Cancel(nil)
	})
}

func TestKind(t *testing.T) {
	k := aio.NewKind("kind.test")
	if aio.NewKind("kind.test") != k || k.String() != "kind.test" || k == aio.NewKind("kind.other") {
		t.Error(k)
	}
	eq(t, "zero", aio.Kind(0).String(), "op")
	eq(t, "unknown", aio.Kind(60000).String(), "unknown")
}
