package aio

import (
	"fmt"
	"runtime/debug"
)

// PanicError is a panic as an error.
type PanicError struct {
	Value any    // what panic was called with; a *runtime.PanicNilError for nil
	Stack []byte // of the goroutine that panicked, as debug.Stack formats it
}

// Error has the value. The stack is in Stack only.
func (e *PanicError) Error() string { return fmt.Sprintf("aio: panic: %v", e.Value) }

// Unwrap returns the value if that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// caught makes the error of a function of o's that did not return: of the panic
// with value v or, for nil, of runtime.Goexit. The panic is an event or,
// without CatchPanics, is logged and cancels the loop. Call it from the
// deferred function that recovered, while the stack is there.
func (o *Op) caught(v any) error {
	if v == nil {
		return ErrGoexit
	}
	p := newPanicError(v)
	o.mu.Lock()
	o.extra().panicked = p
	o.mu.Unlock()
	if o.run.loop.CatchPanics {
		o.run.emit(o, p, false)
	} else {
		o.run.crash(o.label(), p)
	}
	return p
}

// ownPanic reports whether err is a panic of the operation's own, which has
// been told of.
func (o *Op) ownPanic(err error) bool {
	p, _ := err.(*PanicError)
	if p == nil {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	x := o.x.Load()
	return x != nil && x.panicked == p
}

// newPanicError makes the error of a recovered panic: the same one if it comes
// from a loop run inside the operation.
func newPanicError(v any) *PanicError {
	if p, ok := v.(*PanicError); ok {
		return p
	}
	return &PanicError{Value: v, Stack: debug.Stack()}
}

// guard runs a callback of the operation's, contained.
func (o *Op) guard(fn func()) { o.Call(fn, func(error) {}) }

// crash logs a panic at once and cancels the loop, whose Run then panics.
func (r *running) crash(name string, p *PanicError) {
	if r.crashed.CompareAndSwap(nil, p) { // first, as the logger may not return
		r.loop.Cancel(p)
	}
	r.log.Error("panic in an operation", "op", name, "panic", fmt.Sprint(p.Value), "stack", string(p.Stack))
}
