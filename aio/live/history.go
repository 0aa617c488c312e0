package live

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"goaio.example/aio"
)

// The bounds of a history.
const (
	maxEvents  = 200
	maxSamples = 300 // 5 minutes
	sampleTime = time.Second
	// lingerTime is how long a history is kept after the last client has left:
	// a browser that comes back finds it.
	lingerTime = 30 * time.Second
)

// history is what has happened while a client watched: events, and rates.
type history struct {
	loop *aio.Loop

	mu       sync.Mutex
	watchers int
	linger   *time.Timer // pending or stopped while no one watches
	untap    func()      // nil if there is no history
	events   []Event     // the oldest first
	count    uint64      // how many events there have been
	samples  []Sample    // the oldest first
	last     aio.Stats   // as of the last sample
	lastTime time.Time
}

// watch begins, or goes on with, the history. Call leave once for each call.
func (h *history) watch() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watchers++
	if h.linger != nil {
		h.linger.Stop()
	}
	if h.untap == nil {
		h.untap = h.loop.Tap(h.note)
		h.last, h.lastTime = h.loop.Stats(), time.Now()
	}
}

// leave says that a watcher is gone. The history goes when the last has been
// gone for lingerTime.
func (h *history) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.watchers--
	if h.watchers > 0 {
		return
	}
	if h.linger == nil {
		h.linger = time.AfterFunc(lingerTime, h.forget)
	} else {
		h.linger.Reset(lingerTime)
	}
}

// forget drops the history if no one watches.
func (h *history) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watchers > 0 || h.untap == nil {
		return
	}
	if h.linger != nil {
		h.linger.Stop()
	}
	h.untap()
	h.untap, h.events, h.samples = nil, nil, nil
}

// note keeps an event. It is called by the loop.
func (h *history) note(e aio.Event) {
	ev := eventOf(e)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.untap == nil {
		return
	}
	if len(h.events) == maxEvents {
		h.events = slices.Delete(h.events, 0, 1)
	}
	h.events = append(h.events, ev)
	h.count++
}

// eventOf describes an event. A method of the error that panics does not end
// the loop because a client watches.
func eventOf(e aio.Event) (ev Event) {
	ev = Event{
		Time: e.Time, Op: kept(e.Op.Name), Kind: e.Op.Kind.String(), ID: e.Op.ID,
		Lost: e.Lost, Served: e.Served,
	}
	defer func() {
		if v := recover(); v != nil {
			ev.Err = fmt.Sprintf("an error of type %T, which panics when asked for its text", e.Err)
		}
	}()
	ev.Err, ev.Info = kept(errText(e.Err)), aio.IsInfo(e.Err)
	return ev
}

// kept returns a text for the history: no longer than is shown, and without the
// rest of a longer one, or of what it is a part of, in memory.
func kept(s string) string { return strings.Clone(clip(s)) }

// errText is the text of an error, without the stack of a panic.
func errText(err error) string {
	var p *aio.PanicError
	if errors.As(err, &p) {
		return "panic: " + p.Error()
	}
	return err.Error()
}

// lastSampleTime is how old the last sample must be for the one at the loop's
// end.
const lastSampleTime = 100 * time.Millisecond

// sample takes a sample if the last is old enough; final says that it is the
// sample of the loop's end.
func (h *history) sample(final bool) {
	least := sampleTime - sampleTime/10
	if final {
		least = lastSampleTime
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	took := now.Sub(h.lastTime)
	if h.untap == nil || took < least {
		return
	}
	stats := h.loop.Stats()
	if len(h.samples) == maxSamples {
		h.samples = slices.Delete(h.samples, 0, 1)
	}
	h.samples = append(h.samples, rates(now, &h.last, &stats, took))
	h.last, h.lastTime = stats, now
}

// rates returns what has happened between two Stats, in a second.
func rates(now time.Time, from, to *aio.Stats, took time.Duration) Sample {
	per := func(a, b int64) float64 { return max(0, float64(b-a)/took.Seconds()) }
	return Sample{
		Time:      now,
		InFlight:  float64(to.InFlight),
		Started:   per(from.Started, to.Started),
		Failed:    per(from.Failed+from.Panicked, to.Failed+to.Panicked),
		Cancelled: per(from.Cancelled, to.Cancelled),
		BytesIn:   per(from.BytesIn, to.BytesIn),
		BytesOut:  per(from.BytesOut, to.BytesOut),
	}
}

// copy gives a snapshot the events and the samples.
func (h *history) copy(s *Snapshot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s.Events = slices.Clone(h.events)
	slices.Reverse(s.Events)
	s.Samples = slices.Clone(h.samples)
	s.events = h.count
}
