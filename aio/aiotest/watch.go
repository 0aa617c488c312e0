package aiotest

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"goaio.example/aio"
)

// A watcher reports to a test what its loop reports while it runs. After that
// the test may be over, and the watcher reports nothing more.
type watcher struct {
	t testing.TB

	mu     sync.Mutex
	goexit bool // an operation of the test called t.FailNow or the like
	over   bool
}

// watch makes the loop report to the test what has no other receiver.
func watch(t testing.TB, l *aio.Loop) *watcher {
	w := &watcher{t: t}
	if l.OnEvent == nil {
		l.OnEvent = w.event
	}
	if l.Logger == nil {
		l.Logger = slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return w
}

// event is the loop's handler: events that are errors fail the test.
func (w *watcher) event(e aio.Event) {
	if aio.IsInfo(e.Err) {
		return
	}
	w.report(e)
	if w.ended(e.Err) || !e.Lost && !errors.Is(e.Err, aio.ErrConn) {
		e.Loop.Cancel(nil)
	}
}

// report reports an event to the test.
func (w *watcher) report(e aio.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.over:
	case w.ended(e.Err):
		w.goexit = true
	case e.Lost:
		w.t.Errorf("aiotest: lost error of %v: %v%s", e.Op, e.Err, stackOf(e.Err))
	default:
		w.t.Errorf("aiotest: event of %v: %v%s", e.Op, e.Err, stackOf(e.Err))
	}
}

// ended reports whether err only says that an operation ended the test.
func (w *watcher) ended(err error) bool {
	return errors.Is(err, aio.ErrGoexit) && !isStuck(err) && (w.t.Failed() || w.t.Skipped())
}

// Write writes to the test's log.
func (w *watcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return len(p), nil
	}
	return w.t.Output().Write(p)
}

// conclude reports what the loop's Run returned. It does not return if an
// operation had ended the test.
func (w *watcher) conclude(err error) {
	w.t.Helper()
	w.mu.Lock()
	goexit := w.goexit || w.ended(err)
	w.mu.Unlock()
	if err != nil && !w.ended(err) {
		w.t.Errorf("aiotest: Run: %v%s", err, stackOf(err))
	}
	switch {
	case goexit && w.t.Skipped():
		w.t.SkipNow()
	case goexit:
		w.t.FailNow()
	}
}

// overdue reports operations that had to be cancelled after Grace.
func (w *watcher) overdue(l *aio.Loop) {
	w.t.Helper()
	for _, op := range l.Overdue() {
		w.t.Errorf("aiotest: %v had not ended when Grace had passed", op)
	}
}

// end stops the reports.
func (w *watcher) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
}

// isStuck reports whether operations were left running.
func isStuck(err error) bool {
	var stuck *aio.StuckError
	return errors.As(err, &stuck)
}

// stackOf returns the stacks in err, on separate lines.
func stackOf(err error) string {
	var b strings.Builder
	var p *aio.PanicError
	if errors.As(err, &p) {
		fmt.Fprintf(&b, "\n%s", p.Stack)
	}
	var stuck *aio.StuckError
	if errors.As(err, &stuck) {
		for _, op := range stuck.Ops {
			if op.Stack != "" {
				fmt.Fprintf(&b, "\n%v:\n%s", op, op.Stack)
			}
		}
	}
	return b.String()
}
