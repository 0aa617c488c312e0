package aio

import (
	"context"
	"fmt"
	"time"

	"goaio.example/aio/internal/alarm"
	"goaio.example/aio/internal/local"
)

// opCtx is an Op seen as the context.Context of what runs in it.
//
// Values come from base, the nearest context around the operation that is not
// itself an operation's. So a chain of operations, each started by the one
// before, does not refer to its finished links. Cancellation comes from the
// tree of operations and, if base has another Done channel, from base.
//
// A Done channel is made only when it is asked for, as a cancelCtx of package
// context, which the operation then stands for. So contexts derived from an
// operation's cost no goroutine, and context.Cause works on them. Once the
// operation and the last child it left have ended, that channel is closed, so
// that no goroutine waits on it forever. If an operation succeeds before its
// Done channel was made, its ctx answers as the context around it does.
type opCtx Op

var _ context.Context = (*opCtx)(nil)

// stdCtx is an operation's cancelCtx of package context.
type stdCtx struct {
	context.Context
	cancel context.CancelCauseFunc
}

// opKey is the context key of the *Op of an operation's context.
var opKey = new(byte)

// cancelKey is the key under which package context looks for its cancelCtx in a
// Context. With a package context that does not look for one, context.Cause of
// an operation's ctx is its Err, and deriving from it costs a goroutine.
var cancelKey = func() any {
	var p keyProbe
	context.Cause(&p)
	return p.key
}()

// keyProbe is a context that keeps the key it was asked for.
type keyProbe struct{ key any }

func (*keyProbe) Done() <-chan struct{}           { return nil }
func (*keyProbe) Err() error                      { return context.Canceled }
func (*keyProbe) Deadline() (t time.Time, _ bool) { return t, false }
func (p *keyProbe) Value(key any) any             { p.key = key; return nil }

// errEnded is the cause in a ctx whose operation has ended successfully, with
// all children that it left.
var errEnded = fmt.Errorf("aio: the operation of this context has ended: %w", context.Canceled)

// answers returns what answers for the cancellation of o's ctx: o itself or, if
// o has succeeded and its Done channel was not made, what is around it, a
// foreign context or an operation.
func (o *Op) answers() (*Op, context.Context) {
	for {
		s := o.at()
		if s.open() || s.has(opCancelled) || o.err != nil || o.madeStd() != nil {
			return o, nil
		}
		if o.is(isForeign) {
			return nil, o.base
		}
		o = o.parent.Load()
	}
}

func (c *opCtx) Done() <-chan struct{} {
	for {
		o, base := (*Op)(c).answers()
		if o == nil {
			return base.Done()
		}
		if s := o.std(); s != nil {
			return s.Done()
		}
	}
}

func (c *opCtx) Deadline() (time.Time, bool) { return c.base.Deadline() }

func (c *opCtx) String() string { return "aio(" + (*Op)(c).label() + ")" }

func (c *opCtx) Err() error {
	o, base := (*Op)(c).answers()
	if o == nil {
		return base.Err()
	}
	s := o.at()
	if s.has(opUnwatched) {
		o.tellWatched()
	}
	if std := o.madeStd(); std != nil {
		return std.Err()
	}
	if s.has(opCancelled) || o.failed() {
		return context.Canceled
	}
	if o.is(isForeign) {
		return o.base.Err()
	}
	return nil
}

func (c *opCtx) Value(key any) any {
	switch key {
	case opKey:
		return (*Op)(c)
	case cancelKey:
		return (*Op)(c).cancelCtx()
	case taskKey:
		if from := (*Op)(c).origin(); from != nil && from.task != nil {
			return from.task
		}
	case labelKey:
		if from := (*Op)(c).origin(); from != nil && from.labels != nil {
			return from.labels
		}
	case servedKey: // main's ctx does not inherit it from around the loop
		return false
	case alarm.Key:
		return &c.run.alarms
	case local.Key:
		return &c.run.locals
	}
	return c.base.Value(key)
}

// cancelCtx returns the cancelCtx of package context that o's ctx stands for,
// nil if there is none.
func (o *Op) cancelCtx() any {
	o, base := o.answers()
	if o == nil {
		return base.Value(cancelKey)
	}
	s := o.madeStd()
	if s == nil && (o.at().has(opCancelled) || o.failed()) {
		s = o.std()
	}
	switch {
	case s != nil:
		return s.Value(cancelKey)
	case o.is(isForeign):
		return o.base.Value(cancelKey)
	}
	return nil
}

// valuesOf is an operation's context with values only.
type valuesOf Op

func (c *valuesOf) Done() <-chan struct{}       { return nil }
func (c *valuesOf) Err() error                  { return nil }
func (c *valuesOf) Deadline() (time.Time, bool) { return c.base.Deadline() }
func (c *valuesOf) Value(key any) any           { return c.base.Value(key) }

// endless is context.WithoutCancel, whose Value allocates.
type endless struct{ values context.Context }

func (*endless) Done() <-chan struct{}           { return nil }
func (*endless) Err() error                      { return nil }
func (*endless) Deadline() (t time.Time, _ bool) { return t, false }

