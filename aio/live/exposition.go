package live

import (
	"bytes"
	"strconv"
	"strings"
)

// The types of metrics.
const (
	gauge   = "gauge"
	counter = "counter"
)

// label is a label of a sample.
type label struct{ name, value string }

// exposition is a text in one of the two formats.
type exposition struct {
	open bool // OpenMetrics
	name string
	typ  string
	out  bytes.Buffer
}

// family begins a metric. Its samples follow. The name of a counter is without
// "_total", which belongs to the family in one format and to the sample in the
// other.
func (e *exposition) family(name, typ, unit, help string) {
	e.name, e.typ = name, typ
	if typ == counter && !e.open {
		name += "_total"
	}
	e.line("# HELP ", name, " ", help)
	e.line("# TYPE ", name, " ", typ)
	if unit != "" && e.open {
		e.line("# UNIT ", name, " ", unit)
	}
}

func (e *exposition) line(parts ...string) {
	for _, p := range parts {
		e.out.WriteString(p)
	}
	e.out.WriteByte('\n')
}

// total writes a sample of a counter or a gauge.
func (e *exposition) total(v int64, labels ...label) {
	suffix := ""
	if e.typ == counter {
		suffix = "_total"
	}
	e.sample(suffix, v, labels...)
}

func (e *exposition) sample(suffix string, v int64, labels ...label) {
	e.write(suffix, strconv.FormatInt(v, 10), labels)
}

func (e *exposition) sampleUint(suffix string, v uint64, labels ...label) {
	e.write(suffix, strconv.FormatUint(v, 10), labels)
}

func (e *exposition) sampleFloat(suffix string, v float64, labels ...label) {
	e.write(suffix, strconv.FormatFloat(v, 'g', -1, 64), labels)
}

func (e *exposition) write(suffix, value string, labels []label) {
	e.out.WriteString(e.name + suffix + "{")
	for i, l := range labels {
		if i > 0 {
			e.out.WriteByte(',')
		}
		e.out.WriteString(l.name + `="` + labelEscapes.Replace(strings.ToValidUTF8(l.value, "\uFFFD")) + `"`)
	}
	e.line("} ", value)
}

var labelEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// bound is the upper bound of a bucket as a label. OpenMetrics wants a float.
func (e *exposition) bound(i int) string {
	if i == len(bounds) {
		return "+Inf"
	}
	s := strconv.FormatFloat(bounds[i], 'f', -1, 64)
	if e.open && !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// end returns the text.
func (e *exposition) end() []byte {
	if e.open {
		e.line("# EOF")
	}
	return e.out.Bytes()
}
