package aio

import "time"

// phase is a phase of a loop. Stats.Phase and Loop.Dump show its name.
type phase uint32

const (
	phaseNone phase = iota
	phaseRunning
	phaseLeaving    // it was asked to end, and goes on for DrainDelay
	phaseDraining   // only work in progress starts operations
	phaseCancelling // what is left was cancelled
	phaseDone       // all operations have ended or were given up
)

var phaseNames = [...]string{"", "running", "leaving", "draining", "cancelling", "done"}

func (p phase) String() string { return phaseNames[p] }

// at returns the phase of the loop.
func (r *running) at() phase { return phase(r.phase.Load()) }

// drains reports whether the loop drains, or has drained.
func (r *running) drains() bool { return r.at() >= phaseDraining }

// enter begins a phase, which ends limit from now at the latest, and makes it
// and the phases that are skipped visible. A limit of 0 means that the end is
// not known. Only the supervisor calls it.
func (r *running) enter(p phase, limit time.Duration) {
	var end int64
	if limit > 0 {
		end = r.now() + int64(limit)
	}
	r.phaseEnd.Store(end)
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

// PhaseEnd returns when the phase that the loop is in (Stats.Phase) ends at the
// latest: leaving after DrainDelay, draining after Grace, cancelling after
// Abandon. A phase ends earlier when nothing is left, or when Cancel is called.
// PhaseEnd is the zero Time while the loop runs, before Run and after the end,
// and while a loop leaves because the one around it does.
func (l *Loop) PhaseEnd() time.Time {
	r := l.run.Load()
	if r == nil {
		return time.Time{}
	}
	end := r.phaseEnd.Load()
	if end == 0 {
		return time.Time{}
	}
	return r.epoch.Add(time.Duration(end))
}
