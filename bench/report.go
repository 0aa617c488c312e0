package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sample is what was measured once, by the name of the metric.
type sample map[string]float64

// metric is something that is measured.
type metric struct {
	Name  string `json:"name"`  // its key in a sample
	Title string `json:"title"` // of its column
	Unit  string `json:"unit"`  // ns, B, /s or MB/s
}

// report is the result of a workload.
type report struct {
	settings *settings

	Workload    string
	About       string
	Environment machine
	Rounds      int
	Quick       bool
	Seconds     float64 // how long all of it took
	// /proc/loadavg before and after: the machine may do something else, too
	Load  []string `json:",omitempty"`
	Cases []*outcome
	// what could not be measured, and why
	LeftOut []string `json:",omitempty"`
}

// outcome is the result of a case.
type outcome struct {
	Case    string
	Base    string // the peer that the others' ratios are to
	Metrics []metric
	// in the order in which they are shown
	Peers   []string
	Samples map[string]map[string][]float64 // by peer and metric, one a round
	Ratios  map[string]map[string]spread    // to Base
	Notes   []string                        `json:",omitempty"`
}

// spread is a median with what lies around it.
type spread struct{ Median, Min, Max float64 }

// wanted reports whether a case is among those to be measured.
func (r *report) wanted(name string) bool { return strings.Contains(name+"$", r.settings.cases) }

// compare measures the peers in turns, as many rounds as the settings say, and
// shows the result. The first peer is the base of the ratios. A round is so
// many slices, each with a turn of every peer: what else the machine does,
// which comes and goes, falls on all of them.
func (r *report) compare(name string, metrics []metric, peers []string, slices int, measure func(peer string) (*tally, error)) error {
	if !r.wanted(name) {
		return nil
	}
	o := &outcome{Case: name, Metrics: metrics, Base: peers[0], Samples: map[string]map[string][]float64{}}
	o.Peers = r.settings.among(peers)
	for range r.settings.rounds {
		if err := o.round(slices, measure); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	o.relate()
	r.Cases = append(r.Cases, o)
	o.show(os.Stdout)
	return nil
}

func (o *outcome) round(slices int, measure func(peer string) (*tally, error)) error {
	sums := make([]tally, len(o.Peers))
	for slice := range slices {
		for i := range o.Peers {
			i = (i + slice) % len(o.Peers)
			t, err := measure(o.Peers[i])
			if err != nil {
				return fmt.Errorf("%s: %w", o.Peers[i], err)
			}
			sums[i].add(t)
		}
	}
	for i, p := range o.Peers {
		o.add(p, sums[i].sample())
	}
	return nil
}

func (o *outcome) add(peer string, s sample) {
	if o.Samples[peer] == nil {
		o.Samples[peer] = map[string][]float64{}
	}
	for k, v := range s {
		o.Samples[peer][k] = append(o.Samples[peer][k], v)
	}
}

// relate computes the ratios to the base, round by round.
func (o *outcome) relate() {
	o.Ratios = map[string]map[string]spread{}
	for _, p := range o.Peers[1:] {
		o.Ratios[p] = map[string]spread{}
		for _, m := range o.Metrics {
			if s, ok := o.ratio(p, o.Base, m.Name); ok {
				o.Ratios[p][m.Name] = s
			}
		}
	}
}

// ratio is the ratio of one peer's metric to another's. It reports false if
// they have not both been measured in each round.
func (o *outcome) ratio(peer, base, metric string) (spread, bool) {
	a, b := o.Samples[peer][metric], o.Samples[base][metric]
	if len(a) == 0 || len(a) != len(b) {
		return spread{}, false
	}
	ratios := make([]float64, len(a))
	for i := range a {
		if b[i] == 0 {
			return spread{}, false
		}
		ratios[i] = a[i] / b[i]
	}
	return spread{median(ratios), slices.Min(ratios), slices.Max(ratios)}, true
}

func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	return (v[len(v)/2] + v[(len(v)-1)/2]) / 2
}

// leaveOut notes what is not measured.
func (r *report) leaveOut(what string, why error) {
	line := fmt.Sprintf("%s is left out: %v", what, why)
	r.LeftOut = append(r.LeftOut, line)
	fmt.Println(line)
}

// save writes the report to its file.
func (r *report) save() error {
	if r.settings.dir == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(r.settings.dir, 0o777); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.settings.dir, r.Workload+".json"), append(text, '\n'), 0o666)
}
