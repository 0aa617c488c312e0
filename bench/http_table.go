package main

import (
	"fmt"
	"slices"
	"strings"
)

// The tables of the workload http, in Markdown: one for each metric, with a row
// for each case that has it. A goaio peer has its ratios to the case's base and
// to fasthttp next to its figure.

// compared is the peer that HTTP servers are compared with in addition to the
// base.
const compared = "fasthttp"

// tables returns the tables of a report.
func (r *report) tables() string {
	var b strings.Builder
	for _, m := range r.metrics() {
		fmt.Fprintf(&b, "\n%s\n\n", m.Title)
		r.table(&b, m)
	}
	return strings.TrimPrefix(b.String(), "\n")
}

// metrics returns those of all cases, in the order in which they come. Metrics
// of one name and two titles are two.
func (r *report) metrics() (all []metric) {
	seen := map[metric]bool{}
	for _, o := range r.Cases {
		for _, m := range o.Metrics {
			if !seen[m] {
				seen[m] = true
				all = append(all, m)
			}
		}
	}
	return all
}

// table writes the table of a metric.
func (r *report) table(b *strings.Builder, m metric) {
	peers := r.columns()
	b.WriteString("| case |")
	for _, p := range peers {
		fmt.Fprintf(b, " %s |", p)
		if own(p) {
			fmt.Fprintf(b, " to %s | to %s |", peers[0], compared)
		}
	}
	b.WriteString("\n|---|")
	for _, p := range peers {
		b.WriteString("---|")
		if own(p) {
			b.WriteString("---|---|")
		}
	}
	b.WriteString("\n")
	for _, o := range r.Cases {
		if o.has(m) {
			o.row(b, m, peers)
		}
	}
}

// columns returns the peers of all cases: the first of the first case is the
// base of all.
func (r *report) columns() (peers []string) {
	seen := map[string]bool{}
	for _, o := range r.Cases {
		for _, p := range o.Peers {
			if !seen[p] {
				seen[p] = true
				peers = append(peers, p)
			}
		}
	}
	return peers
}

func (o *outcome) has(m metric) bool {
	return slices.Contains(o.Metrics, m)
}

// row writes what a case has of a metric.
func (o *outcome) row(b *strings.Builder, m metric, peers []string) {
	fmt.Fprintf(b, "| %s |", o.Case)
	for _, p := range peers {
		fmt.Fprintf(b, " %s |", o.value(p, m))
		if own(p) {
			fmt.Fprintf(b, " %s | %s |", o.briefRatio(p, o.Base, m), o.briefRatio(p, compared, m))
		}
	}
	b.WriteString("\n")
}

// briefRatio is a ratio without what lies around it. One of a thousand or more
// is to next to nothing, and says no more than that.
func (o *outcome) briefRatio(peer, base string, m metric) string {
	s, ok := o.ratio(peer, base, m.Name)
	if !ok || s.Median >= 1000 {
		return "-"
	}
	return digits(s.Median)
}
