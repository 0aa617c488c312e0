package alarm_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"goaio.example/aio/internal/alarm"
)

// BenchmarkSetStop sets and stops an alarm while a number of others are
// pending.
func BenchmarkSetStop(b *testing.B) {
	for _, n := range []int{0, 1_000_000} {
		b.Run(map[int]string{0: "alone", 1_000_000: "among1M"}[n], func(b *testing.B) {
			var h alarm.Heap
			defer h.Close()
			for range n {
				h.Set(alarm.New(func() {}), time.Hour+rand.N(time.Hour))
			}
			a := alarm.New(func() {})
			for b.Loop() {
				h.Set(a, time.Hour+rand.N(time.Hour))
				h.Stop(a)
			}
		})
	}
}

// BenchmarkFire sets alarms and waits until all have fired.
func BenchmarkFire(b *testing.B) {
	var h alarm.Heap
	defer h.Close()
	left := b.N
	done := make(chan bool)
	fire := func() {
		if left--; left == 0 {
			close(done)
		}
	}
	for range b.N {
		h.Set(alarm.New(fire), 100*time.Millisecond+rand.N(time.Millisecond))
	}
	<-done
}
