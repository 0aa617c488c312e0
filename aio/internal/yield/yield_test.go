package yield_test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"goaio.example/aio/internal/yield"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestYield checks that goroutines which are ready run while a goroutine on the
// same processor yields, and that a Yielder can be used again. The race
// detector has the scheduler choose among them at random, so that one Yield may
// not be enough.
func TestYield(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	synctest.Test(t, func(t *testing.T) {
		var y yield.Yielder
		var ran atomic.Int32
		for range 20 {
			go func() { ran.Add(1) }()
		}
		for range 1000 {
			if y.Yield(); ran.Load() == 20 {
				return
			}
		}
		t.Errorf("%d of 20 goroutines that were ready have run after 1000 calls of Yield, want all", ran.Load())
	})
}
