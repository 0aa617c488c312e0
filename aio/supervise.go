package aio

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"time"
)

// supervise takes the loop through its phases: running, draining, cancelling. It returns when no operation is left
// or those left were given up.
func (r *running) supervise(ctx context.Context) {
	var sigs chan os.Signal
	if len(r.loop.Signals) > 0 {
		sigs = make(chan os.Signal, 2)
		signal.Notify(sigs, r.loop.Signals...)
		defer signal.Stop(sigs)
	}
	if drain, signalled := r.whileRunning(ctx, sigs); drain {
		r.drain()
		r.whileDraining(sigs, signalled)
	}
	r.cancelAll()
}

// whileRunning waits for the end of the running phase. It reports whether the loop must drain (else it is empty or was
// cancelled), and whether a signal asked for that.
func (r *running) whileRunning(ctx context.Context, sigs <-chan os.Signal) (drain, signalled bool) {
	for {
		select {
		case <-r.loop.ctl.cancel:
			return false, false
		case <-r.loop.ctl.exit:
			return true, false
		case <-sigs:
			return true, true
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				r.loop.Exit(context.Cause(ctx))
			}
			return true, false
		case <-r.wake:
			if r.empty() {
				select { // main's error comes before its end
				case <-r.loop.ctl.exit:
					return true, false
				default:
					return false, false
				}
			}
		}
	}
}

// whileDraining waits for the end of the draining phase: the loop is empty, was cancelled, or Grace has passed.
func (r *running) whileDraining(sigs <-chan os.Signal, signalled bool) {
	grace := time.NewTimer(orDefault(r.loop.Grace, 10*time.Second))
	defer grace.Stop()
	for !r.empty() {
		select {
		case <-r.loop.ctl.cancel:
			return
		case <-sigs:
			if signalled {
				return
			}
			signalled = true // the first signal is an Exit, which this is already
		case <-grace.C:
			return
		case <-r.wake:
		}
	}
}

// drain begins the draining phase.
func (r *running) drain() {
	r.markDraining()
	r.root.walk(func(o *Op) bool {
		o.drain()
		return true
	})
}

// drain has the operation see that the loop drains.
func (o *Op) drain() {
	s := o.state.Load()
	switch {
	case s&opDaemon != 0, s&opQueued != 0 && o.TopLevel():
		o.cancel(ErrExit)
	case o.driver != nil && s&opFinishing == 0:
		o.driver.OpDrain()
	}
}

// drainAgain has the operation or, if that has finished, those left below it see that the loop drains, after an
// ancestor of theirs has finished: nobody's work in progress may need them any more.
func (o *Op) drainAgain() {
	if !o.run.draining.Load() {
		return
	}
	if o.state.Load()&opFinishing == 0 {
		o.drain()
		return
	}
	for _, k := range o.appendKids(nil) {
		k.drainAgain()
	}
}

// markDraining lets the drain be seen.
func (r *running) markDraining() {
	r.draining.Store(true)
	r.loop.ctl.mu.Lock()
	shut(r.loop.ctl.drain)
	r.loop.ctl.mu.Unlock()
}

// cancelAll cancels what is left and waits for it, for at most Abandon. When nothing is left the loop is closed.
func (r *running) cancelAll() {
	r.markDraining()
	r.loop.ctl.mu.Lock()
	cause := r.loop.ctl.cause
	r.loop.ctl.mu.Unlock()
	if cause == nil {
		cause = ErrExit
	}
	if r.close() {
		r.root.cancel(cause)
		return
	}
	r.root.cancel(cause)
	abandon := time.NewTimer(orDefault(r.loop.Abandon, 5*time.Second))
	defer abandon.Stop()
	for !r.close() {
		select {
		case <-r.wake:
		case <-abandon.C:
			return
		}
	}
}

// close closes the loop to new operations if none is left.
func (r *running) close() bool { return r.count.CompareAndSwap(0, doneMark) }

// conclude runs what runs at the end: exit callbacks, events, OnFatal. It returns Run's result.
func (r *running) conclude() error {
	deadline, stop := r.endTimer()
	defer stop()
	stuck := r.leftOver()
	if !r.runAtExit(deadline) {
		stuck = append(stuck, OpInfo{Name: "AtExit", Kind: kindMain})
	}
	r.flushLost()
	if !r.events.wait(r, deadline) {
		stuck = append(stuck, OpInfo{Name: "OnEvent", Kind: kindMain})
	}
	r.lost.stop()
	r.alarms.Close()

	err := r.takeFatal()
	if p := r.crashed.Load(); p != nil {
		err = p
	}
	if err != nil && r.loop.OnFatal != nil && !r.bounded(deadline, func() { r.loop.OnFatal(err) }) {
		stuck = append(stuck, OpInfo{Name: "OnFatal", Kind: kindMain})
	}
	if len(stuck) > 0 {
		s := &StuckError{Loop: r.loop.Name, Ops: stuck}
		if err == nil {
			return s
		}
		return errors.Join(s, err)
	}
	return err
}

// endTimer bounds what runs at the end: by Abandon or, if operations used that up, by just enough to run at all.
func (r *running) endTimer() (deadline <-chan struct{}, stop func() bool) {
	d := orDefault(r.loop.Abandon, 5*time.Second)
	if r.count.Load() >= 0 {
		d = 50 * time.Millisecond
	}
	c := make(chan struct{})
	return c, time.AfterFunc(d, func() { close(c) }).Stop
}

// leftOver lists the operations that had to be given up, and closes the loop over them.
func (r *running) leftOver() []OpInfo {
	if r.count.Load() < 0 {
		return nil
	}
	r.count.Add(doneMark)
	return r.describe()
}

// takeFatal returns the fatal error that Run returns, and takes no more.
func (r *running) takeFatal() error {
	c := &r.loop.ctl
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	return c.fatal
}

// runAtExit runs the AtExit functions. It reports false if they did not end in time.
func (r *running) runAtExit(deadline <-chan struct{}) bool {
	for {
		c := &r.loop.ctl
		c.mu.Lock()
		if len(c.atExit) == 0 {
			c.mu.Unlock()
			return true
		}
		fn := c.atExit[len(c.atExit)-1]
		c.atExit = c.atExit[:len(c.atExit)-1]
		c.mu.Unlock()
		if !r.bounded(deadline, fn) {
			return false
		}
	}
}

// bounded runs a callback in a goroutine of its own, contained, and waits for it. It reports false if the callback
// did not end in time.
func (r *running) bounded(deadline <-chan struct{}, fn func()) bool {
	done := make(chan struct{})
	r.start(func() {
		defer close(done)
		r.root.guard(fn)
	})
	select {
	case <-done:
		return true
	case <-deadline:
		return false
	}
}
