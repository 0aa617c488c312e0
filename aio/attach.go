package aio

import "context"

// lineage returns what an operation that is started with ctx inherits: its
// parent (nil without a loop), the context that its values come from, and
// whether that context has a cancellation other than the parent's. A ctx with
// an operation's values but without a Done channel, as from
// context.WithoutCancel, makes a child of the loop itself.
func lineage(ctx context.Context) (parent *Op, base context.Context, foreign bool) {
	switch c := ctx.(type) {
	case *opCtx:
		return (*Op)(c), c.base, false
	case within:
		parent, _, foreign = lineage(c.Within())
		return parent, ctx, foreign
	}
	parent = opOf(ctx)
	if parent == nil {
		return nil, nil, false
	}
	done := ctx.Done()
	if done == nil {
		return &parent.run.root, ctx, false
	}
	return parent, ctx, done != parent.Context().Done()
}

// within is a ctx that adds values, and nothing else, to the one that Within
// returns. So the start of an operation need not compare Done channels to find
// that out.
type within interface{ Within() context.Context }

// Detach returns a ctx with ctx's values whose operations are children of the
// loop itself: they neither end with the operation that ctx belongs to nor
// delay its end. The ctx ends when the loop is cancelled; without a loop it
// does not end. Events about its operations are Served if ctx's operation
// serves a peer.
func Detach(ctx context.Context) context.Context {
	if o := opOf(ctx); o != nil {
		return &detachedCtx{&endless{ctx}, &o.run.root, servedBy(ctx)}
	}
	return context.WithoutCancel(orBackground(ctx))
}

// detachedCtx is a context with the loop's cancellation and other values.
type detachedCtx struct {
	context.Context
	root   *Op
	served bool
}

func (c *detachedCtx) Done() <-chan struct{} { return c.root.Context().Done() }
func (c *detachedCtx) Err() error            { return c.root.Context().Err() }

func (c *detachedCtx) Value(key any) any {
	switch key {
	case opKey, cancelKey:
		return c.root.Context().Value(key)
	case servedKey:
		return c.served
	}
	return c.Context.Value(key)
}

// WithLoop returns a ctx that lends the loop to a foreign ctx, such as an
// http.Request's. Operations that are started with it are children of the loop
// and have the values and the cancellation of ctx. Until the loop runs they
// fail with ErrNoLoop. LoopOf returns the loop of such a ctx.
func WithLoop(ctx context.Context, l *Loop) context.Context {
	return &loopCtx{orBackground(ctx), l, servedBy(ctx)}
}

// loopCtx is a foreign context whose operations are children of the loop.
type loopCtx struct {
	context.Context
	loop   *Loop
	served bool
}

func (c *loopCtx) Value(key any) any {
	switch key {
	case opKey:
		if r := c.loop.run.Load(); r != nil {
			return &r.root
		}
		return nil
	case servedKey:
		return c.served
	}
	return c.Context.Value(key)
}

// servedKey is the context key under which a ctx of Detach or WithLoop keeps
// whether it comes from an operation that serves a peer.
var servedKey = new(byte)

// servedBy reports whether ctx comes from an operation that serves a peer.
func servedBy(ctx context.Context) bool {
	if ctx == nil {
		return false
	}
	o := opOf(ctx)
	if o != nil && !o.isRoot() {
		return o.is(isServed)
	}
	served, _ := ctx.Value(servedKey).(bool)
	return served
}

// orBackground returns ctx, or context.Background() for a nil one.
func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

// LoopOf returns the loop that operations started with ctx belong to, nil if
// there is none.
func LoopOf(ctx context.Context) *Loop {
	if o := opOf(ctx); o != nil {
		return o.run.loop
	}
	return nil
}

// opOf returns the operation that ctx belongs to, nil if there is none. ctx may
// be nil.
func opOf(ctx context.Context) *Op {
	if ctx == nil {
		return nil
	}
	o, _ := ctx.Value(opKey).(*Op)
	return o
}
