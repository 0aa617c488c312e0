package aiotest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
)

func TestRecorder(t *testing.T) {
	var rec aiotest.Recorder
	loop := &aio.Loop{OnEvent: rec.OnEvent}
	aiotest.RunLoop(t, loop, func(ctx context.Context) error {
		for range 3 {
			aio.Spawn(ctx, "", failing)
		}
		for _, e := range rec.Wait(t, 3) {
			if !errors.Is(e.Err, errBoom) || e.Loop != loop {
				t.Errorf("event %+v", e)
			}
		}
		return nil
	})
	if n := len(rec.Events()); n != 3 {
		t.Errorf("%d events, want 3", n)
	}
	if n := len(rec.Wait(t, 0)); n != 3 {
		t.Errorf("Wait for none returned %d events, want 3", n)
	}
}

func TestRecorderWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec aiotest.Recorder
		go func() {
			for i := range 2 {
				time.Sleep(time.Second)
				rec.OnEvent(aio.Event{Op: aio.OpInfo{Name: "op"}, Err: errBoom, Lost: i > 0})
			}
		}()
		if events := rec.Wait(t, 2); !events[1].Lost {
			t.Errorf("events out of order: %v", events)
		}
		start := time.Now()
		f := trial(func(t testing.TB) { rec.Wait(t, 3) })
		f.want(t, "want 3 events, got 2 in 10s")
		if d := time.Since(start); d != 10*time.Second || f.finished {
			t.Errorf("Wait took %v, returned: %v", d, f.finished)
		}
	})
}
