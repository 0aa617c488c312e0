package alarm

// The heap is 4-ary: half as deep as a binary one, with the four children of a node next to each other in memory.

// entry keeps the time beside the alarm, so that finding an alarm's place does not read the alarms it passes by.
type entry struct {
	when int64 // nanoseconds since the heap's epoch
	a    *Alarm
}

// roomy is the least capacity, in entries, that a heap gives back when it is not needed any more.
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

// remove takes out the alarm at i.
func (h *Heap) remove(i int) {
	h.pending[i].a.slot = 0
	last := len(h.pending) - 1
	e := h.pending[last]
	h.pending[last] = entry{}
	h.pending = h.pending[:last]
	if i < last {
		h.put(i, e)
		h.up(i)
		h.down(int(e.a.slot) - 1)
	}
	if c := cap(h.pending); c > roomy && last < c/4 {
		h.pending = append(make([]entry, 0, c/2), h.pending...)
	}
}

// put places e at i.
func (h *Heap) put(i int, e entry) {
	h.pending[i] = e
	e.a.slot = int32(i + 1)
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
