package aio

import (
	"errors"
	"time"
	"unsafe"
)

// lastChance is the least time that each function that runs at a loop's end
// has, even if operations have used up Abandon.
const lastChance = 25 * time.Millisecond

// conclude runs the exit callbacks, delivers the last events, and calls
// OnFatal. It returns Run's result.
func (r *running) conclude() error {
	r.ending = time.Now()
	stuck := r.leftOver()
	r.locals.End()
	fatal, over := error(nil), false
	for !over { // an event handler may register exit callbacks
		hangs := len(stuck)
		if !r.runAtExit() {
			stuck = append(stuck, r.hanging("AtExit", r.atExitMark()))
		}
		r.flushLost()
		if !r.events.wait(r, r.untilAbandon()) {
			stuck = append(stuck, r.hanging("OnEvent", r.eventMark()))
		}
		fatal, over = r.takeFatal(len(stuck) > hangs)
	}
	r.events.close()
	r.lost.stop()
	r.alarms.Close()

	err := r.result(fatal, stuck)
	told := err
	if told != nil && r.loop.OnFatal != nil && !r.bounded(r.fatalMark(), func() { r.loop.OnFatal(told) }) {
		stuck = append(stuck, r.hanging("OnFatal", r.fatalMark()))
		err = r.result(fatal, stuck)
	}
	if len(stuck) > 0 && (r.crashed.Load() != nil || r.goexit.Load()) {
		r.log.Error("left behind", "err", err) // Run does not return it
	}
	return err
}

// result is what Run returns.
func (r *running) result(fatal error, stuck []OpInfo) error {
	if p := r.crashed.Load(); p != nil {
		fatal = p
	}
	if len(stuck) == 0 {
		return fatal
	}
	s := &StuckError{Loop: r.loop.Name, Ops: stuck}
	if fatal == nil {
		return s
	}
	return errors.Join(s, fatal)
}

// untilAbandon returns a channel that receives when Abandon has passed.
func (r *running) untilAbandon() <-chan time.Time {
	return time.After(max(time.Until(r.abandon), lastChance))
}

// leftOver closes the loop, and describes the operations that it gives up on.
func (r *running) leftOver() []OpInfo {
	if r.closed.Swap(true) {
		return nil
	}
	return r.describe()
}

// takeFatal returns the fatal error that Run returns. over is false if there
// are exit callbacks to run first, unless now is set.
func (r *running) takeFatal(now bool) (fatal error, over bool) {
	c := &r.loop.ctl
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = now || len(c.atExit) == 0
	return c.fatal, c.over
}

// runAtExit runs the AtExit functions. It reports false if they did not end in
// time.
func (r *running) runAtExit() bool {
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
		if !r.bounded(r.atExitMark(), fn) {
			return false
		}
	}
}

// bounded runs a callback in a new goroutine, contains its panics, and waits
// for it. It reports false if the callback did not end in time.
func (r *running) bounded(m mark, fn func()) bool {
	done := make(chan struct{})
	r.start(func() {
		defer close(done)
		r.root.guard(func() { marked(m, fn) })
	})
	select {
	case <-done:
		return true
	case <-r.untilAbandon():
		return false
	}
}

// hanging describes a callback that does not return.
func (r *running) hanging(name string, m mark) OpInfo {
	return OpInfo{
		Name: name, Kind: kindMain, By: r.root.label(), Parents: []string{r.root.label()},
		Started: r.ending, Age: time.Since(r.ending), Stack: newStacks()[m[0]],
	}
}

// The marks of functions that have no operation.
func (r *running) atExitMark() mark { return markOf(unsafe.Pointer(&r.loop.ctl)) }
func (r *running) eventMark() mark  { return markOf(unsafe.Pointer(&r.events)) }
func (r *running) fatalMark() mark  { return markOf(unsafe.Pointer(&r.crashed)) }
