// Package alarm provides a heap of timers on top of a single timer of package
// time. A pending alarm costs its record and one entry of the heap; it needs
// neither a goroutine nor a timer of the runtime. A heap works in a synctest
// bubble.
//
// Alarms never fire early. They fire one after the other, in the order of their
// times; those that have the same time fire in no particular order.
package alarm

import (
	"context"
	"math"
	"sync"
	"time"
)

// Alarm calls a Firer once its time has come. It is meant to be a field of its
// user's record. Call Init before use.
type Alarm struct {
	// 1-based place in the heap, 0 when not pending; guarded by the heap's lock
	slot int32
	fire Firer
}

// A Firer is called when an alarm's time has come, in the goroutine that serves
// all of the heap's alarms: it must not block or panic. It may use the heap.
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
	dead    int     // how many of its entries are dead
	timer   *time.Timer
	due     int64 // when timer fires; never: it does not
	// a goroutine is serving due alarms, and sets the timer when it is done
	serving bool
	closed  bool
}

// Key is the context key under which an operation's ctx has the *Heap of its
// loop.
var Key = new(byte)

// Of returns the heap of the loop of op, an operation that has begun.
func Of(op interface{ Context() context.Context }) *Heap {
	return op.Context().Value(Key).(*Heap)
}

// never is a time, in nanoseconds since a heap's epoch, that does not come.
const never = math.MaxInt64

// Set makes the alarm fire d from now, at once if d <= 0. It replaces the time
// of a pending alarm. On a closed heap it does nothing. An alarm that has just
// been taken out to be fired fires, and fires again after d.
func (h *Heap) Set(a *Alarm, d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	if h.epoch.IsZero() {
		h.epoch, h.due = time.Now(), never
	}
	now := h.now()
	e := entry{after(now, d), a}
	if a.slot == 0 {
		h.push(e)
	} else {
		h.fix(e)
	}
	if a.slot == 1 && !h.serving {
		h.arm(now)
	}
}

// Reset is Set for an alarm that is pending. It reports false, and does
// nothing, for one that is not.
func (h *Heap) Reset(a *Alarm, d time.Duration) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a.slot == 0 {
		return false
	}
	now := h.now()
	h.fix(entry{after(now, d), a})
	if a.slot == 1 && !h.serving {
		h.arm(now)
	}
	return true
}

// Stop keeps the alarm from firing. It reports false if it was not pending.
func (h *Heap) Stop(a *Alarm) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a.slot == 0 {
		return false
	}
	h.kill(a)
	return true
}

// Len returns the number of pending alarms.
func (h *Heap) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.pending) - h.dead
}

// Close drops all pending alarms and closes the heap to new ones. It does not
// wait for those that are being fired.
func (h *Heap) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, e := range h.pending {
		if e.a != nil {
			e.a.slot = 0
		}
	}
	h.pending, h.dead = nil, 0
	if h.timer != nil {
		h.timer.Stop()
	}
}

// now returns the nanoseconds since the epoch.
func (h *Heap) now() int64 { return int64(time.Since(h.epoch)) }

// after returns the time d from now.
func after(now int64, d time.Duration) int64 {
	switch {
	case d <= 0:
		return now
	case int64(d) >= never-now:
		return never - 1
	}
	return now + int64(d)
}

// arm sets the timer for the first alarm. A timer that is set for an earlier
// time is left alone and fires for nothing: alarms are stopped more often than
// reached.
func (h *Heap) arm(now int64) {
	if len(h.pending) == 0 {
		return
	}
	first := h.pending[0].when
	if h.due <= first {
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

// batch is how many alarms are taken out at a time, and fired without the lock.
const batch = 256

// serve fires the alarms that are due. It runs in the timer's goroutine.
func (h *Heap) serve() {
	h.mu.Lock()
	h.due = never
	if h.serving {
		h.mu.Unlock()
		return
	}
	h.serving = true
	h.mu.Unlock()
	var room [batch]*Alarm
	for more := true; more; {
		var due []*Alarm
		due, more = h.take(room[:0])
		for i, a := range due {
			a.fire.Fire()
			due[i] = nil
		}
	}
}

// take takes out entries that are due or dead, up to a batch, and returns their
// alarms. When there are none it ends the serving, and sets the timer.
func (h *Heap) take(due []*Alarm) (_ []*Alarm, more bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	taken := 0
	for taken < batch && len(h.pending) > 0 {
		if first := h.pending[0]; first.a != nil && first.when > now {
			break
		}
		taken++
		if a := h.removeFirst(); a != nil {
			due = append(due, a)
		}
	}
	if taken == 0 {
		h.serving = false
		h.arm(now)
	}
	return due, taken > 0
}
