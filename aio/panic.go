package aio

import (
	"fmt"
	"runtime/debug"
)

// PanicError is the error of an operation that panicked.
type PanicError struct {
	Value any    // what panic was called with; a *runtime.PanicNilError for nil
	Stack []byte // of the goroutine that panicked, as debug.Stack formats it
}

// Error formats the value. It does not include the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("aio: panic: %v", e.Value) }

// Unwrap returns the value if that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// caught returns the error of a function of o's that did not return: a
// *PanicError for the panic with value v, ErrGoexit if v is nil. It reports the
// panic: as an event or, without CatchPanics, by logging it and cancelling the
// loop. It must be called in the deferred function that recovered, which has
// the stack.
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

// ownPanic reports whether err is the operation's last panic, which caught has
// reported.
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

// newPanicError returns the error of a recovered panic. A *PanicError, with
// which the Run of an inner loop panics, is returned unchanged.
func newPanicError(v any) *PanicError {
	if p, ok := v.(*PanicError); ok {
		return p
	}
	return &PanicError{Value: v, Stack: debug.Stack()}
}

// guard runs a callback of the operation's and contains its panics.
func (o *Op) guard(fn func()) { o.Call(fn, func(error) {}) }

// crash logs a panic at once and cancels the loop, whose Run then panics.
func (r *running) crash(name string, p *PanicError) {
	// before logging, because the logger may not return
	if r.crashed.CompareAndSwap(nil, p) {
		r.loop.Cancel(p)
	}
	r.log.Error("panic in an operation", "op", name, "panic", fmt.Sprint(p.Value), "stack", string(p.Stack))
}
