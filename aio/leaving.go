package aio

import (
	"context"
	"errors"
	"os"
	"time"
)

// Leaving returns a channel that is closed when the loop is going to drain: at
// the beginning of DrainDelay or, without that, when Draining's is.
func (l *Loop) Leaving() <-chan struct{} {
	l.ctl.mu.Lock()
	defer l.ctl.mu.Unlock()
	l.ctl.init()
	return l.ctl.leave
}

// Leaving returns the Leaving channel of ctx's loop, nil without a loop: what
// tells others to send no more is to look at. Who has work goes on until
// Draining.
func Leaving(ctx context.Context) <-chan struct{} {
	if l := LoopOf(ctx); l != nil {
		return l.Leaving()
	}
	return nil
}

// whileLeaving waits for the end of the leaving phase, if there is one. It
// reports whether the loop must drain (else it is empty or was cancelled), and
// whether there has been a signal.
func (r *running) whileLeaving(ctx context.Context, sigs <-chan os.Signal, signalled bool) (drain, heard bool) {
	if !r.waits() {
		return true, signalled
	}
	r.enter(phaseLeaving, r.loop.DrainDelay)
	r.log.Info("leaving: not ready any more, but serving", "delay", r.loop.DrainDelay)
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
			signalled = true // the first signal is an Exit, which this is already
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

// waits reports whether the loop is to wait for DrainDelay. From then on an
// Exit skips it.
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
