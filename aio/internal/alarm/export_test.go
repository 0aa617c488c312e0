package alarm

// Cap returns the number of alarms that the heap has room for.
func (h *Heap) Cap() int { return cap(h.pending) }

// Entries returns how many entries the heap has, dead ones included.
func (h *Heap) Entries() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.pending)
}