func (c *endless) Value(key any) any {
	if key == cancelKey {
		return nil
	}
	return c.values.Value(key)
}

// foreignWith returns the base of an operation that is started with ctx, the
// ctx of o or one that adds values to it. Its cancellation is that of o's
// foreign base, because the ctx of o may end before the operation does.
func (o *Op) foreignWith(ctx context.Context) context.Context {
	if _, own := ctx.(*opCtx); own {
		return o.base
	}
	around := withoutValues(o.base)        // which ctx has
	if b, ok := around.(*foreignCtx); ok { // or a chain of them would grow
		return &foreignCtx{b.Context, ctx}
	}
	return &foreignCtx{around, ctx}
}

// foreignCtx is a foreign context with other values.
type foreignCtx struct {
	context.Context
	values context.Context
}

func (c *foreignCtx) Deadline() (time.Time, bool) { return c.values.Deadline() }

func (c *foreignCtx) Value(key any) any {
	if key == cancelKey {
		return c.Context.Value(key)
	}
	return c.values.Value(key)
}

// madeStd returns the operation's cancelCtx, nil if there is none.
func (o *Op) madeStd() *stdCtx {
	if x := o.x.Load(); x != nil {
		return x.std.Load()
	}
	return nil
}

// std returns the operation's cancelCtx, and makes it if there is none. It
// returns nil if the operation has succeeded without one.
func (o *Op) std() *stdCtx {
	if s := o.madeStd(); s != nil {
		return s
	}
	s := o.makeStd()
	for dead := false; ; dead = true {
		o.mu.Lock()
		state := o.at()
		made, ends := o.madeStd(), state.has(opCancelled) || o.failed()
		switch {
		case made != nil || !state.open() && !ends:
			o.mu.Unlock()
			s.cancel(nil)
			return made
		case !ends || dead:
			o.extra().std.Store(s)
			o.mu.Unlock()
			if o.is(isForeign) {
				o.watch(s)
			}
			if state.has(opUnwatched) {
				o.tellWatched()
			}
			return s
		}
		cause := o.err
		if state.has(opCancelled) {
			cause = o.x.Load().cause
		}
		o.mu.Unlock()
		s.cancel(cause) // before it can be seen
	}
}

// makeStd makes a cancelCtx for the operation. It inherits Err and cause from
// base where base is foreign. The operation's lock is not held, because the
// methods of a foreign base may do anything. A base that is derived from
// another operation's ctx makes that operation's cancelCtx; if that has ended,
// o is cancelled: see watch.
func (o *Op) makeStd() *stdCtx {
	parent := context.Context((*valuesOf)(o))
	if o.is(isForeign) {
		parent = o.base
	}
	s := new(stdCtx)
	s.Context, s.cancel = context.WithCancelCause(parent)
	return s
}

// foreignStd makes a cancelCtx that fixes the result of Err, for an operation
// with a foreign base that is about to end or to be cancelled and has no
// cancelCtx. If the caller does not use it, it calls drop without a lock held.
func (o *Op) foreignStd() *stdCtx {
	if !o.is(isForeign) || o.madeStd() != nil {
		return nil
	}
	return o.makeStd()
}

// drop releases a cancelCtx that is not needed. It may be nil.
func (s *stdCtx) drop() {
	if s != nil {
		s.cancel(nil)
	}
}

// watch arranges to cancel the operation when its foreign base ends s, its
// cancelCtx.
func (o *Op) watch(s *stdCtx) {
	if s.Err() != nil {
		o.Cancel(context.Cause(s.Context))
		return
	}
	stop := context.AfterFunc(s.Context, func() { o.Cancel(context.Cause(s.Context)) })
	o.mu.Lock()
	if s := o.at(); s.open() && !s.has(opCancelled) {
		o.x.Load().unwatch, stop = stop, nil
	}
	o.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// unwatch undoes watch.
func (o *Op) unwatch() {
	o.mu.Lock()
	x := o.x.Load()
	stop := x.unwatch
	x.unwatch = nil
	o.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// watchAncestors watches the foreign bases around a lasting operation, whose
// end reaches it through its ancestors only. If an ancestor has no foreign
// base, neither have those around it.
func (o *Op) watchAncestors() {
	for p := o.parent.Load(); p != nil && p.is(isForeign); p = p.parent.Load() {
		p.std()
	}
}

// why returns the cause of the operation's cancellation, as context.Cause does,
// nil if it was not cancelled.
func (o *Op) why() error {
	s := o.at()
	if !s.has(opCancelled) && !o.is(isForeign) {
		return nil
	}
	if std := o.madeStd(); std != nil { // a foreign context may have been first
		if err := context.Cause(std.Context); err != nil && err != errEnded {
			return err
		}
	}
	if s.has(opCancelled) {
		o.mu.Lock()
		defer o.mu.Unlock()
		return o.x.Load().cause
	}
	return context.Cause(o.base)
}

// deadBy returns the cause or the error of an operation that was cancelled or
// has failed. It is nil if the ctx is alive, or has ended only because the
// operation has succeeded.
func (o *Op) deadBy() error {
	if err := o.why(); err != nil {
		return err
	}
	if o.failed() {
		return o.err
	}
	return nil
}
