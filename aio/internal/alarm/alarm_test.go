package alarm_test

import (
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio/internal/alarm"
)

func TestFiresInOrderAndOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h alarm.Heap
		start := time.Now()
		var got []time.Duration
		for _, d := range rand.Perm(5000) {
			h.Set(alarm.New(func() { got = append(got, time.Since(start)) }), time.Duration(d)*time.Millisecond)
		}
		if h.Len() != 5000 {
			t.Fatalf("Len = %d, want 5000", h.Len())
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(got) != 5000 {
			t.Fatalf("%d fired, want 5000", len(got))
		}
		for i, d := range got {
			if want := time.Duration(i) * time.Millisecond; d != want {
				t.Fatalf("alarm %d fired after %v, want %v", i, d, want)
			}
		}
	})
}

func TestDurations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h alarm.Heap
		fired := map[time.Duration]bool{}
		for _, d := range []time.Duration{math.MinInt64, -1, 0, 1, math.MaxInt64} {
			h.Set(alarm.New(func() { fired[d] = true }), d)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if len(fired) != 4 || fired[math.MaxInt64] {
			t.Errorf("after 1 ns these have fired: %v", fired)
		}
		if h.Len() != 1 {
			t.Errorf("Len = %d, want 1", h.Len())
		}
		h.Close()
	})
}

// An alarm that is set for the longest time does not fire, and does not keep
// others from firing, whatever the age of its heap.
func TestLongest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h alarm.Heap
		fired := 0
		h.Set(alarm.New(func() { fired++ }), time.Second)
		time.Sleep(time.Hour)
		for _, d := range []time.Duration{math.MaxInt64, math.MaxInt64 - 1, math.MaxInt64 - time.Hour} {
			h.Set(alarm.New(func() { t.Errorf("an alarm that was set for %v fired after %v", d, 2*time.Hour) }), d)
		}
		h.Set(alarm.New(func() { fired++ }), time.Minute)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if fired != 2 || h.Len() != 3 {
			t.Errorf("set one alarm before and one after an hour, and 3 for ever: %d fired and %d are pending, want 2 and 3", fired, h.Len())
		}
		h.Close()
	})
}

func TestSetAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h alarm.Heap
		start := time.Now()
		var at []time.Duration
		a := alarm.New(func() { at = append(at, time.Since(start)) })
		h.Set(a, time.Second)
		h.Set(a, 3*time.Second) // later
		h.Set(a, 2*time.Second) // earlier
		if !h.Reset(a, 5*time.Second) {
			t.Error("Reset of a pending alarm: false")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if h.Reset(a, time.Second) {
			t.Error("Reset of an alarm that has fired: true")
		}
		if h.Stop(a) {
			t.Error("Stop of an alarm that has fired: true")
		}
		h.Set(a, time.Second)
		if !h.Stop(a) {
			t.Error("Stop of a pending alarm: false")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(at) != 1 || at[0] != 5*time.Second {
			t.Errorf("fired at %v, want once at 5 s", at)
		}
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h alarm.Heap
		a, stopped := alarm.New(func() { t.Error("an alarm of a closed heap fired") }), alarm.New(func() {})
		h.Set(a, time.Second)
		h.Set(stopped, 2*time.Second)
		h.Stop(stopped)
		h.Close()
		h.Set(a, time.Second)
		if h.Stop(a) || h.Reset(a, time.Second) || h.Len() != 0 {
			t.Errorf("a closed heap has %d alarms, want 0, and none that Stop or Reset finds", h.Len())
		}
		time.Sleep(time.Minute)
		synctest.Wait()
	})
}

func TestUseFromFire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h alarm.Heap
		n := 0
		other := alarm.New(func() { t.Error("a stopped alarm fired") })
		var a *alarm.Alarm
		a = alarm.New(func() {
			h.Stop(other)
			if n++; n < 1000 {
				h.Set(a, time.Millisecond*time.Duration(n%3))
			}
		})
		h.Set(other, time.Minute)
		h.Set(a, time.Second)
		time.Sleep(time.Hour)
		synctest.Wait()
		if n != 1000 {
			t.Errorf("fired %d times, want 1000", n)
		}
	})
}

// An alarm that comes while another one's function runs fires after that.
func TestOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h alarm.Heap
		start := time.Now()
		h.Set(alarm.New(func() { time.Sleep(time.Minute) }), time.Second)
		time.Sleep(2 * time.Second) // the function runs
		var at time.Duration
		h.Set(alarm.New(func() { at = time.Since(start) }), time.Second)
		time.Sleep(time.Hour)
		synctest.Wait()
		if want := time.Minute + time.Second; at != want {
			t.Errorf("an alarm came at 3s, while another one fired until %v: it fired after %v, want %v", want, at, want)
		}
	})
}

