package jobs

import (
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
)

// phase is the phase of a Worker. It only increases, and may skip phases.
type phase uint8

const (
	// serving: jobs are reserved.
	serving phase = iota
	// draining: none are reserved; running ones go on. The clock ends it.
	draining
	// cutting: the ctx of the jobs has ended. The clock ends it.
	cutting
	// waived: the Worker no longer waits for Reserves that do not return. It
	// waits for leases; each has a clock.
	waived
	// closing: no lease is held, and the Source is being closed.
	closing
	// closed: the Source is closed. Only Handles and Reserves that do not
	// return are left.
	closed
)

// workerDriver is the driver of a Worker's operation.
type workerDriver Worker

var (
	_ aio.Drainer = (*workerDriver)(nil)
	_ aio.Idler   = (*workerDriver)(nil)
)

func (d *workerDriver) OpCancel(cause error) { (*Worker)(d).cut(cause) }
func (d *workerDriver) OpIdle()              { (*Worker)(d).endIfIdle() }

// OpDrain makes the Worker leave, unless work in progress has started it since
// the loop began to drain.
func (d *workerDriver) OpDrain() {
	if !d.late || d.op.Op().TopLevel() {
		(*Worker)(d).leave()
	}
}

// workerClock is the alarm.Firer of a Worker.
type workerClock Worker

func (c *workerClock) Fire() {
	w := (*Worker)(c)
	w.mu.Lock()
	at := w.phase
	w.mu.Unlock()
	switch at {
	case draining:
		w.cut(aio.ErrExit)
	case cutting:
		w.enter(waived, 0)
		w.advance()
	}
}

// enter goes to a later phase, for at most d if d is not 0. It reports false if
// the Worker has reached it already.
func (w *Worker) enter(p phase, d time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.phase >= p {
		return false
	}
	w.phase = p
	if alarms := alarm.Of(w.op.Op()); d > 0 {
		alarms.Set(&w.clock, d)
	} else {
		alarms.Stop(&w.clock)
	}
	return true
}

// at reports whether the Worker has reached p.
func (w *Worker) at(p phase) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.phase >= p
}

// leave makes the Worker stop reserving.
func (w *Worker) leave() {
	grace := w.grace()
	if grace <= 0 {
		w.cut(aio.ErrExit)
		return
	}
	if w.enter(draining, grace) {
		w.calls.stopReserving(aio.ErrExit)
		w.advance()
	}
}

// cut ends the ctx of all jobs. Jobs that do not return are released.
func (w *Worker) cut(cause error) {
	patience := w.patience()
	if !w.enter(cutting, patience) {
		return
	}
	w.calls.stopReserving(cause)
	w.mu.Lock()
	runs := make([]*run, 0, len(w.runs))
	for r := range w.runs {
		runs = append(runs, r)
	}
	w.mu.Unlock()
	for _, r := range runs {
		r.cut(cause)
	}
	w.advance()
}

// advance closes the Source once no lease is held and no Reserve is waited for.
func (w *Worker) advance() {
	w.mu.Lock()
	ready := len(w.runs) == 0 && w.phase >= draining && w.phase < closing && (w.reservers == 0 || w.phase == waived)
	w.mu.Unlock()
	if ready && w.enter(closing, 0) {
		w.op.Op().Go(w.closeSource, func(error) { w.closedSource() })
	}
}

// closeSource closes the Source.
func (w *Worker) closeSource() {
	ctx, cancel := w.calls.ctx(w.callTimeout())
	err := w.Source.Close(ctx)
	cancel()
	if err != nil {
		w.op.Op().Report(err)
	}
	w.closedSource()
}

func (w *Worker) closedSource() {
	w.enter(closed, 0)
	w.endIfIdle()
}

// endIfIdle resolves the Worker's future once nothing is left of it.
func (w *Worker) endIfIdle() {
	w.mu.Lock()
	over := w.phase == closed && w.reservers == 0
	w.mu.Unlock()
	if over && w.op.Op().Idle() {
		w.calls.end()
		w.op.Resolve(struct{}{})
	}
}

// grace returns how long jobs may go on while the Worker drains.
func (w *Worker) grace() time.Duration {
	if w.Grace != 0 {
		return w.Grace
	}
	return loopGrace(w.op.Op().Loop()) / 5 * 4
}

// patience returns how long a job may ignore the end of its ctx.
func (w *Worker) patience() time.Duration {
	l := w.op.Op().Loop()
	d := loopGrace(l) / 10
	if d <= 0 {
		d = loopAbandon(l) / 5
	}
	return max(min(d, time.Second), time.Millisecond)
}

// loopGrace returns the loop's Grace, 0 for none.
func loopGrace(l *aio.Loop) time.Duration {
	if l.Grace == 0 {
		return 10 * time.Second
	}
	return max(l.Grace, 0)
}

// loopAbandon returns the loop's Abandon.
func loopAbandon(l *aio.Loop) time.Duration {
	return orDefault(l.Abandon, 5*time.Second)
}

// callTimeout returns the timeout of a call to the broker.
func (w *Worker) callTimeout() time.Duration { return orDefault(w.CallTimeout, 10*time.Second) }
