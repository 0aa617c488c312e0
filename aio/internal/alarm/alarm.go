// Package alarm is a heap of timers on top of a single timer of package time: a pending alarm costs its record and
// one slot of the heap, and neither a goroutine nor a runtime timer. It works in a synctest bubble.
package alarm

import (
	"sync"
	"time"
)

// Alarm calls a function once its time has come. It is a field of its user's record: Init it before use.
type Alarm struct {
	when int64 // nanoseconds since the heap's epoch
	slot int32 // 1-based place in the heap, 0 when not pending; guarded by the heap's lock
	fire Firer
}

// A Firer is called when an alarm's time has come, in the goroutine that serves all of the heap's alarms: it must not
// block.
type Firer interface{ Fire() }

// Init sets what the alarm calls.
func (a *Alarm) Init(f Firer) { a.fire = f }

// New returns an alarm that calls fn.
func New(fn func()) *Alarm { return &Alarm{fire: fireFunc(fn)} }

type fireFunc func()

func (f fireFunc) Fire() { f() }

// Heap is a heap of pending alarms. The zero Heap is ready.
type Heap struct {
	mu      sync.Mutex
	epoch   time.Time
	pending []entry // a 4-ary heap
	timer   *time.Timer
	due     int64 // when timer fires; 0: it does not
	serving bool  // a goroutine is serving due alarms, and sets the timer when it is done
	closed  bool
}

// entry keeps the time beside the alarm, so that sifting does not touch the alarms it passes by.
type entry struct {
	when int64
	a    *Alarm
}

// Set has the alarm fire d from now, instead of when it would have; d <= 0: at once. On a closed heap it does nothing.
func (h *Heap) Set(a *Alarm, d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	if h.epoch.IsZero() {
		h.epoch = time.Now()
	}
	now := int64(time.Since(h.epoch))
	a.when = now + int64(d)
	if a.when < now { // d is negative or too large for the clock
		a.when = now
		if d > 0 {
			a.when = 1<<63 - 1
		}
	}
	if a.slot == 0 {
		h.push(a)
	} else {
		h.fix(a)
	}
	if !h.serving && a.slot == 1 {
		h.arm(now)
	}
}

// Stop keeps the alarm from firing. It reports false if it was not pending.
func (h *Heap) Stop(a *Alarm) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a.slot == 0 {
		return false
	}
	h.remove(int(a.slot) - 1)
	return true
}

// Len returns the number of pending alarms.
func (h *Heap) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.pending)
}

// Close forgets all pending alarms and takes no more.
func (h *Heap) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, e := range h.pending {
		e.a.slot = 0
	}
	h.pending = nil
	if h.timer != nil {
		h.timer.Stop()
	}
}

// arm sets the timer for the first alarm. A timer that is set for a later alarm's sake is left to fire early: alarms
// are more often stopped than reached.
func (h *Heap) arm(now int64) {
	if len(h.pending) == 0 {
		if h.timer != nil && h.due != 0 {
			h.timer.Stop()
			h.due = 0
		}
		return
	}
	first := h.pending[0].when
	if h.due != 0 && h.due <= first {
		return
	}
	h.due = first
	d := time.Duration(first - now)
	if h.timer == nil {
		h.timer = time.AfterFunc(d, h.serve)
	} else {
		h.timer.Reset(d)
	}
}

// batch is how many alarms are fired at a time before other goroutines get a turn.
const batch = 256

// serve fires the alarms that are due. It runs in the timer's goroutine.
func (h *Heap) serve() {
	var due [batch]*Alarm
	h.mu.Lock()
	h.due = 0
	if h.serving {
		h.mu.Unlock()
		return
	}
	h.serving = true
	for {
		now := int64(time.Since(h.epoch))
		n := 0
		for n < batch && len(h.pending) > 0 && h.pending[0].when <= now {
			due[n] = h.pending[0].a
			h.remove(0)
			n++
		}
		if n == 0 {
			h.serving = false
			h.arm(now)
			h.mu.Unlock()
			return
		}
		h.mu.Unlock()
		for i, a := range due[:n] {
			a.fire.Fire()
			due[i] = nil
		}
		h.mu.Lock()
	}
}
