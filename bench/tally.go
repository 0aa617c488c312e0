package main

import (
	"slices"
	"time"
)

// tally is what was done while something was measured: in one slice, or in all
// slices of a round.
type tally struct {
	n         int64 // operations
	cpu, wall time.Duration
	latency   histogram
	values    sample // other metrics, which have no sum
	// others that have one, which is shared out to the operations
	sums   sample
	slices map[string][]float64
}

// add joins what was measured in another slice.
func (t *tally) add(o *tally) {
	if t.slices == nil {
		t.slices = map[string][]float64{}
	}
	for k, v := range o.sample() {
		t.slices[k] = append(t.slices[k], v)
	}
	t.n, t.cpu, t.wall = t.n+o.n, t.cpu+o.cpu, t.wall+o.wall
	t.latency.merge(&o.latency)
	if o.values != nil {
		t.values = o.values
	}
	for k, v := range o.sums {
		if t.sums == nil {
			t.sums = sample{}
		}
		t.sums[k] += v
	}
}

// sample returns the metrics: of all that was done and, under other names, the
// medians of the slices' latencies, as one bad moment of the machine would make
// the 99th percentile of a whole round, and the lowest of the slices.
func (t *tally) sample() sample {
	s := sample{}
	if t.n > 0 {
		s["cpu"] = float64(t.cpu) / float64(t.n)
		s["rate"] = float64(t.n) / t.wall.Seconds()
		for k, v := range t.sums {
			s[k] = v / float64(t.n)
		}
	}
	if t.latency.n > 0 {
		s["p50"], s["p99"] = float64(t.latency.quantile(0.5)), float64(t.latency.quantile(0.99))
	}
	for k, v := range t.slices {
		switch k {
		case "cpu":
			s[lowest(k)] = slices.Min(v)
		case "p50", "p99":
			s[ofSlices(k)], s[lowest(ofSlices(k))] = median(v), slices.Min(v)
		}
	}
	for k, v := range t.values {
		s[k] = v
	}
	return s
}

// lowest is the name of the metric that has the lowest value of a slice, and
// ofSlices of that which has the slices' median.
func lowest(metric string) string   { return "lowest " + metric }
func ofSlices(metric string) string { return "slices' " + metric }
