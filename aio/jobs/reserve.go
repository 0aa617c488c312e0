package jobs

import (
	"context"
	"errors"
	"time"

	"goaio.example/aio/timer"
)

// quietTime is the least time between two calls of a Reserve that returns
// ErrNoJob, in each goroutine.
const quietTime = 100 * time.Millisecond

var errNoLease = errors.New("jobs: the Source has returned neither a lease nor an error")

// reserver is a goroutine of a Worker that reserves jobs, and begins them.
type reserver struct {
	w        *Worker
	failures int       // successive failures of Reserve
	began    time.Time // time of the latest call of Reserve
}

func (v *reserver) start() { v.w.op.Op().Go(v.run, v.gone) }

// gone is called when Reserve has called runtime.Goexit: another goroutine
// continues.
func (v *reserver) gone(err error) {
	v.w.outage.begin(v.w, v.began, err)
	v.failures++
	v.start()
}

// run reserves until the Worker leaves.
func (v *reserver) run() {
	w, ctx := v.w, v.w.calls.reserve
	v.pause(ctx)
	for w.takeSlot(ctx) {
		v.began = time.Now()
		r, err := w.reserve(ctx)
		if r != nil {
			v.alive()
			w.begin(r) // with the slot
			continue
		}
		w.giveSlot()
		switch {
		case ctx.Err() != nil:
		case errors.Is(err, ErrNoJob):
			v.alive()
			// fails only if ctx ends
			_ = timer.Sleep(ctx, quietTime-time.Since(v.began))
		default:
			v.failures++
			w.outage.begin(w, v.began, err)
			v.pause(ctx)
		}
	}
	w.reserverEnded()
}

// alive records a sign of the broker's life.
func (v *reserver) alive() {
	v.failures = 0
	v.w.outage.end(v.w)
}

// pause waits if there were failures.
func (v *reserver) pause(ctx context.Context) {
	if v.failures > 0 {
		// fails only if ctx ends
		_ = timer.Sleep(ctx, v.w.Reconnect.Wait(v.failures+1))
	}
}

// reserve calls Reserve. It returns a panic, which has been reported, as an
// error.
func (w *Worker) reserve(ctx context.Context) (r *run, err error) {
	panicked := w.op.Op().Call(func() {
		var l Lease
		if l, err = w.Source.Reserve(ctx); l != nil {
			r = newRun(w, l)
		}
	}, w.giveSlotOf)
	switch {
	case panicked != nil:
		return nil, panicked
	case r == nil && err == nil:
		err = errNoLease
	}
	return r, err
}

// takeSlot waits for a slot. It reports false when ctx ends.
func (w *Worker) takeSlot(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	select {
	case w.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (w *Worker) giveSlot()          { <-w.slots }
func (w *Worker) giveSlotOf(_ error) { w.giveSlot() }

// reserverEnded uncounts a goroutine that has stopped reserving.
func (w *Worker) reserverEnded() {
	w.mu.Lock()
	w.reservers--
	w.mu.Unlock()
	w.advance()
	w.endIfIdle()
}
