package aio_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
)

// Taps get each event between Tap and stop.
func TestTap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := &aio.Loop{OnEvent: func(aio.Event) {}}
		var first, second []string
		stopFirst := loop.Tap(func(e aio.Event) { first = append(first, e.Op.Name+": "+e.Err.Error()) })
		err := loop.Run(t.Context(), func(ctx context.Context) error {
			fail := func(name string) {
				aio.Spawn(ctx, name, func(context.Context) error { return errors.New("bad") })
				synctest.Wait()
			}
			fail("1")
			stopSecond := loop.Tap(func(e aio.Event) { second = append(second, e.Op.Name) })
			fail("2")
			stopFirst()
			fail("3")
			stopSecond()
			stopSecond()
			fail("4")
			return nil
		})
		if err != nil {
			t.Errorf("Run: %v", err)
		}
		if !slices.Equal(first, []string{"1: bad", "2: bad"}) || !slices.Equal(second, []string{"2", "3"}) {
			t.Errorf("got %q, %q", first, second)
		}
	})
}

// A panic in a tap is fatal, as one in an event handler is.
func TestTapPanics(t *testing.T) {
	loop := &aio.Loop{CatchPanics: true, OnEvent: func(aio.Event) {}, Logger: quiet}
	loop.Tap(func(aio.Event) { panic("tap") })
	err := loop.Run(t.Context(), func(ctx context.Context) error {
		aio.Spawn(ctx, "job", func(context.Context) error { return errors.New("bad") })
		return nil
	})
	var p *aio.PanicError
	if !errors.As(err, &p) || p.Value != "tap" {
		t.Errorf("Run: %v", err)
	}
}

// PhaseEnd tells when each phase ends, and is zero in those that have no end.
func TestPhaseEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := &aio.Loop{DrainDelay: time.Second, Grace: 2 * time.Second, Abandon: 3 * time.Second, Logger: quiet}
		zero := func(when string) {
			t.Helper()
			if end := loop.PhaseEnd(); !end.IsZero() {
				t.Errorf("%s: the phase ends at %v", when, end)
			}
		}
		is := func(phase string, left time.Duration) {
			t.Helper()
			if s := loop.Stats().Phase; s != phase {
				t.Errorf("the phase is %s, want %s", s, phase)
			}
			if got := time.Until(loop.PhaseEnd()); got != left {
				t.Errorf("%s ends in %v, want %v", phase, got, left)
			}
		}
		zero("before Run")
		err := loop.Run(t.Context(), func(ctx context.Context) error {
			zero("running")
			loop.Exit(nil)
			<-loop.Leaving()
			synctest.Wait()
			is("leaving", time.Second)
			<-loop.Draining()
			synctest.Wait()
			is("draining", 2*time.Second)
			time.Sleep(time.Second)
			is("draining", time.Second)
			<-ctx.Done()
			synctest.Wait()
			is("cancelling", 3*time.Second)
			return nil
		})
		if err != nil {
			t.Errorf("Run: %v", err)
		}
		zero("after Run")
	})
}

// KindStats adds up to Stats.
func TestKindStats(t *testing.T) {
	loop := &aio.Loop{OnEvent: func(aio.Event) {}}
	if loop.KindStats() != nil {
		t.Error("kinds before Run")
	}
	err := loop.Run(t.Context(), func(ctx context.Context) error {
		aio.Spawn(ctx, "bad", func(context.Context) error { return errors.New("bad") })
		f := aio.Go(ctx, "good", func(context.Context) (int, error) { return 1, nil })
		_, err := f.Await(ctx)
		return err
	})
	if err != nil {
		t.Errorf("Run: %v", err)
	}
	got := map[string]aio.KindStats{}
	var started, ended int64
	for _, k := range loop.KindStats() {
		got[k.Kind.String()] = k
		started, ended = started+k.Started, ended+k.Ended
	}
	if k := got["aio.spawn"]; k.Started != 1 || k.Ended != 1 || k.Failed != 1 {
		t.Errorf("%+v", k)
	}
	if k := got["aio.go"]; k.Started != 1 || k.Ended != 1 || k.Failed != 0 {
		t.Errorf("%+v", k)
	}
	if s := loop.Stats(); s.Started != started || s.Ended != ended || started != 3 {
		t.Errorf("%d and %d in all, %+v", started, ended, s)
	}
}
