package timer_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
	"goaio.example/aio/timer"
)

// pending is a timer of some kind that waits for a time.
type pending struct {
	stop func()       // ends it, by its own means
	end  func() error // waits for its end, and returns its error
}

// kinds begin a timer of each kind, which comes after d. The runs of Debounce
// and Throttle are Delays.
var kinds = map[string]func(ctx context.Context, d time.Duration) pending{
	"Delay": func(ctx context.Context, d time.Duration) pending {
		x := timer.Delay(ctx, d, noop)
		return pending{func() { x.Stop() }, func() error { return result(x.Future()) }}
	},
	"After": func(ctx context.Context, d time.Duration) pending {
		f := timer.After(ctx, d)
		return pending{func() { f.Cancel(aio.ErrStopped) }, func() error { return result(f) }}
	},
	"Every": func(ctx context.Context, d time.Duration) pending {
		e := timer.Every(ctx, d, timer.Interval{})
		return pending{func() { e.Stop() }, func() error {
			select {
			case <-e.C():
				e.Stop()
				return nil
			case <-e.Done():
				return e.Err()
			}
		}}
	},
}

// When the loop drains, a pending timer ends at once unless work in progress
// has started it. Then it comes in its time.
func TestDrainByStarter(t *testing.T) {
	const d = 4 * time.Second
	type starter = func(ctx context.Context, begin func(ctx context.Context))
	work := func(ctx context.Context, begin func(ctx context.Context)) {
		aio.Spawn(ctx, "work", func(ctx context.Context) error {
			begin(ctx)
			time.Sleep(6 * time.Second) // less than Grace
			return nil
		})
	}
	daemon := func(ctx context.Context, begin func(ctx context.Context)) {
		aio.Daemon(ctx, "daemon", func(ctx context.Context) error {
			begin(ctx)
			<-ctx.Done()
			return nil
		})
	}
	for _, s := range []struct {
		name  string
		start starter
		stays bool
	}{
		{"main", func(ctx context.Context, begin func(ctx context.Context)) { begin(ctx) }, false},
		{"a daemon", daemon, false},
		{"work", work, true},
		{"work of a daemon's", func(ctx context.Context, begin func(ctx context.Context)) {
			daemon(ctx, func(ctx context.Context) { work(ctx, begin) })
		}, false},
		{"a daemon of work's", func(ctx context.Context, begin func(ctx context.Context)) {
			work(ctx, func(ctx context.Context) { daemon(ctx, begin) })
		}, true},
		{"work that has ended", func(ctx context.Context, begin func(ctx context.Context)) {
			aio.Spawn(ctx, "work", func(ctx context.Context) error { begin(ctx); return nil })
		}, false},
	} {
		for kind, begin := range kinds {
			t.Run(kind+" of "+s.name, func(t *testing.T) {
				bubble(t, func(ctx context.Context, t *testing.T) error {
					var x pending
					s.start(ctx, func(ctx context.Context) { x = begin(ctx, d) })
					time.Sleep(time.Second)
					synctest.Wait()
					aio.LoopOf(ctx).Exit(nil)
					start := time.Now()
					err, took := x.end(), time.Since(start)
					switch {
					case s.stays && (err != nil || took != d-time.Second):
						t.Errorf("the loop drained: the timer ended %v later with error %v, want %v later with nil", took, err, d-time.Second)
					case !s.stays && (!errors.Is(err, aio.ErrExit) || took != 0):
						t.Errorf("the loop drained: the timer ended %v later with error %v, want at once with ErrExit", took, err)
					}
					return nil
				})
			})
		}
	}
}

// Work in progress may start timers of each kind while the loop drains.
func TestStartedWhileDraining(t *testing.T) {
	for kind, begin := range kinds {
		t.Run(kind, func(t *testing.T) {
			clean(t, 2*time.Second, func(ctx context.Context, t *testing.T) {
				aio.Spawn(ctx, "work", func(ctx context.Context) error {
					<-aio.Draining(ctx)
					x := begin(ctx, time.Second)
					if err := x.end(); err != nil {
						t.Errorf("a %s that work in progress started while the loop drained ended with error %v, want nil", kind, err)
					}
					return nil
				})
				time.Sleep(time.Second)
				aio.LoopOf(ctx).Exit(nil)
			})
		})
	}
}

// However a timer ends, it leaves nothing in the loop's heap of alarms: a
// million that were cancelled would take memory until their time comes.
func TestLeavesNoAlarm(t *testing.T) {
	ends := map[string]func(ctx context.Context, cancel func(), x pending){
		"its time comes":        func(_ context.Context, _ func(), x pending) { x.end() },
		"it is stopped":         func(_ context.Context, _ func(), x pending) { x.stop() },
		"its ctx is cancelled":  func(_ context.Context, cancel func(), _ pending) { cancel() },
		"the loop drains":       func(ctx context.Context, _ func(), _ pending) { aio.LoopOf(ctx).Exit(nil) },
		"the loop is cancelled": func(ctx context.Context, _ func(), _ pending) { aio.LoopOf(ctx).Cancel(nil) },
	}
	for kind, begin := range kinds {
		for how, end := range ends {
			t.Run(kind+"/"+how, func(t *testing.T) {
				bubble(t, func(ctx context.Context, t *testing.T) error {
					op, err := aio.Begin(aio.Detach(ctx), 0, "looks at the heap")
					if err != nil {
						return err
					}
					defer op.End(nil)
					own, cancel := context.WithCancel(ctx)
					defer cancel()
					x := begin(own, time.Minute)
					synctest.Wait()
					if n := alarm.Of(op).Len(); n != 1 {
						t.Errorf("a pending %s: %d alarms, want 1", kind, n)
					}
					end(ctx, cancel, x)
					synctest.Wait()
					if n := alarm.Of(op).Len(); n != 0 {
						t.Errorf("%s of a %s: %d alarms are left, want 0", how, kind, n)
					}
					return nil
				})
			})
		}
	}
}

// An operation may end just before its alarm is set.
func TestSetAlarmOfEnded(t *testing.T) {
	clean(t, 0, func(ctx context.Context, t *testing.T) {
		op, err := aio.Begin(ctx, 0, "ended")
		if err != nil {
			t.Fatal("Begin in a running loop:", err)
		}
		op.End(nil)
		timer.SetAlarm(op, alarm.New(func() { t.Error("the alarm of an operation that has ended fired") }), time.Second)
		if n := alarm.Of(op).Len(); n != 0 {
			t.Errorf("set the alarm of an operation that has ended: %d alarms are pending, want 0", n)
		}
	})
}

// A ticker may end just before it begins.
func TestBeginEnded(t *testing.T) {
	for _, immediate := range []bool{false, true} {
		clean(t, 0, func(ctx context.Context, t *testing.T) {
			op, err := aio.Begin(ctx, 0, "looks at the heap")
			if err != nil {
				t.Fatal("Begin in a running loop:", err)
			}
			defer op.End(nil)
			every := timer.Every(ctx, time.Minute, timer.Interval{})
			every.Stop()
			every.Begin(immediate)
			if n := alarm.Of(op).Len(); n != 0 {
				t.Errorf("a ticker ended before its first alarm was set: %d alarms are pending, want 0", n)
			}
		})
	}
}
