package aiotest

import "testing"

// maxRounds ends a series whose fault always happens.
var maxRounds = 10_000

// An enumerator runs subtests with a disturbance at the first place, at the
// second, and so on until it comes too late to happen.
type enumerator struct {
	t    *testing.T
	what string // the error if no disturbance ever happened

	ran, fired bool // any subtest, any disturbance
	selected   bool // the -run flag leaves subtests out
}

// A round is one of its subtests.
type round struct {
	name  string
	run   func(t *testing.T)
	fired func() bool // reports whether the disturbance happened
}

// series runs a round for each place, until the disturbance did not happen or
// the round failed.
func (e *enumerator) series(at func(k int) round) {
	e.t.Helper()
	started := false
	for k := 1; k <= maxRounds; k++ {
		r := at(k)
		ended := false
		started = false
		ok := e.t.Run(r.name, func(t *testing.T) {
			started = true
			defer func() { ended = true }()
			r.run(t)
		})
		switch {
		case !started:
			e.selected = true
			continue
		case !ended:
			e.t.Fatal("aiotest: a subtest that faults are enumerated in must not be parallel")
		}
		e.ran = true
		fired := r.fired()
		e.fired = e.fired || fired
		if !ok || !fired {
			return
		}
	}
	if started {
		e.t.Errorf("aiotest: gave up after %d rounds, the last one %q", maxRounds, at(maxRounds).name)
	}
}

// conclude fails the test if no round had a disturbance.
func (e *enumerator) conclude() {
	e.t.Helper()
	if e.ran && !e.selected && !e.fired && !e.t.Failed() {
		e.t.Errorf("aiotest: %s", e.what)
	}
}
