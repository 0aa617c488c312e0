package aio

// phase is how far a loop has come. What the phases are called is said here
// only: Stats.Phase and Loop.Dump show it.
type phase uint32

const (
	phaseNone phase = iota
	phaseRunning
	phaseLeaving    // it was asked to end, and goes on for DrainDelay
	phaseDraining   // nothing new but what work in progress starts
	phaseCancelling // what is left was cancelled
	phaseDone       // all operations have ended or were given up
)

var phaseNames = [...]string{"", "running", "leaving", "draining", "cancelling", "done"}

func (p phase) String() string { return phaseNames[p] }

// at returns the phase of the loop.
func (r *running) at() phase { return phase(r.phase.Load()) }

// drains reports whether the loop drains, or is past that.
func (r *running) drains() bool { return r.at() >= phaseDraining }

// enter begins a phase and lets it be seen, with those that are skipped. Only
// the supervisor calls it.
func (r *running) enter(p phase) {
	r.phase.Store(uint32(p))
	if p < phaseLeaving {
		return
	}
	c := &r.loop.ctl
	c.mu.Lock()
	shut(c.leave)
	if p >= phaseDraining {
		shut(c.drain)
	}
	c.mu.Unlock()
	if p >= phaseDraining {
		r.drained.call()
	}
}
