package aio

import (
	"context"
	"sync/atomic"
	"time"
)

// A parker is what a function waits on when it awaits with its own ctx. The
// operation keeps it, so that waiting needs neither a new channel nor a select.
// A token in ch only makes the waiter look again.
type parker struct {
	ch chan struct{} // cap 1
	// what a goroutine waits for; nil if no goroutine waits
	on atomic.Pointer[Op]
	// since when, as uptime; 0 if no goroutine waits
	since atomic.Int64
	joint atomic.Pointer[joint] // the others that it waits for
	hook  hook                  // in the list of the operation that is awaited
}

func (p *parker) resolved(int) { token(p.ch) }

// token makes the waiter look again.
func token(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// unpark makes the goroutine that waits on the operation's parker look again.
func (x *extra) unpark() {
	if p := x.parker.Load(); p != nil {
		token(p.ch)
	}
}

// takeParker returns the parker of ctx and the operation that owns it, for a
// wait for on that begins at now, an uptime. It returns nil if another
// goroutine waits on the parker, if ctx is not an operation's own, and if the
// operation has a foreign base or a driver that must know of waiters. free
// releases the parker.
func takeParker(ctx context.Context, on *Op, now time.Duration) (*Op, *parker) {
	c, ok := ctx.(*opCtx)
	o := (*Op)(c)
	if !ok || o.is(isForeign) || !o.at().open() || o.at().has(opUnwatched) {
		return nil, nil
	}
	p := o.makeParker()
	if !p.on.CompareAndSwap(nil, on) {
		return nil, nil
	}
	p.since.Store(int64(now))
	return o, p
}

// free makes the parker available to other goroutines.
func (p *parker) free() {
	p.since.Store(0)
	p.on.Store(nil)
}

// makeParker returns the operation's parker, and makes it if there is none.
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

// waits reports whether a wait with the operation's ctx may go on.
func (o *Op) waits() bool {
	s := o.at()
	return s.open() && !s.has(opCancelled)
}

// awaits returns what the operation's function waits for.
func (o *Op) awaits() Awaited {
	x := o.x.Load()
	if x == nil {
		return Awaited{}
	}
	p := x.parker.Load()
	if p == nil {
		return Awaited{}
	}
	on, since, more := p.on.Load(), p.since.Load(), 0
	if on == nil || since == 0 { // a wait that has just begun, or ended
		return Awaited{}
	}
	if j := p.joint.Load(); j != nil {
		on, more = j.pending(on)
	}
	a := Awaited{Name: on.label(), More: more, For: uptime() - time.Duration(since)}
	if on.run == o.run {
		a.ID = on.ID()
	}
	return a
}

// park waits on ctx's parker until the operation is resolved. It reports false
// if the operation is not resolved, because no parker is free or ctx has ended.
// now is the uptime.
func (o *Op) park(ctx context.Context, now time.Duration) bool {
	c, p := takeParker(ctx, o, now)
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

// parkAside waits until the operation is resolved or ctx ends, on a parker that
// belongs to the loop. It reports false if the operation is not resolved,
// because ctx has ended, or because the operation has hooks already: those who
// wait together share a channel, so that each leaves in constant time.
func (o *Op) parkAside(ctx context.Context) bool {
	if o.run == nil { // a promise that has not started
		return false
	}
	done := ctx.Done() // which may panic: the hook must not stay behind
	p, _ := o.run.parkers.Get().(*parker)
	if p == nil {
		p = &parker{ch: make(chan struct{}, 1)}
		p.hook.to = p
	}
	defer o.run.parkers.Put(p)
	if !o.hookAlone(&p.hook) {
		return o.resolved()
	}
	for !o.resolved() {
		select {
		case <-p.ch:
		case <-done:
			o.unhook(&p.hook)
			return o.resolved()
		}
	}
	return true
}
