package aio

import (
	"context"
	"sync/atomic"
)

// parker is what a function waits on that waits with its own ctx. It is kept for
// the next time, so that waiting costs neither a channel nor a select. A token
// in ch says no more than that the waiter is to look again.
type parker struct {
	ch   chan struct{} // cap 1
	busy atomic.Bool   // somebody waits
	hook hook          // of the operation that is awaited
}

func (p *parker) resolved(int) { token(p.ch) }

// token has the waiter look again.
func token(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// unpark has the one look again who waits on the operation's parker, if there is
// one.
func (x *extra) unpark() {
	if p := x.parker.Load(); p != nil {
		token(p.ch)
	}
}

// takeParker returns the parker of ctx and the operation whose it is, nil if
// somebody else waits on it, or ctx is not an operation's own, or the operation
// may end with a foreign context or wants to know who waits. free gives it back.
func takeParker(ctx context.Context) (*Op, *parker) {
	c, ok := ctx.(*opCtx)
	if !ok || c.state.Load()&(opForeign|opFinishing|opUnwatched) != 0 {
		return nil, nil
	}
	o := (*Op)(c)
	p := o.makeParker()
	if !p.busy.CompareAndSwap(false, true) {
		return nil, nil
	}
	return o, p
}

// free lets somebody else have the parker.
func (p *parker) free() { p.busy.Store(false) }

// makeParker returns the operation's parker, made now if need be.
func (o *Op) makeParker() *parker {
	if x := o.x.Load(); x != nil {
		if p := x.parker.Load(); p != nil {
			return p
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	x := o.extra()
	p := x.parker.Load()
	if p == nil {
		p = &parker{ch: make(chan struct{}, 1)}
		p.hook.to = p
		x.parker.Store(p)
	}
	return p
}

// waits reports whether who waits with the operation's ctx may go on waiting.
func (o *Op) waits() bool { return o.state.Load()&(opCancelled|opFinishing) == 0 }

// park waits on ctx's parker until the operation is resolved. It reports false
// if it is not: there is no parker that is free, or ctx has ended.
func (o *Op) park(ctx context.Context) bool {
	c, p := takeParker(ctx)
	if p == nil {
		return false
	}
	defer p.free()
	if !o.hook(&p.hook) {
		return true
	}
	for !o.resolved() {
		if !c.waits() {
			o.unhook(&p.hook)
			return o.resolved()
		}
		<-p.ch
	}
	return true
}
