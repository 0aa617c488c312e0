package main

import "time"

// tally is what was done while something was measured.
type tally struct {
	n         int64 // operations
	cpu, wall time.Duration
	latency   histogram
	values    sample // other metrics, which have no sum
	lowest    float64
}

// add joins what was measured another time.
func (t *tally) add(o *tally) {
	if per := o.cpuPer(); t.n == 0 || per < t.lowest {
		t.lowest = per
	}
	t.n, t.cpu, t.wall = t.n+o.n, t.cpu+o.cpu, t.wall+o.wall
	t.latency.merge(&o.latency)
	if o.values != nil {
		t.values = o.values
	}
}

// cpuPer returns the CPU time of an operation in ns.
func (t *tally) cpuPer() float64 { return float64(t.cpu) / float64(max(t.n, 1)) }

// sample returns the metrics.
func (t *tally) sample() sample {
	s := sample{}
	if t.n > 0 {
		s["cpu"], s["lowest"] = t.cpuPer(), t.lowest
		s["rate"] = float64(t.n) / t.wall.Seconds()
	}
	if t.latency.n > 0 {
		s["p50"], s["p99"] = float64(t.latency.quantile(0.5)), float64(t.latency.quantile(0.99))
	}
	for k, v := range t.values {
		s[k] = v
	}
	return s
}
