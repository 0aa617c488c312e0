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

// cancelOne cancels one operation and appends its children to todo.
func (o *Op) cancelOne(cause error, todo []*Op) []*Op {
	o.mu.Lock()
	s := o.state.Load()
	if s&opCancelled != 0 || s&opFinishing != 0 && s&opGhost == 0 {
		o.mu.Unlock()
		return todo
	}
	x := o.extra()
	x.cause = cause
	if s&opForeign != 0 && x.std.Load() == nil {
		x.std.Store(o.newStd()) // fixes what Err says
	}
	o.state.Or(opCancelled)
	std, hooks := x.std.Load(), x.onCancel
	x.onCancel = nil
	o.mu.Unlock()

	if std != nil {
		std.cancel(cause)
	}
	todo = o.appendKids(todo)
	if s&opQueued != 0 && o.run.dequeue(o) {
		return todo
	}
	if s&opGhost == 0 {
		o.notifyCancel(hooks, cause)
	}
	return todo
}

// notifyCancel tells the operation's driver, and whoever asked for it, that the operation is cancelled.
func (o *Op) notifyCancel(hooks []func(error), cause error) {
	if o.driver != nil {
		o.driver.OpCancel(cause)
	}
	for _, fn := range hooks {
		o.guard(func() { fn(cause) })
	}
}

// cause returns why the operation was cancelled.
func (o *Op) cause() error {
	if x := o.x.Load(); x != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		return x.cause
	}
	return nil
}
