package live_test

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// A parser of the two text formats, stricter than those that have to read what
// others write: what a format allows but this package does not write is an
// error.

// parsedFamily is a metric.
type parsedFamily struct {
	typ, help, unit string
	samples         []parsedSample
}

// parsedSample is a line with a value.
type parsedSample struct {
	name   string
	labels map[string]string
	le     string
	value  float64
}

var (
	metricName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	labelPart  = regexp.MustCompile(`^([a-z_]+)="((?:[^"\\\n]|\\["\\n])*)"(,|$)`)
)

// parseMetrics reads a text.
func parseMetrics(text string, open bool) (map[string]*parsedFamily, error) {
	body, ok := strings.CutSuffix(text, "\n")
	if !ok {
		return nil, fmt.Errorf("no newline at the end")
	}
	if open {
		if body, ok = strings.CutSuffix(body, "\n# EOF"); !ok {
			return nil, fmt.Errorf("no # EOF at the end")
		}
	}
	p := &metricsParser{open: open, families: map[string]*parsedFamily{}, seen: map[string]bool{}}
	for i, line := range strings.Split(body, "\n") {
		if err := p.line(line); err != nil {
			return nil, fmt.Errorf("line %d, %q: %w", i+1, line, err)
		}
	}
	for name, f := range p.families {
		if err := f.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return p.families, nil
}

type metricsParser struct {
	open     bool
	name     string // of the family that lines belong to
	now      *parsedFamily
	families map[string]*parsedFamily
	seen     map[string]bool // names with labels
}

func (p *metricsParser) line(line string) error {
	rest, meta := strings.CutPrefix(line, "# ")
	if !meta {
		return p.sample(line)
	}
	parts := strings.SplitN(rest, " ", 3)
	if len(parts) != 3 || parts[2] == "" {
		return fmt.Errorf("not a description")
	}
	keyword, name, value := parts[0], parts[1], parts[2]
	if keyword == "HELP" {
		if !metricName.MatchString(name) || p.families[name] != nil {
			return fmt.Errorf("a bad name, or one that was there")
		}
		p.name, p.now = name, &parsedFamily{help: value}
		p.families[name] = p.now
		return nil
	}
	switch {
	case p.now == nil || name != p.name || len(p.now.samples) > 0:
		return fmt.Errorf("%s out of place", keyword)
	case keyword == "TYPE" && p.now.typ == "":
		p.now.typ = value
		if value == "counter" && !p.open && !strings.HasSuffix(name, "_total") || value == "counter" && p.open && strings.HasSuffix(name, "_total") {
			return fmt.Errorf("a bad name of a counter")
		}
	case keyword == "UNIT" && p.open && p.now.unit == "" && strings.HasSuffix(name, "_"+value):
		p.now.unit = value
	default:
		return fmt.Errorf("unexpected %s", keyword)
	}
	return nil
}

// suffixes are those of the samples of each type.
func (p *metricsParser) suffixes() []string {
	switch p.now.typ {
	case "gauge":
		return []string{""}
	case "counter":
		if p.open {
			return []string{"_total"}
		}
		return []string{""}
	case "histogram":
		return []string{"_bucket", "_sum", "_count"}
	}
	return nil
}

func (p *metricsParser) sample(line string) error {
	head, number, ok := strings.Cut(line, "} ")
	name, labels, ok2 := strings.Cut(head, "{")
	if !ok || !ok2 || p.now == nil {
		return fmt.Errorf("not a sample of a metric")
	}
	fits := false
	for _, s := range p.suffixes() {
		fits = fits || name == p.name+s
	}
	if !fits {
		return fmt.Errorf("not a sample of %s %s", p.now.typ, p.name)
	}
	if p.seen[head] {
		return fmt.Errorf("there twice")
	}
	p.seen[head] = true
	s := parsedSample{name: strings.TrimPrefix(name, p.name), labels: map[string]string{}}
	for labels != "" {
		m := labelPart.FindStringSubmatch(labels)
		if m == nil {
			return fmt.Errorf("bad labels %q", labels)
		}
		labels = labels[len(m[0]):]
		if m[3] == "," && labels == "" {
			return fmt.Errorf("a comma at the end")
		}
		if _, twice := s.labels[m[1]]; twice {
			return fmt.Errorf("label %s twice", m[1])
		}
		s.labels[m[1]] = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\"`, `"`).Replace(m[2])
	}
	s.le = s.labels["le"]
	delete(s.labels, "le")
	if (s.le != "") != (s.name == "_bucket") {
		return fmt.Errorf("le %q", s.le)
	}
	var err error
	s.value, err = strconv.ParseFloat(number, 64)
	if err != nil || s.value < 0 || math.IsInf(s.value, 0) || math.IsNaN(s.value) {
		return fmt.Errorf("bad value %q, %v", number, err)
	}
	p.now.samples = append(p.now.samples, s)
	return nil
}

// check looks at a family as a whole: the buckets of histograms.
func (f *parsedFamily) check() error {
	if f.typ == "" {
		return fmt.Errorf("no type")
	}
	if f.typ != "histogram" {
		return nil
	}
	last, bound := 0.0, math.Inf(-1)
	for i, s := range f.samples {
		switch s.name {
		case "_bucket":
			le, err := strconv.ParseFloat(strings.Replace(s.le, "+Inf", "Inf", 1), 64)
			if err != nil || le <= bound || s.value < last {
				return fmt.Errorf("bucket %q of %g after one of %g, %v", s.le, s.value, last, err)
			}
			last, bound = s.value, le
		case "_sum":
			if !math.IsInf(bound, 1) {
				return fmt.Errorf("no last bucket")
			}
		case "_count":
			if s.value != last || f.samples[i-1].name != "_sum" {
				return fmt.Errorf("a count of %g after %g", s.value, last)
			}
			last, bound = 0, math.Inf(-1)
		}
		if i > 0 && s.name != "_bucket" && fmt.Sprint(s.labels) != fmt.Sprint(f.samples[i-1].labels) {
			return fmt.Errorf("samples of two histograms are mixed")
		}
	}
	return nil
}
