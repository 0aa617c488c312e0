package aio

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"
)

var (
	// ErrNoLoop is the error of an operation started with a ctx that belongs to
	// no loop.
	ErrNoLoop = errors.New("aio: the context belongs to no running loop (start operations inside aio.Run)")
	// ErrLoopDone is the error of an operation started after its loop has
	// ended, and of a second Run of a Loop.
	ErrLoopDone = errors.New("aio: the loop is done")
	// ErrExit is the cause of the end of operations whose loop drains or was
	// cancelled.
	ErrExit = errors.New("aio: the loop is exiting")
	// ErrPending is the error of Future.Result before the future has resolved.
	ErrPending = errors.New("aio: the future is pending")
	// ErrGoexit is the error of an operation whose function called
	// runtime.Goexit.
	ErrGoexit = errors.New("aio: the operation's function called runtime.Goexit")
	// ErrStopped is the error of an operation that was stopped on purpose: a
	// timer, or an input that Race or Any does not need.
	ErrStopped = errors.New("aio: stopped")
	// ErrBacklog is the error of a send to a connection whose outgoing queue is
	// full. See package tcp.
	ErrBacklog = errors.New("aio: the connection's outgoing queue is full")
)

// AwaitError is the error of a wait that ended because the waiter's ctx did.
// The future that was waited for is unaffected. An AwaitError wraps the error
// and the cause of the waiter's ctx.
type AwaitError struct {
	Err   error // the ctx's Err
	Cause error // the ctx's context.Cause
	// the name of the operation that was waited for; "" for several
	Op     string
	Waited time.Duration // how long the waiter waited
}

// Error names the operation that was waited for, how long, and what ended the
// wait.
func (e *AwaitError) Error() string {
	text := "aio: gave up waiting"
	if e.Op != "" {
		text += fmt.Sprintf(" for %q", e.Op)
	}
	if e.Waited > 0 {
		text += fmt.Sprintf(" after %v", e.Waited)
	}
	if e.Cause != nil && !same(e.Cause, e.Err) {
		return fmt.Sprintf("%s: %v (%v)", text, e.Err, e.Cause)
	}
	return fmt.Sprintf("%s: %v", text, e.Err)
}

// Unwrap returns the error and the cause of the waiter's ctx.
func (e *AwaitError) Unwrap() []error { return []error{e.Err, e.Cause} }

// processStart is when the process began, approximately.
var processStart = time.Now()

// uptime returns the process's age. It reads only the monotonic clock, which is
// cheaper than time.Now.
func uptime() time.Duration { return time.Since(processStart) }

// awaitError is the AwaitError of a ctx that has ended during a wait.
func awaitError(ctx context.Context, op string, waited time.Duration) error {
	return &AwaitError{Err: ctx.Err(), Cause: context.Cause(ctx), Op: op, Waited: waited}
}

// onlyCancel reports whether all leaves of err say only that an operation was
// cancelled: they are context.Canceled, ErrExit, ErrStopped or one of the
// causes. A panic says more, and so does an error whose methods panic.
func onlyCancel(err error, causes ...error) (only bool) {
	defer func() {
		if recover() != nil {
			only = false
		}
	}()
	return saysCancel(err, causes)
}

// saysCancel is onlyCancel for an error whose methods do not panic.
func saysCancel(err error, causes []error) bool {
	switch err {
	case nil:
		return false
	case context.Canceled, ErrExit, ErrStopped:
		return true
	}
	for _, c := range causes {
		if same(err, c) {
			return true
		}
	}
	switch e := err.(type) {
	case *PanicError:
		return false
	case interface{ Unwrap() error }:
		return saysCancel(e.Unwrap(), causes)
	case interface{ Unwrap() []error }:
		return allSayCancel(e.Unwrap(), causes)
	}
	return false
}

// allSayCancel is saysCancel for the leaves of a joined error.
func allSayCancel(errs, causes []error) bool {
	some := false
	for _, err := range errs {
		if err == nil {
			continue
		}
		if !saysCancel(err, causes) {
			return false
		}
		some = true
	}
	return some
}

// same is a == b for errors, false for those that cannot be compared.
func same(a, b error) bool {
	return a != nil && reflect.ValueOf(a).Comparable() && a == b
}

// isErr is errors.Is, false for an error whose methods panic.
func isErr(err, target error) (is bool) {
	defer func() {
		if recover() != nil {
			is = false
		}
	}()
	return errors.Is(err, target)
}
