package aio

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/pprof"
	"runtime/trace"
	"sync"
	"sync/atomic"
	"time"

	"goaio.example/aio/internal/alarm"
	"goaio.example/aio/internal/local"
)

// running is the state of a loop that runs or has run.
type running struct {
	loop   *Loop
	root   Op            // main, and the root of the tree
	shards [shards]shard // root's children; its own family is empty
	closed atomic.Bool   // takes no more operations; set with all shards locked
	wake   chan struct{} // cap 1: the supervisor must look

	epoch    time.Time
	ids      atomic.Uint64 // how many operations have an ID
	observed bool          // the beginning of each operation is
	keeps    bool          // see Loop.observes
	phase    atomic.Uint32
	// when the phase ends at the latest, since epoch; 0 if that is not known
	phaseEnd atomic.Int64
	drained  drainHooks
	log      *slog.Logger

	kinds     [maxKinds]atomic.Pointer[kindCount]
	futures   atomic.Int64 // promises in flight
	callbacks atomic.Int64

	slots  slots
	events eventQueue
	lost   lostList
	alarms alarm.Heap
	locals local.Store
	// *parker, of waits whose ctx has none that is free
	parkers sync.Pool

	crashed  atomic.Pointer[PanicError]
	abandon  time.Time // when Run gives up; set when it cancels
	ending   time.Time // when all operations had ended or were given up
	goexit   atomic.Bool
	mainDone atomic.Bool
	outer    *Op // this loop as an operation of the loop around it
}

// Run runs main in a new goroutine and returns when the loop is empty (main has
// returned, and no operation holds it open) or has exited. The ctx of main and
// of all operations has the values of ctx but not its cancellation: the end of
// ctx makes the loop drain, as Exit does.
//
// Run returns nil when the loop became empty, after Exit(nil), and when ctx was
// cancelled. It returns context.Cause(ctx) when the deadline of ctx passed.
// Otherwise it returns the first fatal error: main's, or one given to Exit or
// Cancel. A *StuckError, joined with the fatal error if there is one, says that
// operations were left running. Run panics with a *PanicError after a panic in
// an operation, unless CatchPanics is set. It calls runtime.Goexit if main did.
//
// A Loop runs once; a second Run returns ErrLoopDone. Run inside an operation
// of another loop makes this loop an operation of that one. It leaves and
// drains when the outer loop does, and is cancelled with that operation.
func (l *Loop) Run(ctx context.Context, main func(ctx context.Context) error) error {
	ctx = orBackground(ctx)
	r, err := l.begin(ctx)
	if err != nil {
		return err
	}
	sigs, stop := l.takeSignals()
	defer stop()
	// the functions of the inner loop may need slots
	if r.outer != nil && limiting.Load() {
		r.outer.set(opLimited)
		defer stepAside(ctx, r.outer)()
	}
	r.start(func() { r.runMain(main) })
	r.supervise(ctx, sigs)
	err = r.conclude()
	if r.outer != nil {
		r.outer.End(nil)
	}
	if p := r.crashed.Load(); p != nil {
		panic(p)
	}
	if r.goexit.Load() {
		runtime.Goexit()
	}
	return err
}

// begin makes the loop's running state.
func (l *Loop) begin(ctx context.Context) (*running, error) {
	if !l.claim() {
		return nil, fmt.Errorf("%w: a Loop runs once", ErrLoopDone)
	}
	r := &running{loop: l, epoch: time.Now(), wake: make(chan struct{}, 1)}
	r.log = l.logger()
	r.slots.free = l.MaxInFlight
	r.root.run, r.root.kind = r, kindMain
	r.root.setName("main")
	r.root.id.Store(r.ids.Add(1))
	r.keeps = l.observes()
	r.observed = r.keeps || l.Observe.Span != nil
	r.root.base = &endless{ctx}
	if o := opOf(ctx); o != nil {
		r.outer = &Op{driver: (*nested)(r)}
		// may cancel this loop at once
		if err := r.outer.start(ctx, kindLoop, l.Name, 0); err != nil {
			l.unclaim()
			return nil, err
		}
	}
	r.phase.Store(uint32(phaseRunning))
	if r.observed || trace.IsEnabled() {
		r.root.introduce(ctx, nil)
	}
	r.kindCount(kindMain).cell(&r.root).started.Add(1)
	l.run.Store(r)
	return r, nil
}

