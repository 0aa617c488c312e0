package aio

import (
	"context"
	"time"
)

// opCtx is an Op seen as the context.Context of what runs in it.
//
// Values come from base, the nearest context around the operation that is not itself an operation: a chain of
// operations, each started by the one before, holds on to none of its finished links. Cancellation comes from the
// tree of operations and, if base has a Done of its own, from there.
//
// A Done channel is made only when somebody asks for it, as a cancelCtx of package context, which the operation
// then answers for. So contexts derived from an operation cost no goroutine, and context.Cause works on them.
type opCtx Op

var _ context.Context = (*opCtx)(nil)

// stdCtx is an operation's cancelCtx of package context.
type stdCtx struct {
	context.Context
	cancel context.CancelCauseFunc
}

// opKey is the context key under which an operation's context has the *Op.
var opKey = new(byte)

func (c *opCtx) Done() <-chan struct{} { return (*Op)(c).std().Done() }

func (c *opCtx) Deadline() (time.Time, bool) { return c.base.Deadline() }

func (c *opCtx) String() string { return "aio(" + (*Op)(c).label() + ")" }

func (c *opCtx) Err() error {
	o := (*Op)(c)
	if x := o.x.Load(); x != nil {
		if s := x.std.Load(); s != nil {
			return s.Err()
		}
	}
	s := o.state.Load()
	if s&opForeign != 0 {
		if err := o.base.Err(); err != nil {
			return err
		}
	}
	switch {
	case s&opCancelled != 0, s&opResolved != 0 && o.err != nil:
		return context.Canceled
	case s&opResolved != 0 && s&opRoot == 0:
		return o.parent.Load().Context().Err()
	}
	return nil
}

func (c *opCtx) Value(key any) any {
	if key == opKey {
		return (*Op)(c)
	}
	o := (*Op)(c)
	if x := o.x.Load(); x != nil {
		if s := x.std.Load(); s != nil {
			return s.Value(key)
		}
	}
	if o.state.Load()&(opCancelled|opResolved) != 0 {
		return o.std().Value(key) // so that context.Cause finds the cause
	}
	return o.base.Value(key)
}

// valuesOf is an operation's context with values only.
type valuesOf Op

func (c *valuesOf) Done() <-chan struct{}       { return nil }
func (c *valuesOf) Err() error                  { return nil }
func (c *valuesOf) Deadline() (time.Time, bool) { return c.base.Deadline() }
func (c *valuesOf) Value(key any) any           { return c.base.Value(key) }

// std returns the operation's cancelCtx, made now if need be.
func (o *Op) std() *stdCtx {
	if x := o.x.Load(); x != nil {
		if s := x.std.Load(); s != nil {
			return s
		}
	}
	o.mu.Lock()
	x := o.extra()
	s := x.std.Load()
	if s != nil {
		o.mu.Unlock()
		return s
	}
	s = o.newStd()
	x.std.Store(s)
	state, cause, err := o.state.Load(), x.cause, o.err
	o.mu.Unlock()

	switch {
	case state&opCancelled != 0:
		s.cancel(cause)
	case state&opResolved != 0 && err != nil:
		s.cancel(err)
	case state&opResolved != 0 && state&(opGhost|opRoot) == 0:
		up := o.parent.Load().Context()
		context.AfterFunc(up, func() { s.cancel(context.Cause(up)) })
	case state&opForeign != 0:
		o.watch()
	}
	return s
}

// newStd makes the cancelCtx. It inherits from base where that has a Done of its own, for its Err and its cause.
func (o *Op) newStd() *stdCtx {
	parent := context.Context((*valuesOf)(o))
	if o.state.Load()&opForeign != 0 {
		parent = o.base
	}
	s := new(stdCtx)
	s.Context, s.cancel = context.WithCancelCause(parent)
	return s
}

// watch cancels the operation when its base ends.
func (o *Op) watch() {
	stop := context.AfterFunc(o.base, func() { o.cancel(context.Cause(o.base)) })
	o.mu.Lock()
	if o.state.Load()&opFinishing == 0 {
		o.x.Load().unwatch, stop = stop, nil
	}
	o.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// lineage tells what ctx makes of an operation started with it: its parent (nil without a loop), the context that
// its values come from, and whether that context has a cancellation of its own besides the parent's.
func lineage(ctx context.Context) (parent *Op, base context.Context, foreign bool) {
	switch c := ctx.(type) {
	case nil:
		return nil, nil, false
	case *opCtx:
		return (*Op)(c), c.base, false
	case *eventCtx:
		parent, _, foreign = lineage(c.Context)
		return parent, ctx, foreign
	}
	parent, _ = ctx.Value(opKey).(*Op)
	if parent == nil {
		return nil, nil, false
	}
	done := ctx.Done()
	return parent, ctx, done != nil && done != parent.Context().Done()
}

// Detach returns a ctx with ctx's values but without its cancellation, whose operations are children of the loop
// itself: they outlive, and do not delay, the operation that ctx belongs to.
func Detach(ctx context.Context) context.Context {
	o, _ := ctx.Value(opKey).(*Op)
	if o == nil {
		return context.WithoutCancel(ctx)
	}
	return rootCtx{context.WithoutCancel(ctx), o.run.loop}
}

// Attach lends the loop to a foreign ctx, such as an http.Request's: operations started with the ctx it returns are
// children of the loop, with the values and the cancellation of ctx. Until the loop runs they fail with ErrNoLoop.
func (l *Loop) Attach(ctx context.Context) context.Context { return rootCtx{ctx, l} }

// rootCtx is a context whose operations are children of the loop itself.
type rootCtx struct {
	context.Context
	loop *Loop
}

func (c rootCtx) Value(key any) any {
	if key == opKey {
		if r := c.loop.run.Load(); r != nil {
			return &r.root
		}
		return nil
	}
	return c.Context.Value(key)
}

// LoopOf returns the loop that ctx's operations belong to, nil without one.
func LoopOf(ctx context.Context) *Loop {
	if o := opOf(ctx); o != nil {
		return o.run.loop
	}
	return nil
}

// opOf returns the operation that ctx belongs to, nil without one. ctx may be nil.
func opOf(ctx context.Context) *Op {
	if ctx == nil {
		return nil
	}
	o, _ := ctx.Value(opKey).(*Op)
	return o
}
