package aio

import (
	"context"
	"runtime/trace"
	"sync/atomic"
	"time"
	"unsafe"

	"goaio.example/aio/internal/alarm"
)

// Op is one operation of a loop. It is the whole record: registry node, link in
// the tree of operations, and the context.Context that everything started by
// the operation inherits from.
//
// Programs meet operations as futures; drivers (packages that add operations of
// their own, as timer and tcp do) get an *Op from Begin, or embed an Op and
// call Start. All methods may be called from any goroutine.
type Op struct {
	run      *running
	parent   atomic.Pointer[Op] // nil for a loop's root; changes when a finished parent hands its children up
	prev     *Op                // siblings, guarded by the parent's family lock
	next     *Op
	family                 // children, and the lock for the fields below
	kind     Kind          // immutable
	shard    uint8         // immutable: which of the loop's shards counts and links this operation
	traits   traits        // immutable once started
	nameLen  uint32        // immutable, see name
	nameText *byte         // immutable
	began    int64         // immutable: nanoseconds since the loop began
	id       atomic.Uint64 // 0 until somebody asks, see ID
	base     context.Context
	driver   Driver
	err      error // the result, once failed
	hooks    *hook // told when the operation is resolved
	x        atomic.Pointer[extra]
}

// extra holds what most operations never need. The operation's lock guards its
// fields, except own and those that are atomic.
type extra struct {
	std      atomic.Pointer[stdCtx]
	parker   atomic.Pointer[parker]  // of who awaits with the operation's ctx
	by       atomic.Pointer[starter] // once that is not the parent any more
	origin   *origin                 // immutable
	cause    error
	unwatch  func() bool
	onCancel []func(error)
	taken    []func() bool
	lost     *lostError
	panicked *PanicError // of its function or a callback; told of already
	own      *scope      // the Scope that this operation is
	turn     *turn       // immutable once set, before the operation's function runs

	dependents *dependents // told when the operation comes to need slots of a Limit
}

// Begin starts an operation that has no goroutine of its own, for drivers: it
// is in the tree, the stats and the listings of ctx's loop until End is called,
// and holds the loop open. kind classes it in the stats. The error is ErrNoLoop
// or ErrLoopDone. A dead ctx is no error here: see Op.Context and Op.OnCancel.
func Begin(ctx context.Context, kind Kind, name string) (*Op, error) {
	o := new(Op)
	if err := o.Start(ctx, kind, name, nil); err != nil {
		return nil, err
	}
	return o, nil
}

// Start is Begin for an Op that is a field of the driver's own record, which
// saves an allocation; the zero Op is ready for it, once. d may be nil. d is
// called from the first moment on: OpCancel may come before Start returns.
//
// A driver's own ctx that adds values to another, and nothing else, may say so
// by a method Within() context.Context, which returns that one. It saves the
// Done channel that the two would have to be compared by.
func (o *Op) Start(ctx context.Context, kind Kind, name string, d Driver) error {
	o.driver = d
	if err := o.start(ctx, kind, name, 0); err != nil {
		return err
	}
	if d != nil && o.is(isForeign) {
		o.std() // watches the foreign ctx
	}
	return nil
}

// start enters the operation into the loop of ctx, under the operation that ctx
// belongs to.
func (o *Op) start(ctx context.Context, kind Kind, name string, t traits) error {
	p, base, foreign := lineage(ctx)
	if p == nil {
		return ErrNoLoop
	}
	r := p.run
	t |= o.traits | p.traits&inherited
	if p.isRoot() && servedBy(ctx) {
		t |= isServed
	}
	switch {
	case foreign:
		t |= isForeign
	case t&isForeign != 0:
		base = p.foreignWith(ctx)
	}
	if t&(isLasting|isForeign) == isLasting|isForeign {
		base = context.WithoutCancel(base)
		t &^= isForeign
	}
	o.run, o.base, o.kind, o.traits = r, base, kind, t
	o.setName(name)
	o.began = r.now()
	o.shard = uint8(uintptr(unsafe.Pointer(o)) >> 8 % shards)
	cell := r.kindCount(kind).cell(o)
	cell.started.Add(1)
	if t&isCounted != 0 {
		r.futures.Add(1)
	}
	if r.observed || trace.IsEnabled() {
		o.introduce(ctx, p)
	}
	if !p.adopt(o) {
		o.farewell(ErrLoopDone)
		cell.started.Add(-1)
		if t&isCounted != 0 {
			r.futures.Add(-1)
		}
		o.run = nil
		o.parent.Store(nil)
		o.x.Store(nil)
		return ErrLoopDone
	}
	if r.loop.MaxInFlight > 0 && o.parent.Load().within() {
		o.set(opWithin)
	}
	if p.at().has(opUnwatched) {
		p.tellWatched()
	}
	if t&isLasting != 0 {
		o.watchAncestors()
	}
	if r.lost.anyGone.Load() {
		r.sweepLost()
	}
	return nil
}

// Context returns the operation's context: what is started with it is the
// operation's child, and is cancelled with it. It stays valid after End; what
// is started with it then goes under the nearest unfinished ancestor.
func (o *Op) Context() context.Context { return (*opCtx)(o) }