// claim records that Run was called. It reports false if that was recorded
// before.
func (l *Loop) claim() bool {
	l.ctl.mu.Lock()
	defer l.ctl.mu.Unlock()
	l.ctl.init()
	if l.ctl.begun {
		return false
	}
	l.ctl.begun = true
	return true
}

// unclaim undoes claim: the loop has not run.
func (l *Loop) unclaim() {
	l.ctl.mu.Lock()
	defer l.ctl.mu.Unlock()
	l.ctl.begun = false
}

// nested is a loop as an operation of the loop around it.
type nested running

var _ Drainer = (*nested)(nil)

func (n *nested) OpCancel(cause error) { n.loop.cancel(cause, nil) }

// the delay was the outer loop's
func (n *nested) OpDrain() { n.loop.exit(nil, true) }

// start starts a goroutine. All goroutines of this package start here. They do
// not inherit the profile labels of the goroutine that starts them.
func (r *running) start(body func()) {
	if !r.loop.ProfileLabels {
		go body()
		return
	}
	go func() {
		pprof.SetGoroutineLabels(context.Background())
		body()
	}()
}

// now returns the nanoseconds since the loop began.
func (r *running) now() int64 { return int64(time.Since(r.epoch)) }

// runMain runs main, whose error is fatal to the loop.
func (r *running) runMain(main func(ctx context.Context) error) {
	var err error
	ok := false
	defer func() {
		r.mainDone.Store(true)
		r.kindCount(kindMain).cell(&r.root).ended.Add(1)
		r.nudge()
	}()
	defer func() {
		if !ok {
			err = r.root.caught(recover())
			r.mainDied(err)
		}
		r.root.farewell(err)
		r.root.tookTime()
	}()
	if r.root.annotated() {
		defer r.root.annotate()()
	}
	err = callErr(r.root.mark(), r.root.Context(), main)
	ok = true
	if err != nil && !(r.drains() && r.root.cancelledOnly(err)) {
		r.loop.Exit(err)
	}
}

// mainDied ends the loop of a main that panicked or called runtime.Goexit.
func (r *running) mainDied(err error) {
	if err == ErrGoexit { // a panic with ErrGoexit is something else
		r.goexit.Store(true)
		err = nil
	}
	r.loop.exit(err, true)
}

// nudge makes the supervisor look again.
func (r *running) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// childLeft makes the supervisor look if nothing holds the loop open. hold is
// that of the shard that a child of root has left.
func (r *running) childLeft(hold int32) {
	if hold != 0 || !r.mainDone.Load() {
		return
	}
	for i := range r.shards {
		f := &r.shards[i].family
		f.mu.Lock()
		hold = f.hold
		f.mu.Unlock()
		if hold != 0 {
			return
		}
	}
	r.nudge()
}

// empty reports whether nothing holds the loop open.
func (r *running) empty() bool {
	none, _ := r.census(false)
	return none
}

// close closes the loop to new operations if none is left.
func (r *running) close() bool {
	_, done := r.census(true)
	return done
}

// census looks at all of root's children at once. It reports whether none of
// them holds the loop open, and whether there are no children at all. If there
// are none and final is set, it closes the loop.
func (r *running) census(final bool) (none, done bool) {
	if !r.mainDone.Load() {
		return false, false
	}
	none, done = true, true
	for i := range r.shards {
		f := &r.shards[i].family
		f.mu.Lock()
		defer f.mu.Unlock()
		none = none && f.hold == 0
		done = done && f.first == nil
	}
	if done && final {
		r.closed.Store(true)
	}
	return none, done
}
