package alarm

// Cap returns the number of alarms that the heap has room for.
func (h *Heap) Cap() int { return cap(h.pending) }
