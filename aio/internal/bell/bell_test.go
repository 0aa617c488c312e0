package bell_test

import (
	"sync"
	"testing"
	"testing/synctest"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/internal/bell"
)

func TestMain(m *testing.M) { aiotest.VerifyMain(m) }

// Ring wakes all goroutines that wait, once, and none that comes later.
func TestBell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var b bell.Bell
		rung, woken := false, 0
		for range 3 {
			go func() {
				mu.Lock()
				defer mu.Unlock()
				for !rung {
					b.Wait(&mu)
				}
				woken++
			}()
		}
		synctest.Wait()
		mu.Lock()
		if !b.Awaited() {
			t.Error("a goroutine waits, and Awaited reported false, want true")
		}
		rung = true
		b.Ring()
		if b.Awaited() {
			t.Error("after Ring Awaited reported true, want false")
		}
		later := b.C()
		mu.Unlock()
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if woken != 3 {
			t.Errorf("%d were woken, want 3", woken)
		}
		select {
		case <-later:
			t.Error("the channel of one who came later is closed")
		default:
		}
	})
}

// WaitOr also returns for the other channel, with the mutex held.
func TestWaitOr(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var b bell.Bell
		done := make(chan struct{})
		go func() {
			synctest.Wait()
			close(done)
		}()
		mu.Lock()
		b.WaitOr(&mu, done)
		if mu.TryLock() {
			t.Error("the mutex is not held")
		}
		mu.Unlock()
	})
}
