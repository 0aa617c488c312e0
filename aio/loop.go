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

// Loop supervises operations: it knows every operation in flight, reports
// errors that were not returned to a caller, and ends all operations
// gracefully. The zero Loop is ready to Run, once. Set the fields before Run.
// The methods may be called from any goroutine, before, during and after Run.
type Loop struct {
	// Name is the loop's name in events, listings and logs. It may be empty.
	Name string
	// Logger receives the loop's log records. nil means slog.Default().
	Logger *slog.Logger
	// OnEvent is called with every event that has no nearer handler (see the
	// function OnEvent). Calls are serialised. nil means DefaultOnEvent.
	OnEvent func(Event)
	// OnFatal is called once with the error that Run is about to return, if
	// that is not nil. Run waits for it, within Abandon.
	OnFatal func(error)
	// CatchPanics turns a panic in an operation, callback or handler into a
	// *PanicError: the operation's error and an event. Without it a panic is
	// logged, the loop is cancelled, and Run panics with the *PanicError.
	CatchPanics bool
	// DrainDelay is how long the loop goes on, when it is asked to end, before
	// it drains: it is leaving. Listeners accept and requests are served, but
	// readiness fails (httpx.Server.ReadyPath answers 503, and the channel of
	// Leaving is closed), so that a load balancer sends requests elsewhere
	// before connections are refused. DrainDelay should be longer than the
	// balancer needs to notice: the period of its probes times the number of
	// failures that it waits for. It comes before Grace and is not part of it.
	// 0 or negative means no delay.
	//
	// The delay applies to what is not an error of Run: a signal, Exit(nil),
	// the cancellation of Run's ctx. An error drains at once: one given to Exit
	// (as DefaultOnEvent does), one of main's, the deadline of Run's ctx. So do
	// an Exit before Run and runtime.Goexit in main.
	//
	// A second signal skips the rest of the delay, as do an Exit while the loop
	// is leaving and the deadline of Run's ctx. A first signal does not skip it
	// if something else came first, which may have announced the signal. Cancel
	// cancels at once. A loop that becomes empty ends; servers and listeners
	// hold it open.
	//
	// Where a successor has taken the listeners over (tcp.HandOver), probes
	// reach both processes. The process that ends calls Exit twice, to skip the
	// delay.
	DrainDelay time.Duration
	// Grace is how long work in progress may go on after Exit. 0 means 10 s.
	// Negative means to cancel at once.
	Grace time.Duration
	// Abandon is how long Run waits for operations that it has cancelled. 0
	// means 5 s. Negative means not to wait.
	Abandon time.Duration
	// Signals are those that the loop handles while it runs: the first is an
	// Exit(nil), the second a Cancel(nil). If the second comes during
	// DrainDelay, it ends the delay, and the third is a Cancel(nil).
	Signals []os.Signal
	// MaxInFlight bounds how many operations of Go and Spawn run at once.
	// Beyond it they queue, and do not block their caller. Operations that are
	// started, directly or indirectly, by one that runs within the bound do not
	// count, even when they outlive it, so that awaiting one's own children
	// cannot deadlock. 0 or negative means no bound.
	MaxInFlight int

	// Observe is called for each operation and event. The zero Observer costs
	// nothing. Observer says what its functions cost.
	Observe Observer
	// Sites sets OpInfo.Site to the call outside this module that started each
	// operation. For an operation that a goroutine of this module started, Site
	// is the call that started its starter, if that is known. It costs about as
	// much as the start of an operation itself.
	Sites bool
	// ProfileLabels labels goroutines that run functions of operations, timers
	// included, in profiles (see runtime/pprof) with "loop", "kind" and "op",
	// the operation's name. They also have the labels of the ctx that the
	// operation is started with. Goroutines that such a function starts with a
	// go statement inherit the labels. A Scope's function has the labels of its
	// caller. Event handlers, and callbacks that a poller makes, have none.
	ProfileLabels bool

	run  atomic.Pointer[running]
	ctl  control
	taps taps
}

// control is what has been asked of a loop.
type control struct {
	mu      sync.Mutex
	exit    chan struct{} // closed by the first Exit
	hurry   chan struct{} // closed when the loop does not wait for DrainDelay
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

// Exit ends the loop gracefully: it drains. Listeners stop accepting, and idle
// connections end, as do daemons and pending timers that no work in progress
// started. Work in progress goes on for at most Grace, then it is cancelled.
// Run then returns err if it is the loop's first fatal error and not nil. After
// an Exit before Run the loop drains as soon as it runs.
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

// Cancel ends the loop at once: every operation is cancelled with the cause, or
// with ErrExit if it is nil. A cause that is not nil is a fatal error, which
// Run returns if it is the first.
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

// AtExit registers fn to be called when all operations have ended or were
// abandoned, before Run returns. Functions are called one after the other, the
// last one registered first, and have Abandon together. Once Run returns,
// AtExit does nothing.
func (l *Loop) AtExit(fn func()) {
	l.ctl.mu.Lock()
	defer l.ctl.mu.Unlock()
	if !l.ctl.over {
		l.ctl.atExit = append(l.ctl.atExit, fn)
	}
}

// Signal returns the first signal of Signals that the loop has received, nil if
// it has received none. It tells the two apart when Run returns nil: a signal
// came, or the loop became empty.
func (l *Loop) Signal() os.Signal {
	l.ctl.mu.Lock()
	defer l.ctl.mu.Unlock()
	return l.ctl.signal
}

// Overdue describes operations, at most ten, that held the loop open when Grace
// had passed, and were cancelled for that. It is empty before, if everything
// ended in time, and with a negative Grace. An operation in it was probably
// forgotten: a connection that was not closed, or a main that waits on its ctx.
// Package aiotest fails a test for which it is not empty.
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

// Draining returns the Draining channel of ctx's loop, nil without a loop.
// Functions that should end gracefully select on it: a ctx itself ends only
// when its operation is cancelled, main's when Grace has passed. UntilDrain
// returns a ctx that ends at the drain.
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

// orDefault returns d, def if d is zero, and zero if d is negative.
func orDefault(d, def time.Duration) time.Duration {
	switch {
	case d == 0:
		return def
	case d < 0:
		return 0
	}
	return d
}
