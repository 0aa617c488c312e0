package aiotest

import (
	"runtime"
	"testing"
	"time"
)

// patience is how long helpers wait for what should come at once.
const patience = 10 * time.Second

// Eventually waits until cond returns true, asking again and again: often at
// first, then every 20 ms. It fails the test, with t.Fatalf, when that takes
// longer than 10 s.
//
// It is for tests with real sockets and processes, where nothing tells when
// something has arrived. In a synctest bubble, synctest.Wait is the exact
// answer; there the 10 s are of the bubble's clock.
func Eventually(t testing.TB, cond func() bool) {
	t.Helper()
	for range 100 {
		if cond() {
			return
		}
		runtime.Gosched()
	}
	begin := time.Now()
	for pause := 100 * time.Microsecond; !cond(); pause = min(2*pause, 20*time.Millisecond) {
		if d := time.Since(begin); d >= patience {
			t.Fatalf("aiotest: condition not met in %v", d.Round(time.Second))
		}
		time.Sleep(pause)
	}
}
