package aio

import (
	"context"
	"runtime/trace"
	"sync/atomic"
	"time"
	"unsafe"
)

// Op is one operation of a loop. It is all that the loop keeps of the
// operation: a node of the tree of operations and the context.Context of what
// the operation starts.
//
// Programs use futures instead. Drivers, packages that add operations, get an
// *Op from Begin, or have an Op as a field and call Start. All methods may be
// called from any goroutine.
type Op struct {
	run *running
	// nil for a loop's root; changes when a finished parent hands its children
	// up
	parent atomic.Pointer[Op]
	prev   *Op // siblings, guarded by the parent's family lock
	next   *Op
	family      // children, and the lock for the fields below
	kind   Kind // immutable
	// immutable: which of the loop's shards counts and links this operation
	shard    uint8
	traits   traits        // immutable once started
	nameLen  uint32        // immutable, see name
	nameText *byte         // immutable
	began    int64         // immutable: nanoseconds since the loop began
	id       atomic.Uint64 // 0 until it is asked for, see ID
	base     context.Context
	driver   Driver
	err      error // the result, once failed
	hooks    *hook // called when the operation is resolved
	x        atomic.Pointer[extra]
}

// extra holds what most operations do not need. The operation's lock guards its
// fields, except own and those that are atomic.
type extra struct {
	std      atomic.Pointer[stdCtx]
	parker   atomic.Pointer[parker]  // of a wait with the operation's ctx
	by       atomic.Pointer[starter] // once its parent is another operation
	origin   *origin                 // immutable
	cause    error
	unwatch  func() bool
	onCancel []func(error)
	taken    []func() bool
	lost     *lostError
	panicked *PanicError // of its function or a callback; reported already
	own      *scope      // the Scope that this operation is
	// immutable once set, before the operation's function runs
	turn *turn

	// called when the operation comes to need slots of a Limit
	dependents *dependents
}

// Begin starts an operation without a goroutine, for drivers. The operation is
// in the tree, the figures and the listings of ctx's loop until Op.End is
// called, and holds the loop open. kind and name say what it is. The error is
// ErrNoLoop or ErrLoopDone. A ctx that has ended is not an error: see
// Op.Context and Op.OnCancel.
func Begin(ctx context.Context, kind Kind, name string) (*Op, error) {
	o := new(Op)
	if err := o.Start(ctx, kind, name, nil); err != nil {
		return nil, err
	}
	return o, nil
}

// Start is Begin for an Op that is a field of the driver's record, which saves
// an allocation. The zero Op is ready for it, once. d may be nil. OpCancel may
// be called before Start returns.
//
// A driver's ctx type that only adds values to another ctx may have a method
// Within() context.Context that returns that ctx. It saves the Done channel
// that is made to compare the two otherwise.
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

// Context returns the operation's context. Operations that are started with it
// are the operation's children, and are cancelled with it. After End they begin
// under the nearest unfinished ancestor.
func (o *Op) Context() context.Context { return (*opCtx)(o) }

// OnCancel arranges to call fn once, with the cause, when the operation is
// cancelled. If it is cancelled already, OnCancel calls fn. fn is not called
// after End, but a call may be in progress when End is called. fn must not
// block.
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

// End ends the operation with its result. The first call counts and reports
// true; later ones report false. An error that says more than that the
// operation was cancelled goes to the Scope around the operation, else to the
// event handler.
func (o *Op) End(err error) bool {
	if !o.claim(err, 0) {
		return false
	}
	o.publish()
	return true
}

// Age returns how long ago the operation began. It must have been started.
func (o *Op) Age() time.Duration { return time.Duration(o.run.now() - o.began) }

// Ended reports whether the operation has ended or is ending.
func (o *Op) Ended() bool { return !o.at().open() }

// Cancel cancels the operation and all below it. A nil cause stands for
// context.Canceled. After End it does nothing.
func (o *Op) Cancel(cause error) {
	if !o.Ended() {
		o.cancel(cause)
	}
}

// Idle reports whether the operation has no unfinished child except daemons.
func (o *Op) Idle() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.hold == 0
}

// TopLevel reports whether all unfinished ancestors of the operation are main
// or daemons. When the loop drains, no work in progress needs such an
// operation.
func (o *Op) TopLevel() bool {
	for p := o.parent.Load(); p != nil; p = p.parent.Load() {
		if !p.isRoot() && !p.is(isDaemon) && p.at().open() {
			return false
		}
	}
	return true
}

// Draining reports whether the loop drains, or has drained. OpDrain is not
// called for an operation that begins then.
func (o *Op) Draining() bool { return o.run.drains() }

// LoopCause returns the cause with which the loop was cancelled, nil if it was
// not. Errors that come after that may be due to it: the other end of a
// connection within the loop, for example, was cancelled first.
func (o *Op) LoopCause() error {
	if !o.run.root.at().has(opCancelled) {
		return nil
	}
	return context.Cause(o.run.root.Context())
}

// SetRunning marks the operation as one whose function runs, so that
// Promise.RejectIdle does nothing. It reports true once, and false if the
// operation is running already or has ended.
func (o *Op) SetRunning() bool { return o.setOnce(opRunning) }

// Report sends err to the operation's event handler, as an event about the
// operation.
func (o *Op) Report(err error) { o.run.emit(o, err, false) }

// Loop returns the operation's loop.
func (o *Op) Loop() *Loop { return o.run.loop }

// Go runs fn in a goroutine for the operation. The operation must not end
// before fn is about to return, because the loop waits for operations, not for
// goroutines. When fn panics or calls runtime.Goexit, gone is called with the
// *PanicError or ErrGoexit, and should end the operation.
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

// Call runs a callback of the operation in the caller's goroutine. If fn
// panics, Call returns a *PanicError, which it has reported: as an event or,
// without Loop.CatchPanics, by cancelling the loop. When fn calls
// runtime.Goexit, Call does not return: gone is called with ErrGoexit, and the
// goroutine ends.
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

// extra returns the operation's extra record, and makes it if there is none.
// The operation's lock is held.
func (o *Op) extra() *extra {
	x := o.x.Load()
	if x == nil {
		x = new(extra)
		o.x.Store(x)
	}
	return x
}

// Drain calls OpDrain of all Drainers below the operation, as the loop does
// when it drains.
func (o *Op) Drain() {
	o.walk(func(k *Op) bool {
		if d, ok := k.driver.(Drainer); ok {
			d.OpDrain()
		}
		return true
	})
}
