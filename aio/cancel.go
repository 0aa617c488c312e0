package aio

import "context"

// cancel asks the operation, and all below it, to end with the cause.
func (o *Op) cancel(cause error) {
	if cause == nil {
		cause = context.Canceled
	}
	var room [8]*Op
	todo := append(room[:0], o)
	for len(todo) > 0 {
		k := todo[len(todo)-1]
		todo = k.cancelOne(cause, todo[:len(todo)-1])
	}
}

// cancelOne cancels one operation and appends its children to todo. A child that comes later sees that its parent is
// cancelled, see adopt and moveUp.
func (o *Op) cancelOne(cause error, todo []*Op) []*Op {
	o.askBase()
	o.mu.Lock()
	s := o.state.Load()
	if s&opCancelled != 0 || s&opFinishing != 0 && s&opGhost == 0 {
		if s&opCancelled == 0 { // it has ended just now: what it has not handed up yet is cancelled in its place
			todo = o.kids(todo)
		}
		o.mu.Unlock()
		return todo
	}
	x := o.extra()
	x.cause = cause
	if s&opForeign != 0 && x.std.Load() == nil {
		x.std.Store(o.makeStd()) // fixes what Err says
	}
	s = o.state.Or(opCancelled) // it may queue by now; and if it comes to, it sees that it is cancelled
	todo = o.kids(todo)
	std, hooks, unwatch := x.std.Load(), x.onCancel, x.unwatch
	x.onCancel, x.unwatch = nil, nil
	o.mu.Unlock()

	x.unpark()
	if unwatch != nil {
		unwatch()
	}
	if std != nil {
		o.cancelStd(std, cause)
	}
	if s&opRoot != 0 {
		todo = o.appendKids(todo)
	}
	if s&opQueued != 0 && o.run.dequeue(o) {
		o.End(o.why())
		return todo
	}
	if s&opGhost == 0 {
		o.notifyCancel(hooks)
	}
	return todo
}

// cancelStd ends the operation's cancelCtx. If its foreign base has ended already, package context is about to do
// that, with base's Err, and is waited for.
func (o *Op) cancelStd(std *stdCtx, cause error) {
	if o.state.Load()&opForeign != 0 {
		select {
		case <-o.base.Done():
			<-std.Done()
		default:
		}
	}
	std.cancel(cause)
}

// notifyCancel tells the operation's driver, and whoever asked for it, that the operation is cancelled.
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
