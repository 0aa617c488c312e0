package main

import (
	"math"
	"testing"
	"time"
)

// TestHistogram puts durations in and gets quantiles out that are wrong by a
// sixteenth at most.
func TestHistogram(t *testing.T) {
	var h, half histogram
	for i := range 1000 {
		d := time.Duration(i+1) * time.Microsecond
		if i%2 == 0 {
			h.add(d)
		} else {
			half.add(d)
		}
	}
	h.merge(&half)
	for q, want := range map[float64]float64{0: 1e3, 0.5: 500e3, 0.99: 990e3} {
		if got := float64(h.quantile(q)); math.Abs(got-want) > want/16 {
			t.Errorf("quantile %v: %v, not %v", q, got, want)
		}
	}
	if got := new(histogram).quantile(0.5); got != 0 {
		t.Errorf("the median of nothing: %v", got)
	}
	for _, d := range []time.Duration{1, 15, 16, 17, 1000, time.Hour} {
		if got := bound(step(d)); math.Abs(float64(got-d)) > float64(d)/16 {
			t.Errorf("%d is counted as %d", d, got)
		}
	}
}

// TestRatios is about the ratios of rounds, whose median is not the ratio of
// the medians.
func TestRatios(t *testing.T) {
	o := &outcome{
		Base: "a", Peers: []string{"a", "goaio"}, Metrics: []metric{{"cpu", "CPU", "ns"}},
		Samples: map[string]map[string][]float64{"a": {"cpu": {1, 10, 2}}, "goaio": {"cpu": {2, 5, 2}}},
	}
	o.relate()
	if got, want := o.Ratios["goaio"]["cpu"], (spread{1, 0.5, 2}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, ok := o.ratio("goaio", "a", "rate"); ok {
		t.Error("there is a ratio of what was not measured")
	}
	if got := median([]float64{4, 1, 3, 2}); got != 2.5 {
		t.Errorf("the median is %v", got)
	}
}
