package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The summary is a table in Markdown of all results that lie in the directory:
// a row for each case and each of goaio's ways to do it, with its first metric,
// the ratio to the case's base, and the ratio to the best of the others.

// summarize writes the summary next to the results.
func summarize(dir string) error {
	var b bytes.Buffer
	b.WriteString("| workload | case | peer | figure | | ratio to the base, rounds | ratio to the best peer, rounds | measured |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|\n")
	for _, w := range workloads {
		text, err := os.ReadFile(filepath.Join(dir, w.name+".json"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		var r report
		if err := json.Unmarshal(text, &r); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		for _, o := range r.Cases {
			o.summarize(&b, &r)
		}
		if err := r.saveTables(dir); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "table.md"), b.Bytes(), 0o666)
}

// saveTables writes the tables of a workload that has additional ones.
func (r *report) saveTables(dir string) error {
	if r.Workload != "http" {
		return nil
	}
	return os.WriteFile(filepath.Join(dir, r.Workload+".md"), []byte(r.tables()), 0o666)
}

func (o *outcome) summarize(b *bytes.Buffer, r *report) {
	m := o.Metrics[0]
	date, _, _ := strings.Cut(r.Environment.Date, "T")
	for _, p := range o.Peers {
		if !own(p) {
			continue
		}
		toBase, toBest := "", ""
		if s, ok := o.ratio(p, o.Base, m.Name); ok {
			toBase = fmt.Sprintf("%s: %s", o.Base, s)
		}
		if best := o.best(m); best != "" {
			if s, ok := o.ratio(p, best, m.Name); ok {
				toBest = fmt.Sprintf("%s: %s", best, s)
			}
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s, %d rounds |\n",
			r.Workload, o.Case, p, m.Title, o.value(p, m), toBase, toBest, date, len(o.Samples[p][m.Name]))
	}
}

// own reports whether a peer is of goaio.
func own(peer string) bool { return strings.HasPrefix(peer, "goaio") }

// best returns the peer, goaio and the floors left out, with the lowest median
// of a metric: of all first metrics less is better.
func (o *outcome) best(m metric) (best string) {
	for _, p := range o.Peers {
		v := o.Samples[p][m.Name]
		if own(p) || strings.HasPrefix(p, "floor") || len(v) == 0 {
			continue
		}
		if best == "" || median(v) < median(o.Samples[best][m.Name]) {
			best = p
		}
	}
	return best
}
