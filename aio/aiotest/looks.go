package aiotest

import (
	"context"
	"fmt"
	"path"
	"runtime"
	"strings"
	"sync"
	"time"
)

// CancelAt returns a ctx derived from ctx that is cancelled, with the cause, at
// the k-th look at it. The k-th look itself sees it cancelled already. Each
// call of Done, Err, Value and Deadline on it is a look, whether by the
// program, by package context for contexts derived from it, or by package aio
// for the operations started with it. Using its Done channel or a derived
// context later is not a look. If k <= 0, it is never cancelled, and looks are
// only counted. A nil cause means context.Canceled.
//
// For package aio the ctx is a foreign one with a separate cancellation. It
// belongs to the loop of ctx. It is released when its parent ends.
func CancelAt(ctx context.Context, k int, cause error) (context.Context, *Looks) {
	l := newLooks(k, cause)
	return l.Context(ctx), l
}

// Looks counts the looks at a context, and cancels it at one of them. Its
// methods are safe for concurrent use.
type Looks struct {
	at    int // the look to cancel at
	cause error

	mu      sync.Mutex
	n       int
	fatal   string // describes the look that cancelled
	cancels []context.CancelCauseFunc
}

func newLooks(k int, cause error) *Looks {
	if cause == nil {
		cause = context.Canceled
	}
	return &Looks{at: k, cause: cause}
}

// Context returns a ctx derived from parent whose looks are counted too: all of
// a Looks' contexts are cancelled at the k-th look at any of them.
func (l *Looks) Context(parent context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(parent)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancels = append(l.cancels, cancel)
	if l.at > 0 && l.n >= l.at {
		cancel(l.cause)
	}
	return &watchedCtx{ctx, l}
}

// Count returns the number of looks.
func (l *Looks) Count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

// Reached reports whether the k-th look has happened, and so has cancelled the
// context.
func (l *Looks) Reached() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.at > 0 && l.n >= l.at
}

// Cause returns the cause of the cancellation at the k-th look.
func (l *Looks) Cause() error { return l.cause }

// String says which look was the k-th one, as in "look 3 of 7: Done in
// aio.lineage (opctx.go:140)".
func (l *Looks) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fatal == "" {
		return fmt.Sprintf("%d looks, not cancelled", l.n)
	}
	return fmt.Sprintf("look %d of %d: %s", l.at, l.n, l.fatal)
}

// look counts a call of the given method.
func (l *Looks) look(method string) {
	l.mu.Lock()
	l.n++
	if l.n != l.at {
		l.mu.Unlock()
		return
	}
	l.fatal = method + caller()
	cancels := l.cancels
	l.mu.Unlock()
	for _, cancel := range cancels {
		cancel(l.cause)
	}
}

// caller returns the name of the function that looks, skipping package context.
func caller() string {
	pcs := make([]uintptr, 32)
	// skips caller, look, and the method
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs)])
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "context.") && f.Function != "" {
			return fmt.Sprintf(" in %s (%s:%d)", path.Base(f.Function), path.Base(f.File), f.Line)
		}
		if !more {
			return ""
		}
	}
}

// watchedCtx is a context whose looks are counted. Package context finds the
// inner cancelCtx through Done and Value, so deriving from it costs no
// goroutine.
type watchedCtx struct {
	inner context.Context
	looks *Looks
}

func (c *watchedCtx) Done() <-chan struct{} {
	c.looks.look("Done")
	return c.inner.Done()
}

func (c *watchedCtx) Err() error {
	c.looks.look("Err")
	return c.inner.Err()
}

func (c *watchedCtx) Value(key any) any {
	c.looks.look("Value")
	return c.inner.Value(key)
}

func (c *watchedCtx) Deadline() (time.Time, bool) {
	c.looks.look("Deadline")
	return c.inner.Deadline()
}
