package jobs

import (
	"context"
	"errors"
	"time"

	"goaio.example/aio/timer"
)

// quietTime is how often a Reserve that returns ErrNoJob is called at most, by
// each goroutine.
const quietTime = 100 * time.Millisecond

var errNoLease = errors.New("jobs: the Source has returned neither a lease nor an error")

// reserveAll is a goroutine that reserves jobs, and begins them, until the
// Worker leaves. failures is how many Reserves in a row have failed.
func (w *Worker) reserveAll(failures int) {
	ctx := w.calls.reserve
	w.pause(ctx, failures)
	for w.takeSlot(ctx) {
		began := time.Now()
		r, err := w.reserve(ctx)
		if r != nil {
			failures = 0
			w.outage.end(w)
			w.begin(r) // with the slot
			continue
		}
		w.giveSlot()
		switch {
		case ctx.Err() != nil:
		case errors.Is(err, ErrNoJob):
			failures = 0
			w.outage.end(w)
			_ = timer.Sleep(ctx, quietTime-time.Since(began)) // fails only when ctx ends
		default:
			failures++
			w.outage.begin(w, err)
			w.pause(ctx, failures)
		}
	}
	w.reserverEnded()
}

// reserve calls Reserve. A panic, which has been told of, is an error.
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

// pause waits after a failure.
func (w *Worker) pause(ctx context.Context, failures int) {
	if failures > 0 {
		_ = timer.Sleep(ctx, w.Reconnect.Wait(failures+1)) // fails only when ctx ends
	}
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

// reserverGone is called when Reserve has called runtime.Goexit: another
// goroutine goes on.
func (w *Worker) reserverGone(err error) {
	w.outage.begin(w, err)
	w.op.Op().Go(func() { w.reserveAll(1) }, w.reserverGone)
}

// reserverEnded counts a goroutine out that reserves no more.
func (w *Worker) reserverEnded() {
	w.mu.Lock()
	w.reservers--
	w.mu.Unlock()
	w.advance()
	w.endIfIdle()
}