// The room of a heap that was large once is given back.
func TestShrinks(t *testing.T) {
	var h alarm.Heap
	alarms := make([]*alarm.Alarm, 100_000)
	for i := range alarms {
		alarms[i] = alarm.New(func() {})
		h.Set(alarms[i], time.Hour)
	}
	for _, i := range rand.Perm(len(alarms))[10:] {
		h.Stop(alarms[i])
	}
	if c := h.Cap(); c > 2048 {
		t.Errorf("room for %d alarms, with 10 pending", c)
	}
	h.Close()
}

// So is that of alarms that have fired.
func TestShrinksAsFired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h alarm.Heap
		for i := range 100_000 {
			h.Set(alarm.New(func() {}), time.Duration(i)*time.Microsecond)
		}
		h.Set(alarm.New(func() {}), time.Hour)
		time.Sleep(time.Second)
		synctest.Wait()
		if c := h.Cap(); c > 2048 {
			t.Errorf("room for %d alarms, with 1 pending", c)
		}
		h.Close()
	})
}

// At most half of the entries are dead.
func TestSweeps(t *testing.T) {
	var h alarm.Heap
	alarms := make([]*alarm.Alarm, 4000)
	for i := range alarms {
		alarms[i] = alarm.New(func() {})
		h.Set(alarms[i], time.Duration(i)*time.Hour)
	}
	for n, a := range alarms {
		h.Stop(a)
		if live, all := h.Len(), h.Entries(); live != len(alarms)-n-1 || all > 2*live {
			t.Fatalf("%d entries for %d alarms, after %d stops", all, live, n+1)
		}
	}
	h.Close()
}

// The count of alarms is right after dead entries were first and have gone.
func TestDeadFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h alarm.Heap
		var alarms [4]*alarm.Alarm
		for i := range alarms {
			alarms[i] = alarm.New(func() {})
			h.Set(alarms[i], time.Duration(i+1)*time.Second)
		}
		h.Stop(alarms[0])
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		if n, all := h.Len(), h.Entries(); n != 2 || all != 2 {
			t.Errorf("%d alarms, %d entries, want 2", n, all)
		}
		h.Close()
	})
}

// Very many dead entries go in pieces, and what is due behind them fires in
// time.
func TestManyDeadFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h alarm.Heap
		const n = 4096
		var fired []int
		alarms := make([]*alarm.Alarm, n)
		start := time.Now()
		for i := range alarms {
			alarms[i] = alarm.New(func() {
				fired = append(fired, i)
				if d := time.Since(start); d != time.Duration(i)*time.Second {
					t.Errorf("alarm %d fired after %v", i, d)
				}
			})
			h.Set(alarms[i], time.Duration(i)*time.Second)
		}
		for _, a := range alarms[1 : n/2] {
			h.Stop(a)
		}
		time.Sleep(2 * n * time.Second)
		synctest.Wait()
		if len(fired) != n/2+1 || h.Entries() != 0 {
			t.Errorf("%d alarms fired, %d entries left", len(fired), h.Entries())
		}
		h.Close()
	})
}

// On the real clock and from many goroutines: what Stop says is true, and
// nothing fires twice.
func TestConcurrent(t *testing.T) {
	var h alarm.Heap
	var wg sync.WaitGroup
	var pending, fired atomic.Int64
	for g := range 4 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(g), 1))
			for range 2000 {
				pending.Add(1)
				a := alarm.New(func() { fired.Add(1); pending.Add(-1) })
				h.Set(a, time.Duration(rng.IntN(300))*time.Microsecond)
				if rng.IntN(2) == 0 {
					h.Reset(a, time.Duration(rng.IntN(300))*time.Microsecond)
				}
				if rng.IntN(2) == 0 && h.Stop(a) {
					pending.Add(-1)
				}
			}
		})
	}
	wg.Wait()
	for deadline := time.Now().Add(10 * time.Second); pending.Load() > 0 && time.Now().Before(deadline); {
		done := make(chan bool)
		h.Set(alarm.New(func() { close(done) }), time.Millisecond)
		<-done
	}
	if n := pending.Load(); n != 0 {
		t.Errorf("%d alarms left, %d fired", n, fired.Load())
	}
	h.Close()
}
