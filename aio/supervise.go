package aio

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"time"
)

// supervise takes the loop through its phases: running, leaving, draining,
// cancelling. It returns when no operation is left or those left were given up.
func (r *running) supervise(ctx context.Context, sigs <-chan os.Signal) {
	drain, signalled := r.whileRunning(ctx, sigs)
	if drain {
		drain, signalled = r.whileLeaving(ctx, sigs, signalled)
	}
	if drain {
		r.drain()
		r.whileDraining(sigs, signalled)
	}
	r.cancelAll()
	r.enter(phaseDone, 0)
}

// takeSignals begins to receive the loop's signals, before main runs, so that
// none that main causes is missed. stop undoes that.
func (l *Loop) takeSignals() (sigs chan os.Signal, stop func()) {
	if len(l.Signals) == 0 {
		return nil, func() {}
	}
	sigs = make(chan os.Signal, 2)
	signal.Notify(sigs, l.Signals...)
	return sigs, func() { signal.Stop(sigs) }
}

// noteSignal records a signal for Loop.Signal.
func (l *Loop) noteSignal(sig os.Signal) {
	l.ctl.mu.Lock()
	defer l.ctl.mu.Unlock()
	if l.ctl.signal == nil {
		l.ctl.signal = sig
	}
}

// whileRunning waits until the loop is asked to end or is empty. It reports
// whether the loop must drain (otherwise it is empty or was cancelled), and
// whether a signal asked for that.
func (r *running) whileRunning(ctx context.Context, sigs <-chan os.Signal) (drain, signalled bool) {
	// receives when event handlers have had Grace, once nothing else is left
	var handlers <-chan time.Time
	var outer <-chan struct{} // closed when the loop around this one leaves
	if r.outer != nil {
		outer = r.outer.run.loop.Leaving()
	}
	for {
		select {
		case <-r.loop.ctl.cancel:
			return false, false
		case <-r.loop.ctl.exit:
			return true, false
		case sig := <-sigs:
			r.loop.noteSignal(sig)
			return true, true
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				r.loop.Exit(context.Cause(ctx))
			}
			return true, false
		case <-outer:
			r.enter(phaseLeaving, 0) // and goes on until the outer loop drains
			outer = nil
		case <-handlers:
			return false, false
		case <-r.wake:
			if !r.empty() {
				continue
			}
			if r.events.busy() {
				handlers = time.After(r.grace())
				continue
			}
			select { // main's error comes before its end
			case <-r.loop.ctl.exit:
				return true, false
			default:
				return false, false
			}
		}
	}
}

// whileDraining waits for the end of the draining phase: the loop is empty or
// was cancelled, or Grace has passed.
func (r *running) whileDraining(sigs <-chan os.Signal, signalled bool) {
	grace := time.NewTimer(r.grace())
	defer grace.Stop()
	for !r.empty() || r.events.busy() {
		select {
		case <-r.loop.ctl.cancel:
			return
		case sig := <-sigs:
			if signalled {
				return
			}
			r.loop.noteSignal(sig)
			// the first signal is an Exit, which this is already
			signalled = true
		case <-grace.C:
			r.noteOverdue()
			return
		case <-r.wake:
		}
	}
}

// maxOverdue is how many operations Loop.Overdue describes.
const maxOverdue = 10

// noteOverdue logs, and records for Loop.Overdue, what is cancelled because
// Grace has passed, such as a connection that the program did not close.
func (r *running) noteOverdue() {
	if r.grace() == 0 {
		return
	}
	ops := r.leftAfterGrace()
	r.loop.ctl.mu.Lock()
	r.loop.ctl.overdue = ops
	r.loop.ctl.mu.Unlock()
	var first []string
	for _, i := range ops {
		first = append(first, i.String())
	}
	args := []any{"grace", r.grace(), "first", first}
	if !r.mainDone.Load() {
		args = append(args, "hint", "main has not returned: it learns of the drain by aio.Draining(ctx) or aio.UntilDrain(ctx); its ctx ends only now")
	}
	r.log.Warn("the time of grace has passed; cancelling what is left", args...)
}

// leftAfterGrace describes what holds the loop open: main, operations, and
// event handlers.
func (r *running) leftAfterGrace() []OpInfo {
	var ops []OpInfo
	now := r.now()
	if !r.mainDone.Load() {
		ops = append(ops, r.root.info(now))
	}
	r.root.walk(func(o *Op) bool {
		if !o.is(isDaemon) {
			ops = append(ops, o.info(now))
		}
		return len(ops) < maxOverdue
	})
	if len(ops) == 0 && r.events.busy() {
		ops = append(ops, OpInfo{Name: "OnEvent", Kind: kindMain, By: r.root.label(), Parents: []string{r.root.label()}})
	}
	return ops
}

// grace returns how long work in progress may go on when the loop drains.
func (r *running) grace() time.Duration { return orDefault(r.loop.Grace, 10*time.Second) }

// drain begins the draining phase.
func (r *running) drain() {
	r.enter(phaseDraining, r.grace())
	r.root.walk(func(o *Op) bool {
		o.drain()
		return true
	})
}

// drain applies the loop's drain to the operation: it cancels a daemon, ends a
// queued operation, and calls other drivers' OpDrain.
func (o *Op) drain() {
	s := o.at()
	if !o.is(isBackground) && (o.is(isDaemon) || s.has(opQueued)) && o.TopLevel() {
		if o.is(isDaemon) {
			o.cancel(ErrExit)
		} else {
			o.endQueued()
		}
		return
	}
	if d, ok := o.driver.(Drainer); ok && s.open() {
		d.OpDrain()
	}
}

// drainAgain is called after an ancestor of the operation has finished. If the
// loop drains, it applies the drain again to the operation, and to those below
// it if it has finished or is a daemon, because work in progress may have
// needed them until then.
func (o *Op) drainAgain() {
	if !o.run.drains() {
		return
	}
	if s := o.at(); s.open() {
		o.drain()
		if !o.is(isDaemon) {
			return
		}
	}
	for _, k := range o.appendKids(nil) {
		k.drainAgain()
	}
}

// cancelAll cancels what is left and waits for it, for at most Abandon. When
// nothing is left the loop is closed.
func (r *running) cancelAll() {
	r.abandon = time.Now().Add(orDefault(r.loop.Abandon, 5*time.Second))
	r.enter(phaseCancelling, time.Until(r.abandon))
	r.loop.ctl.mu.Lock()
	cause := r.loop.ctl.cause
	r.loop.ctl.mu.Unlock()
	if cause == nil {
		cause = ErrExit
	}
	// before cancelling, so that nothing can start in between
	empty := r.close()
	told := make(chan struct{})
	r.start(func() { // drivers, and methods of foreign contexts, may not return
		defer close(told)
		r.root.cancel(cause)
	})
	select {
	case <-told:
	case <-r.untilAbandon():
		return
	}
	if empty {
		return
	}
	abandon := time.NewTimer(time.Until(r.abandon))
	defer abandon.Stop()
	for !r.close() {
		select {
		case <-r.wake:
		case <-abandon.C:
			return
		}
	}
}