// OnCancel has fn called once, with the cause, when the operation is cancelled;
// at once if it is cancelled already. After End it is not called any more, but
// a call may be under way then. fn must not block.
func (o *Op) OnCancel(fn func(cause error)) {
	o.mu.Lock()
	s := o.at()
	if !s.has(opCancelled) && s.open() {
		x := o.extra()
		x.onCancel = append(x.onCancel, fn)
		o.mu.Unlock()
		if o.is(isForeign) {
			o.std() // watches the foreign ctx
		}
		return
	}
	o.mu.Unlock()
	if s.open() {
		o.guard(func() { fn(o.why()) })
	}
}

// End ends the operation with its result. The first call counts: it reports
// true, later ones false. An error that is no mere cancellation goes to the
// event handler, or to the Scope around the operation.
func (o *Op) End(err error) bool {
	if !o.claim(err, 0) {
		return false
	}
	o.publish()
	return true
}

// Age returns how long ago the operation began. It must have been started.
func (o *Op) Age() time.Duration { return time.Duration(o.run.now() - o.began) }

// Ended reports whether the operation has ended or is just ending.
func (o *Op) Ended() bool { return !o.at().open() }

// Cancel asks the operation and all below it to end. A nil cause stands for
// context.Canceled. After End it does nothing.
func (o *Op) Cancel(cause error) {
	if !o.Ended() {
		o.cancel(cause)
	}
}

// Idle reports whether the operation has no unfinished child, or only daemons,
// which nobody waits for.
func (o *Op) Idle() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.hold == 0
}

// TopLevel reports whether nothing but main and daemons is among the
// operation's unfinished ancestors: nobody's work in progress needs it when the
// loop drains.
func (o *Op) TopLevel() bool {
	for p := o.parent.Load(); p != nil; p = p.parent.Load() {
		if !p.isRoot() && !p.is(isDaemon) && p.at().open() {
			return false
		}
	}
	return true
}

// Draining reports whether the loop drains, or is past that. The Drainer of an
// operation that begins then is not told.
func (o *Op) Draining() bool { return o.run.drains() }

// LoopCause returns the cause with which the loop was cancelled, nil if it was
// not. What goes wrong from then on may be due to that: the other end of a
// connection within the loop, say, was cancelled first.
func (o *Op) LoopCause() error {
	if !o.run.root.at().has(opCancelled) {
		return nil
	}
	return context.Cause(o.run.root.Context())
}

// SetRunning marks the operation as one whose function runs, so that
// Promise.RejectIdle leaves it alone. It reports true once; false if the
// operation is running already, or has ended.
func (o *Op) SetRunning() bool { return o.setOnce(opRunning) }

// Report sends err to the event handler of the operation's scope, as an event
// about this operation.
func (o *Op) Report(err error) { o.run.emit(o, err, false) }

// Loop returns the operation's loop.
func (o *Op) Loop() *Loop { return o.run.loop }

// Go runs fn in a goroutine for the operation, which must not End before fn is
// about to return: the loop's end waits for operations, not for goroutines.
// When fn panics or calls runtime.Goexit, gone is called instead with the
// *PanicError or ErrGoexit; it should End the operation.
func (o *Op) Go(fn func(), gone func(error)) {
	o.run.start(func() {
		if o.annotated() {
			defer o.annotate()()
		}
		if err := o.Call(fn, gone); err != nil {
			gone(err)
		}
	})
}

// Call runs a callback of the operation in the caller's goroutine. A panic in
// it comes back as a *PanicError, which the event handler or, without
// Loop.CatchPanics, the loop has been told of. When fn calls runtime.Goexit,
// Call does not return: gone is called with ErrGoexit, and the goroutine ends.
func (o *Op) Call(fn func(), gone func(error)) (err error) {
	ok := false
	defer func() {
		if ok {
			return
		}
		err = o.caught(recover())
		if err == ErrGoexit {
			gone(err)
		}
	}()
	marked(o.mark(), fn)
	ok = true
	return nil
}

// CountBytes adds to the loop's totals of bytes read and written.
func (o *Op) CountBytes(in, out int) {
	if in != 0 {
		o.run.kindCount(o.kind).cell(o).in.Add(int64(in))
	}
	if out != 0 {
		o.run.kindCount(o.kind).cell(o).out.Add(int64(out))
	}
}

// extra returns the operation's extra record, made now if need be. The
// operation's lock is held.
func (o *Op) extra() *extra {
	x := o.x.Load()
	if x == nil {
		x = new(extra)
		o.x.Store(x)
	}
	return x
}

// Alarms returns the loop's heap of timers, for goaio's own drivers: a pending
// alarm costs a few words.
func (o *Op) Alarms() *alarm.Heap { return &o.run.alarms }

// Drain has everything below the operation drain, as the loop does: Drainers
// are told.
func (o *Op) Drain() {
	o.walk(func(k *Op) bool {
		if d, ok := k.driver.(Drainer); ok {
			d.OpDrain()
		}
		return true
	})
}
