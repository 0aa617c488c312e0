package aio

// DrainHooks returns how many functions wait for the loop to drain.
func DrainHooks(l *Loop) int {
	d := &l.run.Load().drained
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.fns)
}
