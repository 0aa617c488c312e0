package httpx

import (
	"context"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/internal/alarm"
)

// TestStallStopped checks that a stall that is stopped while its alarm fires
// leaves no alarm behind.
func TestStallStopped(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		op, err := aio.Begin(ctx, kindOut, "request")
		if err != nil {
			return err
		}
		defer op.End(nil)
		s := newStall(&outgoing{op: op}, time.Minute, errStalled)
		s.stop()
		s.Fire()
		if n := alarm.Of(op).Len(); n != 0 {
			t.Errorf("%d alarms are pending behind stop and Fire", n)
		}
		return nil
	})
}
