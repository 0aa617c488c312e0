package aiotest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio/aiotest"
)

func TestEventually(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		aiotest.Eventually(t, func() bool { return true })
		if d := time.Since(start); d != 0 {
			t.Errorf("true at once took %v", d)
		}
		aiotest.Eventually(t, func() bool { return time.Since(start) > time.Second })
		if d := time.Since(start); d > 1020*time.Millisecond {
			t.Errorf("true after 1s took %v", d)
		}

		start = time.Now()
		f := trial(func(t testing.TB) { aiotest.Eventually(t, func() bool { return false }) })
		f.want(t, "condition not met in 10s")
		if d := time.Since(start); d > 10100*time.Millisecond || f.finished {
			t.Errorf("took %v, returned: %v", d, f.finished)
		}
	})
}
