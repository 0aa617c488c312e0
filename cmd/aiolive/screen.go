package main

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"goaio.example/aio/live"
)

// line is a line of the screen.
type line struct {
	text   string
	marked bool
}

// sorts are the orders, in the order in which the key s takes them.
var sorts = []string{live.ByAge, live.ByNew, live.ByBytes, live.ByName}

// shownEvents is how many events are shown at most.
const shownEvents = 5

// screen lays out a snapshot. With a height of 0 all rows are there, and with a
// width of 0 lines are not cut.
func screen(s *live.Snapshot, v view, width, height int) []line {
	out := head(s, v)
	foot := events(s)
	rows := s.Tree.Rows
	first, last := 0, len(rows)
	if height > 0 {
		room := max(1, height-len(out)-len(foot)-1)
		first = min(max(0, v.row-room/2), max(0, len(rows)-room))
		last = min(len(rows), first+room)
	}
	for i := first; i < last; i++ {
		out = append(out, line{rowText(&rows[i]), height > 0 && i == v.row})
	}
	if n := len(rows) - last; n > 0 || s.Tree.More {
		out = append(out, line{text: "  … there is more"})
	}
	out = append(out, foot...)
	for i := range out {
		out[i].text = cut(visible(out[i].text), width)
	}
	return out
}

// head has what is said of the loop as a whole.
func head(s *live.Snapshot, v view) (out []line) {
	add := func(format string, args ...any) { out = append(out, line{text: fmt.Sprintf(format, args...)}) }
	phase := s.Phase
	switch phase {
	case "":
		phase = "not running yet"
	case "done":
		phase = "ended"
	}
	if !s.PhaseEnd.IsZero() {
		phase += ", at most " + ageText(max(0, s.PhaseEnd.Sub(s.Time))) + " more"
	}
	name := live.Visible(s.Loop)
	if name == "" {
		name = "loop"
	}
	add("%s: %s", name, phase)
	st := &s.Stats
	add("in flight %d  started %d  failed %d  cancelled %d  panicked %d  read %s  written %s", st.InFlight, st.Started,
		st.Failed, st.Cancelled, st.Panicked, bytesText(float64(st.BytesIn)), bytesText(float64(st.BytesOut)))
	if n := len(s.Samples); n > 0 {
		r := s.Samples[n-1]
		add("a second: started %s  failed %s  cancelled %s  read %s  written %s   %s", rate(r.Started), rate(r.Failed),
			rate(r.Cancelled), bytesText(r.BytesIn), bytesText(r.BytesOut), spark(s.Samples, 40))
	}
	var held []string
	for _, h := range s.Held {
		text := h.Kind
		if h.Count > 1 {
			text += fmt.Sprintf(" x%d", h.Count)
		}
		held = append(held, text+" "+ageText(h.Oldest))
	}
	if len(held) > 0 {
		add("held open by %s", strings.Join(held, ", "))
	}
	for i := range s.Overdue {
		add("cut off after grace: %s", opText(&s.Overdue[i]))
	}
	note := "by " + v.sort
	if v.search != "" {
		note += fmt.Sprintf(", %d match %q", s.Tree.Matches, live.Visible(v.search))
	}
	add("OPERATIONS %s", note)
	return out
}

// events has the newest events.
func events(s *live.Snapshot) (out []line) {
	for i, e := range s.Events {
		if i == 0 {
			out = append(out, line{text: "EVENTS"})
		}
		if i == shownEvents {
			break
		}
		out = append(out, line{text: fmt.Sprintf("%s %s %s #%d: %s", e.Time.Local().Format("15:04:05"), live.Visible(e.Kind),
			live.Visible(e.Op), e.ID, live.Visible(e.Err))})
	}
	return out
}

// rowText is a row of the tree.
func rowText(r *live.Row) string {
	indent := strings.Repeat("  ", min(r.Depth, 20))
	if r.Op != nil {
		return fmt.Sprintf("%9s  %s  %s", ageText(r.Oldest), indent, opText(r.Op))
	}
	mark := "+"
	if r.Open {
		mark = "-"
	}
	text := fmt.Sprintf("%9s  %s%s %s x%d", ageText(r.Oldest), indent, mark, live.Visible(r.Kind), r.Count)
	if r.Hidden > 0 {
		text += fmt.Sprintf(" (%d not shown)", r.Hidden)
	}
	return text
}

// opText is an operation.
func opText(o *live.Op) string {
	b := new(strings.Builder)
	b.WriteString(live.Visible(o.Name))
	fmt.Fprintf(b, " #%d", o.ID)
	if o.Kind != o.Name {
		b.WriteString(" " + live.Visible(o.Kind))
	}
	for _, w := range []struct {
		word string
		is   bool
	}{{"returned", o.Returned}, {"queued", o.Queued}, {"cancelled", o.Cancelled}, {"daemon", o.Daemon}} {
		if w.is {
			b.WriteString(" " + w.word)
		}
	}
	if o.Awaits != "" {
		b.WriteString(", awaits " + live.Visible(o.Awaits))
		if o.AwaitsID != 0 {
			fmt.Fprintf(b, " #%d", o.AwaitsID)
		}
		if o.AwaitsMore > 0 {
			fmt.Fprintf(b, " and %d more", o.AwaitsMore)
		}
		b.WriteString(" for " + ageText(o.AwaitsFor))
	}
	if o.BytesIn > 0 || o.BytesOut > 0 {
		fmt.Fprintf(b, ", %s in, %s out", bytesText(float64(o.BytesIn)), bytesText(float64(o.BytesOut)))
	}
	if o.Site != "" {
		b.WriteString(", at " + live.Visible(o.Site))
	}
	return b.String()
}

// visible replaces what could do something to the terminal. Names are shown as
// live.Visible has them before that: this is for what else a server, which need
// not be a page of live's, puts into its answer.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// cut shortens a line to a width, if that is not 0.
func cut(s string, width int) string {
	if width <= 0 || utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:max(0, width-1)]) + "…"
}

// ageText is a duration, rounded to what matters.
func ageText(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Truncate(time.Millisecond).String()
	case d < time.Minute:
		return d.Truncate(100 * time.Millisecond).String()
	}
	return d.Truncate(time.Second).String()
}

// bytesText is a number of bytes.
func bytesText(n float64) string {
	unit := 0
	for n >= 1024 && unit < 4 {
		n /= 1024
		unit++
	}
	if unit == 0 {
		return fmt.Sprintf("%.0fB", n)
	}
	return fmt.Sprintf("%.1f%ciB", n, "KMGT"[unit-1])
}

// rate is a number a second.
func rate(v float64) string {
	if v > 0 && v < 9.95 {
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// spark draws what was started in the last samples.
func spark(samples []live.Sample, width int) string {
	samples = samples[max(0, len(samples)-width):]
	most := 0.0
	for i := range samples {
		most = max(most, samples[i].Started)
	}
	if most == 0 {
		most = 1
	}
	bars := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for i := range samples {
		b.WriteRune(bars[int(math.Round(samples[i].Started/most*float64(len(bars)-1)))])
	}
	return b.String()
}
