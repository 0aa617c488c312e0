package tcp

import (
	"runtime"
	"testing"
	"time"
)

// A goroutine that waits is told from one that computes, also where it goes on
// on the thread that it has waited on.
func TestStint(t *testing.T) {
	compute := func() {
		for begin := time.Now(); time.Since(begin) < time.Millisecond; {
		}
	}
	wait := func() { <-time.After(time.Millisecond) }
	for _, procs := range []int{1, runtime.GOMAXPROCS(0)} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		waits, computes := 0, 0
		for range 20 {
			s := beginStint()
			wait()
			if s.end() == waited {
				waits++
			}
		}
		for range 20 {
			s := beginStint()
			compute()
			if s.end() != waited {
				computes++
			}
		}
		if waits < 10 || computes < 10 {
			t.Errorf("%d processors: %d waits of 20 and %d computations of 20 were seen", procs, waits, computes)
		}
	}
}
