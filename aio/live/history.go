package live

import (
	"errors"
	"slices"
	"sync"
	"time"

	"goaio.example/aio"
)

// The bounds of a history.
const (
	maxEvents  = 200
	maxSamples = 300 // 5 minutes
	sampleTime = time.Second
	// lingerTime is how long a history is kept when nobody watches any more: a
	// browser that comes back finds it.
	lingerTime = 30 * time.Second
)

// history is what has happened while somebody watched: events, and rates.
type history struct {
	loop *aio.Loop

	mu       sync.Mutex
	watchers int
	linger   *time.Timer // pending or stopped while nobody watches
	untap    func()      // nil if there is no history
	events   []Event     // the oldest first
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

// forget drops the history if nobody watches.
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
	ev := Event{
		Time: e.Time, Op: e.Op.Name, Kind: e.Op.Kind.String(), ID: e.Op.ID,
		Err: errText(e.Err), Info: aio.IsInfo(e.Err), Lost: e.Lost, Served: e.Served,
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.untap == nil {
		return
	}
	if len(h.events) == maxEvents {
		h.events = slices.Delete(h.events, 0, 1)
	}
	h.events = append(h.events, ev)
}

// errText is the text of an error, without the stack of a panic.
func errText(err error) string {
	var p *aio.PanicError
	if errors.As(err, &p) {
		return "panic: " + p.Error()
	}
	return err.Error()
}

// sample takes a sample if the last is old enough.
func (h *history) sample() {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	took := now.Sub(h.lastTime)
	if h.untap == nil || took < sampleTime-sampleTime/10 {
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

// copy returns the events, the newest first, and the samples.
func (h *history) copy() ([]Event, []Sample) {
	h.mu.Lock()
	defer h.mu.Unlock()
	events := slices.Clone(h.events)
	slices.Reverse(events)
	return events, slices.Clone(h.samples)
}
