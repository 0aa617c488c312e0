package tcp

import (
	"runtime"
	"testing"
	"time"
)

// TestCollectorExcuses checks that a collection excuses as many waits as it
// stops processors, that collections are asked for at most once in
// collectorLook, and that old ones do not add up forever.
func TestCollectorExcuses(t *testing.T) {
	const procs = 2
	var cycles uint64
	looks := 0
	c := collector{cycles: func() uint64 { looks++; return cycles }}
	now := time.Duration(0)
	excused := func(after time.Duration) (n int) {
		now += after
		for c.excuse(collectorStop-1, now, procs) {
			n++
		}
		return n
	}
	for _, step := range []struct {
		more  uint64
		after time.Duration
		want  int
	}{
		{5, collectorLook, 0}, // it had not looked before
		{1, collectorLook, procs},
		{0, collectorLook, 0},
		{1, 0, 0}, // it has just looked
		{0, collectorLook, procs},
		{3, time.Second, 3 * procs},
		{1000, time.Second, mostExcuses},
		{0, collectorLook, 0},
	} {
		cycles += step.more
		if n := excused(step.after); n != step.want {
			t.Errorf("%d more collections, %v later: %d excuses, want %d", step.more, step.after, n, step.want)
		}
	}
	if looks != 7 {
		t.Errorf("%d looks, want 7", looks)
	}
	if cycles++; c.excuse(collectorStop, now+time.Second, procs) {
		t.Error("a long wait is excused")
	}
}

// TestCompletedCycles checks that the runtime tells of its collections.
func TestCompletedCycles(t *testing.T) {
	before := completedCycles()
	runtime.GC()
	if after := completedCycles(); after <= before {
		t.Errorf("%d collections after one more than %d", after, before)
	}
}
