package alarm

import "fmt"

// Cap returns the number of alarms that the heap has room for.
func (h *Heap) Cap() int { return cap(h.pending) }

// Entries returns how many entries the heap has, dead ones included.
func (h *Heap) Entries() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.pending)
}

// Check returns an error if the heap is out of order, if an alarm does not know
// its place, or if the count of dead entries is wrong.
func (h *Heap) Check() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	dead := 0
	for i, e := range h.pending {
		if parent := (i - 1) / 4; i > 0 && h.pending[parent].when > e.when {
			return fmt.Errorf("entry %d is due at %d, before its parent %d, which is due at %d", i, e.when, parent, h.pending[parent].when)
		}
		switch {
		case e.a == nil:
			dead++
		case int(e.a.slot) != i+1:
			return fmt.Errorf("the alarm of entry %d has slot %d, want %d", i, e.a.slot, i+1)
		}
	}
	if dead != h.dead {
		return fmt.Errorf("%d entries are dead, the heap counts %d", dead, h.dead)
	}
	return nil
}
