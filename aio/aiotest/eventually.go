package aiotest

import (
	"runtime"
	"testing"
	"time"
)

// patience bounds the wait of helpers for what should happen at once.
const patience = 10 * time.Second

// Eventually waits until cond returns true. It calls cond repeatedly: often at
// first, then every 20 ms. It fails the test, with t.Fatalf, after 10 s.
//
// It is for tests with real sockets and processes, where nothing signals that
// data has arrived. In a synctest bubble, synctest.Wait is exact; there the 10
// s are of the bubble's clock.
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
