package live

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

//go:embed page.js
var pageJS string

// pageData is what the templates show.
type pageData struct {
	S       *Snapshot
	Q       query
	Over    bool          // the loop has ended
	Stale   time.Duration // the age of the tree, if that is worth telling
	Nonce   string
	CSS     template.CSS
	JS      template.JS
	Stack   string
	Message string
}

// sections are the parts of the page that a stream renews, by ID. Those that
// are light do not depend on what each operation is like.
var sections = []struct {
	id, template string
	light        bool
}{
	{"head", "head", true},
	{"rates", "rates", true},
	{"events", "events", true},
	{"held", "held", false},
	{"chosen", "chosen", false},
	{"tree", "tree", false},
	{"conns", "conns", false},
	{"requests", "requests", false},
}

var pages = template.Must(template.New("page").Funcs(template.FuncMap{
	"age": ageText, "bytes": bytesText[int64], "count": countAny, "visible": Visible,
	"clock":  func(t time.Time) string { return t.Format("15:04:05") },
	"site":   siteText,
	"short":  shortText,
	"indent": func(depth int) int { return min(depth, 8) },
	"orders": func() []order { return orders },
	"phase":  phaseText, "title": titleText, "countdown": countdown, "tiles": tiles,
	"family": familyOf, "lines": visibleLines,
	"rowOf": rowOf, "tableOf": tableOf,
}).Parse(pageHTML))

// render executes a template.
func render(name string, d *pageData) (string, error) {
	var b bytes.Buffer
	err := pages.ExecuteTemplate(&b, name, d)
	return b.String(), err
}

// order is a choice of how to sort.
type order struct{ Value, Text string }

var orders = []order{{ByAge, "oldest first"}, {ByNew, "newest first"}, {ByBytes, "most bytes"}, {ByName, "name"}}

// opRow is a row that is an operation.
type opRow struct {
	Key    string
	Depth  int
	Op     *Op
	By     string // what has started it, unless the tree says so and Site where
	Link   string
	Chosen bool
}

func rowOf(d *pageData, r Row, op *Op) opRow {
	row := opRow{Key: r.Key, Depth: r.Depth, Op: op, By: op.By, Link: d.Q.Of(op.ID).Link(), Chosen: op.ID == d.Q.Op}
	if r.Depth > 0 && op.StartedBy == op.Parent && op.Site != "" {
		row.By = ""
	}
	return row
}

// opTable is a table of operations.
type opTable struct {
	Rows []opRow
	More int
}

func tableOf(d *pageData, t Table, key string) opTable {
	out := opTable{More: t.Total - len(t.Ops)}
	for i := range t.Ops {
		op := &t.Ops[i]
		out.Rows = append(out.Rows, rowOf(d, Row{Key: key + strconv.FormatUint(op.ID, 10)}, op))
	}
	return out
}

// phaseText names the phase.
func phaseText(s *Snapshot) string {
	switch s.Phase {
	case "":
		return "not running yet"
	case "done":
		return "ended"
	}
	return s.Phase
}

// titleText is the title of the window: what tells its tab from others.
func titleText(s *Snapshot) string { return Visible(cmp.Or(s.Loop, "loop")) + ": " + phaseText(s) }

// families are the packages whose kinds have a colour.
var families = []string{"aio", "dns", "http", "tcp", "timer"}

// familyOf returns the class of a kind's colour.
func familyOf(kind string) string {
	if name, _, _ := strings.Cut(kind, "."); slices.Contains(families, name) {
		return "k-" + name
	}
	return "k-other"
}

// countdownData is how long a phase lasts at most. Max and Value are in
// seconds.
type countdownData struct {
	Left       string
	Max, Value string
}

// countdown returns what is left of the phase, nil if that is not known.
func countdown(s *Snapshot) *countdownData {
	if s.PhaseEnd.IsZero() {
		return nil
	}
	time := max(0, s.PhaseEnd.Sub(s.Time))
	left := time.Seconds()
	whole := max(left, s.PhaseTime.Seconds())
	text := fmt.Sprintf("%.1f s", left)
	if left >= 60 {
		text = ageText(time)
	}
	return &countdownData{
		Left: text, Max: fmt.Sprintf("%.1f", whole), Value: fmt.Sprintf("%.1f", left),
	}
}

// ageText is a duration in at most two units.
func ageText(d time.Duration) string {
	switch {
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", math.Floor(d.Seconds()*10)/10)
	case d < time.Hour:
		return fmt.Sprintf("%d m %02d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %02d m", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d d %02d h", int(d.Hours())/24, int(d.Hours())%24)
}

// bytesText is a number of bytes in binary units.
func bytesText[N int64 | float64](n N) string {
	v := float64(n)
	if v < 1024 {
		return strconv.FormatFloat(math.Round(v), 'f', -1, 64) + " B"
	}
	units := "KMGTPE"
	i := -1
	for v >= 1024 && i < len(units)-1 {
		v /= 1024
		i++
	}
	return fmt.Sprintf("%.1f %ciB", v, units[i])
}

// countText is a number with commas.
func countText[N int | int64 | uint64](n N) string {
	s := strconv.FormatInt(int64(n), 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// countAny is countText for templates.
func countAny(n any) (string, error) {
	switch n := n.(type) {
	case int:
		return countText(n), nil
	case int64:
		return countText(n), nil
	case uint64:
		return countText(n), nil
	}
	return "", fmt.Errorf("count of a %T", n)
}

// shortText is a name where there is little room.
func shortText(name string) string { return visible(name, 40) }

// siteText shortens the place in a file to the last two elements of its path.
func siteText(site string) string {
	dir, file := filepath.Split(site)
	return Visible(filepath.Join(filepath.Base(dir), file))
}
