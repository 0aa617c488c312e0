package yield_test

import (
	"runtime"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"goaio.example/aio/internal/yield"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestYield holds that goroutines which were ready before have run when Yield
// returns, on one processor, and that a Yielder can be used again.
func TestYield(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	synctest.Test(t, func(t *testing.T) {
		var y yield.Yielder
		for round := range 3 {
			ran := 0
			for range 20 {
				go func() { ran++ }()
			}
			y.Yield()
			if ran != 20 {
				t.Errorf("round %d: %d of 20 goroutines that were ready had run when Yield returned, want all", round, ran)
			}
		}
	})
}
