package aio

import "context"

// cancel cancels the operation, and all below it, with the cause.
func (o *Op) cancel(cause error) {
	if cause == nil {
		cause = context.Canceled
	}
	o.run.cancelEach(o, nil, cause)
}

// cancelEach cancels o and the operations in todo, and all below them. If a
// hook calls runtime.Goexit, or a driver panics, another goroutine cancels the
// rest.
func (r *running) cancelEach(o *Op, todo []*Op, cause error) {
	defer func() {
		if n := len(todo) - 1; n >= 0 {
			next, rest := todo[n], todo[:n]
			r.start(func() { r.cancelEach(next, rest, cause) })
		}
	}()
	for {
		var hooks []func(error)
		var tell bool
		if todo, hooks, tell = o.cancelOne(cause, todo); tell {
			o.notifyCancel(hooks)
		}
		n := len(todo) - 1
		if n < 0 {
			return
		}
		o, todo = todo[n], todo[:n]
	}
}

// cancelOne cancels one operation and appends its children to todo. It returns
// the hooks of OnCancel, and whether they and the operation's driver are to be
// called. A child that comes after the flag is set, or is handed up before it
// is read, finds its parent cancelled: see adopt and moveUp.
func (o *Op) cancelOne(cause error, todo []*Op) (_ []*Op, hooks []func(error), tell bool) {
	fixed := o.foreignStd()
	defer func() { fixed.drop() }()
	o.mu.Lock()
	s := o.at()
	if s.has(opCancelled) || !s.open() && !s.lingers() {
		o.mu.Unlock()
		// it has just ended: the children that it has not handed up yet are
		// cancelled in its place
		if !s.has(opCancelled) {
			todo = o.appendKids(todo)
		}
		return todo, nil, false
	}
	x := o.extra()
	x.cause = cause
	if fixed != nil && x.std.CompareAndSwap(nil, fixed) {
		fixed = nil
	}
	// it may be queued by now; if it is queued later, it finds that it is
	// cancelled
	s = o.set(opCancelled)
	std, unwatch := x.std.Load(), x.unwatch
	hooks = x.onCancel
	x.onCancel, x.unwatch = nil, nil
	o.mu.Unlock()

	x.unpark()
	if unwatch != nil {
		unwatch()
	}
	if std != nil {
		o.cancelStd(std, cause)
	}
	todo = o.appendKids(todo)
	o.set(opReached)
	if s.has(opQueued) && o.run.dequeue(o) {
		o.End(o.why())
		return todo, nil, false
	}
	return todo, hooks, s.open()
}

// cancelStd ends the operation's cancelCtx. If its foreign base has ended
// already, package context is about to do that, with base's Err, and is waited
// for.
func (o *Op) cancelStd(std *stdCtx, cause error) {
	if o.is(isForeign) {
		select {
		case <-o.base.Done():
			<-std.Done()
		default:
		}
	}
	std.cancel(cause)
}

// notifyCancel calls the operation's driver, and the hooks of OnCancel, with
// the cause.
func (o *Op) notifyCancel(hooks []func(error)) {
	if o.driver == nil && len(hooks) == 0 {
		return
	}
	cause := o.why() // a foreign context may have been first
	if o.driver != nil {
		o.driver.OpCancel(cause)
	}
	for _, fn := range hooks {
		o.guard(func() { fn(cause) })
	}
}
