package aio

import (
	"context"
	"errors"
	"os"
	"time"
)

// Leaving returns a channel that is closed when the loop is going to drain:
// when DrainDelay begins or, without a DrainDelay, when the loop begins to
// drain or is cancelled.
func (l *Loop) Leaving() <-chan struct{} {
	l.ctl.mu.Lock()
	defer l.ctl.mu.Unlock()
	l.ctl.init()
	return l.ctl.leave
}

// Leaving returns the Leaving channel of ctx's loop, nil without a loop. It is
// for what tells others to send no more, such as a readiness probe. Work goes
// on until Draining.
func Leaving(ctx context.Context) <-chan struct{} {
	if l := LoopOf(ctx); l != nil {
		return l.Leaving()
	}
	return nil
}

// whileLeaving waits for the end of the leaving phase, if there is one. It
// reports whether the loop must drain (otherwise it is empty or was cancelled),
// and whether a signal has been received.
func (r *running) whileLeaving(ctx context.Context, sigs <-chan os.Signal, signalled bool) (drain, heard bool) {
	if !r.waits() {
		return true, signalled
	}
	r.enter(phaseLeaving, r.loop.DrainDelay)
	r.log.Info("leaving: readiness fails from now on, requests are still served", "delay", r.loop.DrainDelay)
	delay := time.NewTimer(r.loop.DrainDelay)
	defer delay.Stop()
	ended := ctx.Done()
	for !r.empty() || r.events.busy() {
		select {
		case <-r.loop.ctl.cancel:
			return false, signalled
		case <-r.loop.ctl.hurry:
			return true, signalled
		case sig := <-sigs:
			r.loop.noteSignal(sig)
			if signalled {
				return true, true
			}
			// the first signal is an Exit, which this is already
			signalled = true
		case <-ended:
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return true, signalled
			}
			ended = nil
		case <-delay.C:
			return true, signalled
		case <-r.wake:
		}
	}
	return false, signalled
}

// waits reports whether the loop waits for DrainDelay. After it has reported
// true, an Exit skips the rest of the delay.
func (r *running) waits() bool {
	c := &r.loop.ctl
	c.mu.Lock()
	defer c.mu.Unlock()
	if isShut(c.hurry) || r.loop.DrainDelay <= 0 {
		return false
	}
	c.leaving = true
	return true
}
