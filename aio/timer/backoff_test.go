package timer_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"goaio.example/aio/timer"
)

// waits collects up to n waits after the first.
func waits(b timer.Backoff, n int) (out []time.Duration) {
	next := 1
	for i, d := range b.Delays() {
		if i != next {
			panic("attempts are not numbered from 1")
		}
		if next++; i > 1 {
			out = append(out, d)
		} else if d != 0 {
			panic("there is a wait before the first attempt")
		}
		if len(out) == n {
			break
		}
	}
	return out
}

func TestBackoffWithoutJitter(t *testing.T) {
	for _, c := range []struct {
		b    timer.Backoff
		n    int
		want []time.Duration
	}{
		{timer.Backoff{}, 100, []time.Duration{100 * ms, 200 * ms, 400 * ms, 800 * ms}},
		{timer.Backoff{Initial: 10 * time.Second, Attempts: -1, Elapsed: -1}, 3, []time.Duration{10 * time.Second, 20 * time.Second, 30 * time.Second}},
		{timer.Backoff{Initial: ms, Max: 5 * ms, Factor: 3, Attempts: 5}, 100, []time.Duration{ms, 3 * ms, 5 * ms, 5 * ms}},
		{timer.Backoff{Initial: ms, Factor: -1, Attempts: 4}, 100, []time.Duration{ms, ms, ms}},
		{timer.Backoff{Initial: ms, Factor: math.NaN(), Attempts: 3}, 100, []time.Duration{ms, ms}},
		{timer.Backoff{Initial: ms, Factor: math.Inf(1), Attempts: 3}, 100, []time.Duration{ms, 30 * time.Second}},
		{timer.Backoff{Initial: -1, Factor: math.Inf(1), Attempts: 4}, 100, []time.Duration{0, 0, 0}},
		{timer.Backoff{Initial: -1, Attempts: 4}, 100, []time.Duration{0, 0, 0}},
		{timer.Backoff{Initial: math.MaxInt64 / 2, Factor: 1.5, Max: -1, Attempts: 4, Elapsed: -1}, 100, []time.Duration{math.MaxInt64 / 2, math.MaxInt64/4*3 + 1, math.MaxInt64}},
		{timer.Backoff{Initial: 1 << 62, Max: -1, Attempts: 4, Elapsed: -1}, 100, []time.Duration{1 << 62, math.MaxInt64, math.MaxInt64}},
		{timer.Backoff{Attempts: 1}, 100, nil},
		{timer.Backoff{Initial: time.Minute, Attempts: 3, Elapsed: -1}, 100, []time.Duration{time.Minute, time.Minute}},
		{timer.Backoff{Initial: time.Minute, Max: -1, Elapsed: 30 * time.Second}, 100, nil},
	} {
		c.b.Jitter = -1
		if got := waits(c.b, c.n); !slices.EqualFunc(got, c.want, func(a, b time.Duration) bool { return (a - b).Abs() < 1<<12 }) {
			t.Errorf("%+v: %v, want %v", c.b, got, c.want)
		}
	}
}

// Full jitter spreads a wait over all of its bound, a smaller share over the
// upper part.
func TestBackoffJitter(t *testing.T) {
	for jitter, least := range map[float64]time.Duration{0: 0, 0.25: 750 * ms, 1: 0, 5: 0} {
		lo, hi, sum := time.Hour, time.Duration(0), time.Duration(0)
		b := timer.Backoff{Initial: time.Second, Max: time.Second, Attempts: -1, Elapsed: -1, Jitter: jitter}
		const n = 20000
		for _, d := range waits(b, n) {
			lo, hi, sum = min(lo, d), max(hi, d), sum+d
		}
		span := time.Second - least
		if lo < least || lo > least+span/100 || hi > time.Second || hi < time.Second-span/100 {
			t.Errorf("jitter %v: waits from %v to %v", jitter, lo, hi)
		}
		if mean := sum / n; (mean - least - span/2).Abs() > span/40 {
			t.Errorf("jitter %v: mean %v", jitter, mean)
		}
	}
}

// Wait says of each try what Delays does, without its bounds.
func TestBackoffWait(t *testing.T) {
	for name, b := range map[string]timer.Backoff{
		"zero":     {Jitter: -1},
		"capped":   {Jitter: -1, Initial: time.Minute, Max: time.Second},
		"constant": {Jitter: -1, Factor: -3},
		"steep":    {Jitter: -1, Factor: 1e300, Max: -1},
		"none":     {Jitter: -1, Initial: -1},
	} {
		unbound := b
		unbound.Attempts, unbound.Elapsed = 100, -1
		for n, want := range unbound.Delays() {
			if got := b.Wait(n); got != want {
				t.Errorf("%s: %v before try %d, want %v", name, got, n, want)
			}
		}
		if got := b.Wait(0); got != 0 {
			t.Errorf("%s: %v before try 0", name, got)
		}
	}
	if got := (timer.Backoff{Jitter: math.NaN()}).Wait(2); got != 100*ms {
		t.Errorf("a jitter of NaN: %v before try 2, want exactly %v", got, 100*ms)
	}
	if got := (timer.Backoff{}).Wait(1 << 30); got < 0 || got > 30*time.Second {
		t.Errorf("%v before a late try", got)
	}
}
