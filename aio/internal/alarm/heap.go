package alarm

// The heap is 4-ary: half as deep as a binary one, with the four children of a
// node next to each other in memory.

// entry keeps the time beside the alarm, so that moving an entry does not read
// the alarms of others.
//
// The entry of an alarm that is stopped stays as a dead one. To remove it would
// move others, and each of those writes to its alarm, elsewhere in memory. A
// dead entry is removed when it is first; all of them are removed when they are
// more than half.
type entry struct {
	when int64  // nanoseconds since the heap's epoch
	a    *Alarm // nil if the entry is dead
}

// roomy is the greatest capacity, in entries, that a heap never releases.
const roomy = 1024

// push adds an alarm that is not pending.
func (h *Heap) push(e entry) {
	h.pending = append(h.pending, e)
	h.up(len(h.pending) - 1)
}

// fix gives a pending alarm another time.
func (h *Heap) fix(e entry) {
	i := int(e.a.slot) - 1
	h.pending[i] = e
	h.up(i)
	h.down(int(e.a.slot) - 1)
}

// removeFirst removes the first entry, and returns its alarm, nil if the entry
// is dead.
func (h *Heap) removeFirst() *Alarm {
	a := h.pending[0].a
	if a != nil {
		a.slot = 0
	} else {
		h.dead--
	}
	last := len(h.pending) - 1
	e := h.pending[last]
	h.pending[last] = entry{}
	h.pending = h.pending[:last]
	if last > 0 {
		h.put(0, e)
		h.down(0)
	}
	h.shrink()
	return a
}

// kill makes the entry of a pending alarm a dead one.
func (h *Heap) kill(a *Alarm) {
	h.pending[a.slot-1].a = nil
	a.slot = 0
	if h.dead++; h.dead > len(h.pending)/2 {
		h.sweep()
	}
}

// sweep removes all dead entries.
func (h *Heap) sweep() {
	live := h.pending[:0]
	for _, e := range h.pending {
		if e.a != nil {
			live = append(live, e)
		}
	}
	clear(h.pending[len(live):])
	h.pending, h.dead = live, 0
	h.shrink()
	for i := len(h.pending) - 1; i >= 0; i-- {
		h.down(i)
	}
}

// shrink releases room that is not needed.
func (h *Heap) shrink() {
	if c := cap(h.pending); c > roomy && len(h.pending) < c/4 {
		h.pending = append(make([]entry, 0, c/2), h.pending...)
	}
}

// put places e at i.
func (h *Heap) put(i int, e entry) {
	h.pending[i] = e
	if e.a != nil {
		e.a.slot = int32(i + 1)
	}
}

// up moves the entry at i towards the root, to where it belongs.
func (h *Heap) up(i int) {
	e := h.pending[i]
	for i > 0 {
		parent := (i - 1) / 4
		if h.pending[parent].when <= e.when {
			break
		}
		h.put(i, h.pending[parent])
		i = parent
	}
	h.put(i, e)
}

// down moves the entry at i away from the root, to where it belongs.
func (h *Heap) down(i int) {
	e := h.pending[i]
	for {
		first := 4*i + 1
		if first >= len(h.pending) {
			break
		}
		least := first
		for c := first + 1; c < min(first+4, len(h.pending)); c++ {
			if h.pending[c].when < h.pending[least].when {
				least = c
			}
		}
		if h.pending[least].when >= e.when {
			break
		}
		h.put(i, h.pending[least])
		i = least
	}
	h.put(i, e)
}
