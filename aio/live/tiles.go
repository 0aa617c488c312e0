package live

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// tile is a figure of the loop's, and a chart of it.
type tile struct {
	Name, Class string
	Total       string // as of now
	Now         string // a second, if it is a rate
	Max, Span   string // of the chart
	// points of an SVG polyline and polygon, in a box of 300 by 48
	Line, Area string
}

// tiles returns the figures of a snapshot, with a chart each if there are
// samples.
func tiles(s *Snapshot) []tile {
	perSecond := func(v float64) string { return rateText(v) + "/s" }
	bytesPerSecond := func(v float64) string { return bytesText(v) + "/s" }
	st := &s.Stats
	all := []tile{
		{Name: "in flight", Total: countText(st.InFlight)},
		{Name: "started", Total: countText(st.Started)},
		{Name: "failed", Class: "bad", Total: countText(st.Failed + st.Panicked)},
		{Name: "cancelled", Total: countText(st.Cancelled)},
		{Name: "read", Total: bytesText(st.BytesIn)},
		{Name: "written", Total: bytesText(st.BytesOut)},
	}
	if st.Panicked > 0 {
		all[2].Name = fmt.Sprintf("failed, %s by panic", countText(st.Panicked))
	}
	if len(s.Samples) > 0 {
		all[0].draw(s.Samples, func(s *Sample) float64 { return s.InFlight }, rateText)
		all[0].Now = ""
		all[1].draw(s.Samples, func(s *Sample) float64 { return s.Started }, perSecond)
		all[2].draw(s.Samples, func(s *Sample) float64 { return s.Failed }, perSecond)
		all[3].draw(s.Samples, func(s *Sample) float64 { return s.Cancelled }, perSecond)
		all[4].draw(s.Samples, func(s *Sample) float64 { return s.BytesIn }, bytesPerSecond)
		all[5].draw(s.Samples, func(s *Sample) float64 { return s.BytesOut }, bytesPerSecond)
	}
	return all
}

// draw draws the chart. The time axis is as long as the samples take, but not
// shorter than a minute.
func (t *tile) draw(samples []Sample, of func(*Sample) float64, text func(float64) string) {
	last := samples[len(samples)-1]
	span := max(time.Minute, last.Time.Sub(samples[0].Time))
	most := 0.0
	for i := range samples {
		most = max(most, of(&samples[i]))
	}
	scale := most
	if scale == 0 {
		scale = 1
	}
	x := func(s *Sample) float64 { return 300 * (1 - last.Time.Sub(s.Time).Seconds()/span.Seconds()) }
	var line []byte
	for i := range samples {
		s := &samples[i]
		line = append(strconv.AppendFloat(line, x(s), 'f', 1, 64), ',')
		line = append(strconv.AppendFloat(line, 46-44*of(s)/scale, 'f', 1, 64), ' ')
	}
	t.Now, t.Max, t.Span = text(of(&last)), text(most), spanText(span)
	t.Line = string(bytes.TrimSpace(line))
	t.Area = fmt.Sprintf("%.1f,48 %s 300,48", x(&samples[0]), t.Line)
}

// rateText is a rate.
func rateText(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 9.95:
		return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
	}
	return countText(int64(math.Round(v)))
}

// spanText is the length of the time axis.
func spanText(d time.Duration) string {
	if d < 2*time.Minute {
		return fmt.Sprintf("%d s", int(d.Seconds()))
	}
	return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
}
