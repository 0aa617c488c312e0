package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// show prints a case as a table: for each peer the medians, and the ratios to
// the base with the smallest and the largest of a round.
func (o *outcome) show(w io.Writer) {
	fmt.Fprintf(w, "\n%s\n", o.Case)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "  ")
	for _, m := range o.Metrics {
		fmt.Fprintf(t, "\t%s\tto %s", m.Title, o.Base)
	}
	fmt.Fprintln(t)
	for _, p := range o.Peers {
		fmt.Fprint(t, "  ", p)
		for _, m := range o.Metrics {
			fmt.Fprintf(t, "\t%s\t%s", o.value(p, m), o.Ratios[p][m.Name])
		}
		fmt.Fprintln(t)
	}
	_ = t.Flush() // a closed output cannot be reported
	for _, p := range o.Peers {
		if own(p) {
			fmt.Fprintf(w, "  %s\n", o.ours(p))
		}
	}
	for _, note := range o.Notes {
		fmt.Fprintf(w, "  %s\n", note)
	}
}

func (o *outcome) value(peer string, m metric) string {
	v := o.Samples[peer][m.Name]
	if len(v) == 0 {
		return "-"
	}
	return format(median(v), m.Unit)
}

// ours tells the ratio of the first metric of a peer of goaio's to each other's
// and, where it is measured in slices, that of the lowest values: those of
// moments when nothing else ran on the machine.
func (o *outcome) ours(peer string) string {
	m := o.Metrics[0]
	var parts []string
	for _, p := range o.Peers {
		s, ok := o.ratio(peer, p, m.Name)
		if !ok || p == peer {
			continue
		}
		part := fmt.Sprintf("to %s %s", p, s)
		if low := o.Samples[peer][lowest(m.Name)]; len(low) > 0 {
			part += fmt.Sprintf(" lowest %.2f", slices.Min(low)/slices.Min(o.Samples[p][lowest(m.Name)]))
		}
		parts = append(parts, part)
	}
	return peer + "'s " + m.Title + ": " + strings.Join(parts, ", ")
}

// String is the median, and what it lies between in brackets.
func (s spread) String() string {
	if s == (spread{}) {
		return ""
	}
	if s.Median < 0.1 {
		return fmt.Sprintf("%.4f [%.4f-%.4f]", s.Median, s.Min, s.Max)
	}
	return fmt.Sprintf("%.2f [%.2f-%.2f]", s.Median, s.Min, s.Max)
}

// format writes a value with its unit.
func format(v float64, unit string) string {
	switch {
	case unit == "ns" && v >= 1e6:
		return digits(v/1e6) + " ms"
	case unit == "ns" && v >= 1e3:
		return digits(v/1e3) + " us"
	case unit == "B" && math.Abs(v) >= 1e6:
		return digits(v/1e6) + " MB"
	case unit == "/s":
		return fmt.Sprintf("%.0f/s", v)
	case unit == "":
		return digits(v)
	}
	return digits(v) + " " + unit
}

// digits writes a number with three digits or all before the point.
func digits(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100 || v == math.Trunc(v):
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
