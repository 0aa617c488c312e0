package aio

import (
	"context"
	"slices"
)

// A dependent waits for an operation that may come to need slots of a Limit,
// such as a Scope, or a Then whose function starts others.
type dependent interface {
	// needsSlots is called, without a lock held, when the operation comes to
	// need slots.
	needsSlots()
}

// dependents is a list of the dependents of an operation, whose lock guards it.
type dependents struct {
	first dependent
	rest  *dependents
}

// needsSlots notes that the operation may need slots to end.
func (o *Op) needsSlots() {
	o.mu.Lock()
	var told *dependents
	if x := o.x.Load(); !o.set(opLimited).has(opLimited) && x != nil {
		told, x.dependents = x.dependents, nil
	}
	o.mu.Unlock()
	for ; told != nil; told = told.rest {
		told.first.needsSlots()
	}
}

// tellLimited registers d to be called when the operation comes to need slots.
// It reports false if the operation needs slots already, or has ended.
func (o *Op) tellLimited(d dependent) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if s := o.at(); s.resolved() || s.has(opTurn|opLimited) {
		return false
	}
	x := o.extra()
	x.dependents = &dependents{d, x.dependents}
	return true
}

// forget removes d from the operation's dependents.
func (o *Op) forget(d dependent) {
	o.mu.Lock()
	defer o.mu.Unlock()
	x := o.x.Load()
	if x == nil {
		return
	}
	for p := &x.dependents; *p != nil; p = &(*p).rest {
		if (*p).first == d {
			*p = (*p).rest
			return
		}
	}
}

// limitedBy notes that the operation depends on another.
func (o *Op) limitedBy(other *Op) {
	if limiting.Load() && !other.tellLimited(o) && other.limited() {
		o.needsSlots()
	}
}

// wait is a function's wait for operations. The function lends its slots while
// one of the operations may need some. The wait of a function without slots is
// nil.
type wait struct {
	turn *turn
	ops  []*Op
	now  bool // the function waits
	lent bool // it has lent its slots for that
}

// waitFor returns the wait of the function that ctx belongs to for operations.
func waitFor(ctx context.Context, ops ...*Op) *wait {
	if !limiting.Load() {
		return nil
	}
	t := turnOf(opOf(ctx))
	if t == nil {
		return nil
	}
	w := &wait{turn: t, ops: ops}
	for _, o := range ops {
		o.tellLimited(w)
	}
	return w
}

// begin begins to wait.
func (w *wait) begin() {
	if w == nil {
		return
	}
	w.turn.limit.mu.Lock()
	w.now = true
	w.turn.await++
	w.turn.limit.mu.Unlock()
	// asked after now is set, so that an operation that comes to need slots in
	// between is noticed
	if slices.ContainsFunc(w.ops, (*Op).limited) {
		w.needsSlots()
	}
}

// needsSlots lends the function's slots if it waits.
func (w *wait) needsSlots() {
	w.turn.limit.mu.Lock()
	var next []func()
	if w.now && !w.lent {
		w.lent = true
		w.turn.waits++
		next = w.turn.lend()
	}
	w.turn.limit.mu.Unlock()
	do(next)
}

// goOn ends what begin began. It waits until the function has its slots again,
// those included that it lent for a select, or until ctx ends.
func (w *wait) goOn(ctx context.Context) {
	if w == nil {
		return
	}
	w.turn.limit.mu.Lock()
	if w.lent {
		w.turn.waits--
	}
	w.now, w.lent = false, false
	w.turn.limit.mu.Unlock()
	w.turn.goOn(ctx)
}

// end ends the wait: begin is not called again.
func (w *wait) end() {
	if w == nil {
		return
	}
	for _, o := range w.ops {
		o.forget(w)
	}
}

// stepAside lends the slots of the function that ctx belongs to while it waits
// for operations, if those may need slots, until it calls goOn.
func stepAside(ctx context.Context, ops ...*Op) (goOn func()) {
	w := waitFor(ctx, ops...)
	if w == nil {
		return func() {}
	}
	w.begin()
	return func() {
		w.end()
		w.goOn(ctx)
	}
}

// selected is called when a channel of the operation's future is made. If the
// operation may need slots to end, the function that started it lends its own,
// in case it waits.
func (o *Op) selected() {
	if !limiting.Load() || o.resolved() {
		return
	}
	t := turnOf(o.parent.Load())
	if o.at().has(opTurn) {
		own := o.x.Load().turn
		if own.runs() {
			return
		}
		t = own.by
	}
	if t == nil {
		return
	}
	t.limit.mu.Lock()
	c := choice{t, t.await}
	t.limit.mu.Unlock()
	if !o.tellLimited(c) && o.limited() {
		c.needsSlots()
	}
}

// choice is a select of a function's, which the loop cannot see. It is over
// when the function awaits something.
type choice struct {
	turn  *turn
	await int // the turn's when the function asked for a channel
}

// needsSlots lends the function's slots, in case it still waits.
func (c choice) needsSlots() {
	c.turn.limit.mu.Lock()
	var next []func()
	if c.turn.await == c.await {
		next = c.turn.lend()
	}
	c.turn.limit.mu.Unlock()
	do(next)
}
