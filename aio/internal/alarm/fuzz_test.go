package alarm_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio/internal/alarm"
)

// naive is what a Heap does, by the simplest means.
type naive map[int]time.Time

// due removes and returns, in order, the alarms whose time has come. Equal
// times are ordered by number.
func (n naive) due(now time.Time) (out []int) {
	for id, when := range n {
		if !when.After(now) {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, func(a, b int) int {
		if c := n[a].Compare(n[b]); c != 0 {
			return c
		}
		return a - b
	})
	for _, id := range out {
		delete(n, id)
	}
	return out
}

// TestRandomSteps makes FuzzHeap's comparison for random steps. They come in
// runs that are mostly of one kind, so that many alarms are pending at times,
// and many are stopped.
func TestRandomSteps(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var steps []byte
		for len(steps) < 800 {
			often := rng.IntN(4)
			for range 5 + rng.IntN(60) {
				kind := often
				if rng.IntN(3) == 0 {
					kind = rng.IntN(3)
				}
				steps = append(steps, byte(kind<<6|rng.IntN(64)), byte(rng.IntN(256)))
			}
		}
		synctest.Test(t, func(t *testing.T) { compare(t, steps) })
		if t.Failed() {
			t.Fatalf("the random steps of seed %d made the heap differ from the naive one", seed)
		}
	}
}

// FuzzHeap does the same with a Heap and with the naive one. Each two bytes are
// a step.
func FuzzHeap(f *testing.F) {
	f.Add([]byte{0x00, 5, 0x01, 3, 0xc0, 4, 0x80, 0, 0x40, 9, 0xc0, 20})
	f.Add([]byte{0x00, 0, 0x01, 0, 0x02, 0, 0xc0, 0, 0x03, 255, 0x83, 0, 0xc0, 255})
	f.Fuzz(func(t *testing.T, steps []byte) {
		synctest.Test(t, func(t *testing.T) { compare(t, steps) })
	})
}

func compare(t *testing.T, steps []byte) {
	var h alarm.Heap
	defer h.Close()
	ref := naive{}
	// for the race detector: alarms fire in turn with the steps
	var mu sync.Mutex
	var fired []int
	at := map[int]time.Time{} // when they are to fire
	var alarms [64]*alarm.Alarm
	for id := range alarms {
		alarms[id] = alarm.New(func() {
			mu.Lock()
			defer mu.Unlock()
			fired = append(fired, id)
			if !time.Now().Equal(at[id]) {
				t.Errorf("alarm %d fired %v late", id, time.Since(at[id]))
			}
		})
	}
	for ; len(steps) >= 2; steps = steps[2:] {
		id, d := int(steps[0]&63), time.Duration(steps[1])*time.Millisecond
		_, pending := ref[id]
		when := time.Now().Add(d)
		switch steps[0] >> 6 {
		case 0:
			mu.Lock()
			ref[id], at[id] = when, when
			mu.Unlock()
			h.Set(alarms[id], d)
		case 1:
			if pending {
				mu.Lock()
				ref[id], at[id] = when, when
				mu.Unlock()
			}
			if h.Reset(alarms[id], d) != pending {
				t.Fatalf("Reset(%d) reported %v, want %v", id, !pending, pending)
			}
		case 2:
			if h.Stop(alarms[id]) != pending {
				t.Fatalf("Stop(%d) reported %v, want %v", id, !pending, pending)
			}
			delete(ref, id)
		case 3:
			time.Sleep(d)
		}
		synctest.Wait()
		if err := h.Check(); err != nil {
			t.Fatalf("after step %#x for %v: %v", steps[0], d, err)
		}
		mu.Lock()
		want := ref.due(time.Now())
		slices.SortStableFunc(fired, func(a, b int) int {
			if at[a].Equal(at[b]) {
				return a - b
			}
			return 0 // the order of different times is the heap's
		})
		if !slices.Equal(fired, want) || h.Len() != len(ref) {
			t.Fatalf("fired %v with %d left, want %v with %d left", fired, h.Len(), want, len(ref))
		}
		fired = fired[:0]
		mu.Unlock()
	}
}
