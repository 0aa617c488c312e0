package tcp

import (
	"math/rand/v2"
	"testing"
	"time"
)

// call is a callback as blocking hears of it.
type call struct {
	d time.Duration
	v verdict // if it is examined
}

// feed gives n callbacks to b, one in so many a slow one.
func feed(b *blocking, s *sampler, r *rand.Rand, n int, slow call, oneIn int) (expected int) {
	for range n {
		c := call{10 * time.Microsecond, unknown}
		if oneIn > 0 && r.IntN(oneIn) == 0 {
			c = slow
		}
		counts, examine := s.next(b)
		if !examine {
			c.v = unknown
		}
		s.slow = c.d >= slowCall
		if counts {
			b.note(c.d, c.v)
		}
		if b.likely() {
			expected++
		}
	}
	return expected
}

// Callbacks are expected to block when a noticeable share of them does, and not
// because the machine is busy.
func TestBlockingShare(t *testing.T) {
	ms := time.Millisecond
	for name, tt := range map[string]struct {
		slow    call
		oneIn   int
		expects bool
	}{
		"none":                           {call{}, 0, false},
		"all wait":                       {call{ms / 10, waited}, 1, true},
		"all wait for long":              {call{20 * ms, waited}, 1, true},
		"one in 10 waits":                {call{ms, waited}, 10, true},
		"one in 100 waits":               {call{ms / 10, waited}, 100, true},
		"one in 10,000 waits":            {call{20 * ms, waited}, 10000, false},
		"all compute":                    {call{ms, computed}, 1, true},
		"all compute a little":           {call{ms / 5, computed}, 1, true},
		"one in 10 computes":             {call{ms, computed}, 10, true},
		"the kernel works in one in 100": {call{ms / 5, computed}, 100, false},
		"one in 5 is delayed":            {call{3 * ms, delayed}, 5, false},
		"all are delayed":                {call{3 * ms, delayed}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			var b blocking
			var s sampler
			r := rand.New(rand.NewPCG(1, 2))
			feed(&b, &s, r, 20000, tt.slow, tt.oneIn) // to get settled
			const n = 100000
			expected := feed(&b, &s, r, n, tt.slow, tt.oneIn)
			if tt.expects && expected < n*9/10 || !tt.expects && expected > n/100 {
				t.Errorf("%d callbacks of %d were expected to block, want that: %v", expected, n, tt.expects)
			}
		})
	}
}

// A change is found out soon: after some tens of callbacks that block, and some
// thousands that do not.
func TestBlockingChanges(t *testing.T) {
	var b blocking
	var s sampler
	r := rand.New(rand.NewPCG(1, 2))
	wait := call{2 * time.Millisecond, waited}
	for range 3 {
		feed(&b, &s, r, 20000, call{}, 0)
		if feed(&b, &s, r, 30, wait, 1) == 0 {
			t.Error("30 callbacks have blocked, and the next is not expected to")
		}
		feed(&b, &s, r, 20000, wait, 1)
		feed(&b, &s, r, 5000, call{}, 0)
		if b.likely() {
			t.Error("5,000 callbacks have not blocked, and the next is expected to")
		}
	}
}

// A callback that does not return at all counts, too.
func TestBlockingStuck(t *testing.T) {
	var b blocking
	for range 3 {
		b.stuck()
	}
	if !b.likely() {
		t.Error("three callbacks are stuck, and the next is not expected to be")
	}
}

// A single callback that blocks changes nothing.
func TestBlockingOnce(t *testing.T) {
	var b blocking
	b.stuck()
	b.note(time.Second, unknown)
	if b.likely() {
		t.Error("one callback has blocked, and the next is expected to")
	}
}
