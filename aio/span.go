package aio

import (
	"context"
	"time"
)

// beginSpan asks Observer.Span about the operation, which is about to begin
// with ctx below from, the operation that ctx belongs to; nil for main. It
// returns the function to call at the end, which may be nil.
func (o *Op) beginSpan(ctx context.Context, from *Op) (end func(err error)) {
	span := o.run.loop.Observe.Span
	if span == nil {
		return nil
	}
	var parent context.Context
	if from != nil {
		parent = from.unfinished().Context()
	}
	var values context.Context
	o.run.contain("observer", func() { values, end = span(ctx, parent, Ref{o}) })
	if values != nil {
		o.base = withValues(o.base, values)
	}
	return end
}

// unfinished returns the operation or, if it has finished, its nearest
// unfinished ancestor.
func (o *Op) unfinished() *Op {
	for !o.isRoot() && !o.at().open() {
		o = o.parent.Load()
	}
	return o
}

// valuedCtx is the base of an operation with the values that Observer.Span has
// given it, and of those that are started with its ctx.
type valuedCtx struct {
	context.Context
	values context.Context
}

// withValues returns base with values in front. Those that base has from an
// operation around give way, or a chain of operations, each started by the one
// before, would be a chain of contexts.
func withValues(base, values context.Context) context.Context {
	return &valuedCtx{withoutValues(base), values}
}

// withoutValues undoes withValues.
func withoutValues(base context.Context) context.Context {
	if v, ok := base.(*valuedCtx); ok {
		return v.Context
	}
	return base
}

func (c *valuedCtx) Value(key any) any {
	switch key {
	case opKey, cancelKey, servedKey, handlerKey: // which are the tree's
	default:
		if v := c.values.Value(key); v != nil {
			return v
		}
	}
	return c.Context.Value(key)
}

// eventValues is the Context of an event: the values of the operation that it
// is about. It does not refer to the operation, or an event about a lost error
// would keep the future from being collected.
type eventValues struct{ base context.Context }

func (eventValues) Done() <-chan struct{}           { return nil }
func (eventValues) Err() error                      { return nil }
func (eventValues) Deadline() (t time.Time, _ bool) { return t, false }

func (c eventValues) Value(key any) any {
	switch key {
	case opKey, cancelKey:
		return nil
	}
	return c.base.Value(key)
}
