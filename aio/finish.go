package aio

import "errors"

// claim makes the caller the one who resolves the operation. It reports false if somebody was first.
func (o *Op) claim() bool {
	return o.claimUnless(0)
}

// claimUnless is claim for an operation that does not have the given state bit.
func (o *Op) claimUnless(bit uint32) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state.Load()&(bit|opFinishing) != 0 {
		return false
	}
	o.state.Or(opFinishing)
	return true
}

// mark sets a state bit. It reports false if it was set already or the operation is finishing.
func (o *Op) mark(bit uint32) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state.Load()&(bit|opFinishing) != 0 {
		return false
	}
	o.state.Or(bit)
	return true
}

// publish resolves an operation that the caller has claimed: it sees to the children and the slot, counts, makes the
// result visible, runs what waits for it, and takes the operation out of the tree. That comes last, so that whoever
// sees the loop empty sees all results; and the counts come first, so that whoever sees the result sees them.
func (o *Op) publish(err error) {
	r := o.run
	cell := r.kindCount(o.kind).cell(o)
	if err != nil {
		o.countFailure(cell, err)
		o.fail(err)
	}
	ghost := o.partWithKids(err)
	if o.state.Load()&opSlot != 0 {
		r.releaseSlot()
	}
	cell.ended.Add(1)

	o.mu.Lock()
	o.err = err
	o.state.Or(opResolved)
	done, x := o.done, o.x.Load()
	var then []func()
	var unwatch func() bool
	var std *stdCtx
	if x != nil {
		then, x.then, x.onCancel = x.then, nil, nil
		unwatch, x.unwatch = x.unwatch, nil
		std = x.std.Load()
	}
	o.mu.Unlock()

	if done != nil {
		close(done)
	}
	if err != nil && std != nil {
		std.cancel(err)
	}
	for _, fn := range then {
		fn()
	}
	if unwatch != nil && !ghost {
		unwatch()
	}
	if !ghost {
		o.leaveFamily()
	}
	r.leave(o.state.Load())
}

// partWithKids cancels the children of an operation that has failed, and hands them up.
func (o *Op) partWithKids(err error) (ghost bool) {
	o.mu.Lock()
	none := o.first == nil
	o.mu.Unlock()
	if none {
		return false
	}
	if err != nil {
		for _, k := range o.appendKids(nil) {
			k.cancel(err)
		}
	}
	return o.handUp()
}

// countFailure counts an operation that ends with an error.
func (o *Op) countFailure(c *cell, err error) {
	var p *PanicError
	switch {
	case errors.As(err, &p):
		c.panicked.Add(1)
	case o.cancelledOnly(err):
		c.cancelled.Add(1)
	default:
		c.failed.Add(1)
	}
}

// fail sees to it that the error of an operation is not lost: it goes to the scope or the event handler now or, if
// a future has it, when it turns out that nobody looks.
func (o *Op) fail(err error) {
	switch s := o.state.Load(); {
	case s&opLooked != 0:
	case s&opFuture == 0, s&opCallback != 0:
		o.tell(err)
	case s&opTold == 0:
		o.watchLost(err)
	}
}

// tell sends an error that nobody asked for to the scope around the operation, else to its event handler.
func (o *Op) tell(err error) {
	if o.cancelledOnly(err) {
		return
	}
	if s := o.nearestScope(); s != nil {
		s.fail(err)
		return
	}
	if o.state.Or(opTold)&opTold == 0 {
		o.run.emit(o, err, false)
	}
}

// cancelledOnly reports whether err says nothing but that the operation was cancelled.
func (o *Op) cancelledOnly(err error) bool {
	var cause error
	if o.state.Load()&opCancelled != 0 {
		cause = o.cause()
	}
	return onlyCancel(err, cause)
}

// Told marks the operation's error as told already, by an event callback of the driver's: a future that nobody looks
// at is then no lost error.
func (o *Op) Told() { o.state.Or(opTold) }

// resolved reports whether the result is there.
func (o *Op) resolved() bool { return o.state.Load()&opResolved != 0 }

// closed is the Done channel of every operation whose result was there before anybody asked for one.
var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// doneChan returns the channel that is closed once the result is there.
func (o *Op) doneChan() <-chan struct{} {
	if o.resolved() {
		return closed
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state.Load()&opResolved != 0 {
		return closed
	}
	if o.done == nil {
		o.done = make(chan struct{})
	}
	return o.done
}

// then has fn called once the result is there: now, or by whoever resolves. fn must not block or panic.
func (o *Op) then(fn func()) {
	o.mu.Lock()
	if o.state.Load()&opResolved == 0 {
		x := o.extra()
		x.then = append(x.then, fn)
		o.mu.Unlock()
		return
	}
	o.mu.Unlock()
	fn()
}
