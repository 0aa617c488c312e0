package timer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"goaio.example/aio"
)

// Retry returns a future of fn's value. It calls fn, with the waits of b in
// between, until fn returns no error or an error made by Permanent, b is used
// up, ctx ends, or b.Limiter fails. All calls are made in one goroutine, by one
// operation, a child of the one that ctx belongs to. fn gets the ctx of that
// operation.
//
// The future fails with a *RetryError, or with aio.ErrNoLoop or aio.ErrLoopDone
// if ctx has no running loop. fn is not called once ctx has ended. A Retry is
// work in progress: it goes on while the loop drains. If fn panics or calls
// runtime.Goexit, it is not called again.
func Retry[T any](ctx context.Context, b Backoff, fn func(ctx context.Context) (T, error)) *aio.Future[T] {
	return aio.Go(ctx, aio.FuncName(fn), func(ctx context.Context) (T, error) {
		var zero T
		var failed RetryError
		for n, wait := range b.Delays() {
			if failed.Cause = b.pause(ctx, wait); failed.Cause != nil {
				return zero, &failed
			}
			v, err := fn(ctx)
			if err == nil {
				return v, nil
			}
			failed.Attempts, failed.Last = n, err
			if IsPermanent(err) {
				break
			}
		}
		return zero, &failed
	})
}

// pause waits for d, and then for the Limiter. It returns nil if there is
// another try, else the reason why not.
func (b Backoff) pause(ctx context.Context, d time.Duration) error {
	if d > 0 {
		_, _ = After(ctx, d).Await(ctx) // it fails only when ctx ends
	}
	var err error
	if b.Limiter != nil && ctx.Err() == nil {
		err = b.Limiter.Wait(ctx)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// RetryError says that a Retry failed, and how.
type RetryError struct {
	Attempts int   // how often the function was called
	Last     error // what the last call returned; nil if there was none
	// context.Cause of the ctx, or what the Limiter returned, if that ended the
	// Retry
	Cause error
}

// Error says how often the function was called, why the Retry ended, and what
// the last call returned.
func (e *RetryError) Error() string {
	switch {
	case e.Cause == nil:
		return fmt.Sprintf("timer: gave up after %d attempts: %v", e.Attempts, e.Last)
	case e.Last == nil:
		return fmt.Sprintf("timer: cancelled before the first attempt: %v", e.Cause)
	}
	return fmt.Sprintf("timer: cancelled after %d attempts: %v (last error: %v)", e.Attempts, e.Cause, e.Last)
}

// Unwrap returns Cause, or Last if Cause is nil.
func (e *RetryError) Unwrap() error {
	if e.Cause != nil {
		return e.Cause
	}
	return e.Last
}

// Permanent returns an error that wraps err and makes Retry give up, because
// trying again would not help. It returns nil if err is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

// IsPermanent reports whether err is, or wraps, an error of Permanent.
func IsPermanent(err error) bool {
	var p *permanentError
	return errors.As(err, &p)
}

// permanentError is an error of Permanent.
type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }
