package aio

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Loop supervises operations: it knows every one in flight, tells of errors
// that nobody asked for, and ends them all gracefully. The zero Loop is ready
// to Run, once. Set the fields before Run; the methods may be called from any
// goroutine, before, during and after Run.
type Loop struct {
	// Name is the loop's name in events, listings and logs. It may be empty.
	Name string
	// Logger takes what the loop has to say; nil means slog.Default().
	Logger *slog.Logger
	// OnEvent is told every error and condition that no nearer scope (see the
	// function OnEvent) takes. Calls are serialised. nil means DefaultOnEvent.
	OnEvent func(Event)
	// OnFatal is told the error that Run is about to return, once, when there
	// is one. Run waits for it, within Abandon.
	OnFatal func(error)
	// CatchPanics turns a panic in an operation, callback or handler into a
	// *PanicError: the operation's error and an event. Without it a panic is
	// logged, the loop is cancelled, and Run panics with the *PanicError.
	CatchPanics bool
	// DrainDelay is how long the loop goes on, when it is asked to end, before
	// it drains: it is leaving. Listeners accept and what comes is served, but
	// readiness fails (httpx.Server.ReadyPath answers 503; Leaving tells), so
	// that a load balancer sends requests elsewhere before connections are
	// refused. Let it be longer than the balancer takes to notice: the period
	// of its probes times the failures that it waits for. It comes before
	// Grace, and is no part of it. 0 or negative: none.
	//
	// What is no error of Run waits for it: a signal, Exit(nil), the cancelling
	// of Run's ctx. An error drains at once: one given to Exit (DefaultOnEvent
	// does so), main's, the deadline of Run's ctx. So does an Exit before Run,
	// and runtime.Goexit in main.
	//
	// A second signal skips the rest, as does an Exit while the loop is
	// leaving, or a deadline of Run's ctx that passes. A first signal does not
	// if something else was first, which may have announced it. Cancel cancels
	// at once. A loop that becomes empty ends; servers and listeners hold it
	// open.
	//
	// Where a successor has taken the listeners over (tcp.HandOver), probes
	// reach both processes: the one that ends calls Exit twice, not to wait.
	DrainDelay time.Duration
	// Grace is how long work in progress may go on after Exit. 0 means 10 s;
	// negative: cancel at once.
	Grace time.Duration
	// Abandon is how long Run waits for what it has cancelled. 0 means 5 s;
	// negative: not at all.
	Abandon time.Duration
	// Signals are taken over while the loop runs: the first is an Exit(nil),
	// the second a Cancel(nil). If the second comes during DrainDelay it ends
	// that, and the third is a Cancel(nil).
	Signals []os.Signal
	// MaxInFlight bounds how many operations of Go and Spawn run at once.
	// Beyond it they queue, and do not block their caller. What an operation
	// that runs within the bound starts does not count, so that awaiting one's
	// own children cannot deadlock. Neither does what those children start,
	// even when they outlive the operation. 0 means no bound.
	MaxInFlight int

	// Observe is told of each operation and event. The zero Observer costs
	// nothing. One that is set has each operation described, which costs about
	// 1.5 us.
	Observe Observer
	// Sites has OpInfo.Site tell which call outside this module has started
	// each operation. For one that a goroutine of this module has started it is
	// the call that started what has started it, if that is known. It costs
	// about as much as the start of an operation itself.
	Sites bool
	// ProfileLabels has goroutines that run functions of operations, of timers
	// too, carry the labels "loop", "kind" and "op", the operation's name, in
	// profiles (see runtime/pprof), beside those of the ctx that the operation
	// is started with. What such a function starts with a go statement carries
	// them too. A Scope's function has those of its caller, and event handlers
	// and callbacks that a poller makes have none.
	ProfileLabels bool

	run  atomic.Pointer[running]
	ctl  control
	taps taps
}

// control is what has been asked of a loop.
type control struct {
	mu      sync.Mutex
	exit    chan struct{} // closed by the first Exit
	hurry   chan struct{} // closed when DrainDelay is not to be waited for
	cancel  chan struct{} // closed by the first Cancel
	leave   chan struct{} // closed when the loop leaves, or drains
	drain   chan struct{} // closed when the loop drains
	leaving bool          // DrainDelay has begun
	begun   bool          // Run was called
	over    bool          // Run has taken what it returns
	fatal   error         // the first fatal error
	cause   error         // of the first Cancel
	atExit  []func()
	signal  os.Signal // the first
	overdue []OpInfo
}

// init makes the channels. The lock is held.
func (c *control) init() {
	if c.exit == nil {
		for _, ch := range []*chan struct{}{&c.exit, &c.hurry, &c.cancel, &c.leave, &c.drain} {
			*ch = make(chan struct{})
		}
	}
}

// shut closes ch unless it is closed.
func shut(ch chan struct{}) {
	if !isShut(ch) {
		close(ch)
	}
}

// isShut reports whether ch is closed.
func isShut(ch chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

// Run runs main in a zero Loop. See Loop.Run.
func Run(ctx context.Context, main func(ctx context.Context) error) error {
	return new(Loop).Run(ctx, main)
}

// Exit ends the loop gracefully: it drains. Listeners stop accepting, idle
// connections, daemons and pending timers that nobody's work waits for end,
// work in progress goes on for at most Grace, then is cancelled. Run then
// returns err if it is the loop's first fatal error; nil is no error. Before
// Run it has the loop drain as soon as it runs.
//
// DrainDelay comes before that. An Exit with an error, or a second one, skips
// it.
func (l *Loop) Exit(err error) { l.exit(err, err != nil) }

// exit is Exit. If hurry is set the loop does not wait for DrainDelay.
func (l *Loop) exit(err error, hurry bool) {
	l.ctl.mu.Lock()
	defer l.ctl.mu.Unlock()
	l.ctl.init()
	if l.ctl.fatal == nil {
		l.ctl.fatal = err
	}
	if hurry || !l.ctl.begun || l.ctl.leaving || isShut(l.ctl.exit) {
		shut(l.ctl.hurry)
	}
	shut(l.ctl.exit)
}

// Cancel ends the loop at once: every operation is cancelled with the cause,
// ErrExit if it is nil. A cause that is not nil is a fatal error, which Run
// returns if it is the first.
func (l *Loop) Cancel(cause error) { l.cancel(cause, cause) }

// cancel is Cancel with a fatal error that is not the cause.
func (l *Loop) cancel(cause, fatal error) {
	l.ctl.mu.Lock()
	defer l.ctl.mu.Unlock()
	l.ctl.init()
	if l.ctl.fatal == nil {
		l.ctl.fatal = fatal
	}
	if l.ctl.cause == nil {
		l.ctl.cause = cause
	}
	shut(l.ctl.cancel)
}

// AtExit has fn called when all operations have ended or were abandoned, before
// Run returns. Functions are called one after the other, the last one
// registered first, and together have Abandon. Once Run returns, AtExit does
// nothing.
func (l *Loop) AtExit(fn func()) {
	l.ctl.mu.Lock()
	defer l.ctl.mu.Unlock()
	if !l.ctl.over {
		l.ctl.atExit = append(l.ctl.atExit, fn)
	}
}

// Signal returns the first signal of Signals that the loop has received, nil if
// it has received none: Run returns nil both after a signal and when the loop
// has become empty by itself.
func (l *Loop) Signal() os.Signal {
	l.ctl.mu.Lock()
	defer l.ctl.mu.Unlock()
	return l.ctl.signal
}

// Overdue describes operations that held the loop open when Grace had passed,
// and were cancelled for that: the first ten. It is empty before, if everything
// had ended in time, and with a negative Grace, which leaves no time. A program
// that wants to exit without an interruption of its work looks here for what it
// has forgotten to end, a connection that was not closed or a main that waits
// on its ctx; package aiotest fails the test.
func (l *Loop) Overdue() []OpInfo {
	l.ctl.mu.Lock()
	defer l.ctl.mu.Unlock()
	return slices.Clone(l.ctl.overdue)
}

// Draining returns a channel that is closed when the loop begins to drain or,
// without that, is cancelled.
func (l *Loop) Draining() <-chan struct{} {
	l.ctl.mu.Lock()
	defer l.ctl.mu.Unlock()
	l.ctl.init()
	return l.ctl.drain
}

// Draining returns the Draining channel of ctx's loop, nil without a loop: what
// to select on for leaving gracefully. A ctx itself ends only when its
// operation is cancelled, for main when Grace has passed. UntilDrain returns a
// ctx that ends at the drain.
func Draining(ctx context.Context) <-chan struct{} {
	if l := LoopOf(ctx); l != nil {
		return l.Draining()
	}
	return nil
}

// logger returns the loop's logger.
func (l *Loop) logger() *slog.Logger {
	log := l.Logger
	if log == nil {
		log = slog.Default()
	}
	if l.Name != "" {
		log = log.With("loop", l.Name)
	}
	return log
}

// defaults for durations: zero is the default, negative is none.
func orDefault(d, def time.Duration) time.Duration {
	switch {
	case d == 0:
		return def
	case d < 0:
		return 0
	}
	return d
}
