package aio

import (
	"container/list"
	"context"
	"sync"
	"sync/atomic"
)

// Limit returns a ctx with n slots for functions. Each function of Go and Spawn
// that is started with the ctx, directly or indirectly, needs a slot to run.
// Functions for which no slot is free queue in the order of their start, and do
// not block their caller.
//
// A function keeps its slot until it returns, except while it waits for
// functions that need slots. It then lends its slot to them, so awaiting one's
// own children cannot deadlock. When its wait is over it needs a slot again,
// and gets one before functions that have not begun. It lends the slot while it
// is
//
//   - in Await, Wait or AsCompleted, called with its own ctx or one derived
//     from it, for a future that is of Go or depends on one (All, Then and so
//     on), or from when it comes to depend on one, as when the function of a
//     Then starts others;
//   - in a Scope, when the Scope's function has returned;
//   - and, because the loop cannot see a select, from when it calls C or Done
//     of such a future, started with its ctx, that has no slot then, until its
//     next Await that has to wait.
//
// A function whose wait ended because its ctx did goes on without a slot. At
// most n functions run at once, apart from those, and from those that go on
// after a select. A function that waits for anything else, such as a timer, a
// response or a lock, keeps its slot: a crawler that fetches in its functions
// has at most n fetches in progress. A function that waits for another one by
// other means, such as a sync.WaitGroup, keeps its slot, and may wait forever.
//
// When the loop drains, functions that are queued end with ErrExit and do not
// run, unless work in progress, such as a request or a Scope, started them. The
// same holds for Loop.MaxInFlight. A program that accepts jobs for later and
// starts them with Detach must drain its queue of jobs itself.
//
// Limits nest: below two of them a function needs a slot of each.
// Loop.MaxInFlight differs in that it does not count what a function starts
// itself. Daemons, timers' functions, callbacks and the functions of Then and
// Catch need no slot. If n is 0 or less, there is no bound.
func Limit(ctx context.Context, n int) context.Context {
	ctx = orBackground(ctx)
	if n <= 0 {
		return ctx
	}
	l := &limit{free: n}
	l.outer, _ = ctx.Value(limitKey).(*limit)
	if l.outer != nil {
		l.limits = l.outer.limits
	} else {
		l.limits = new(limits)
	}
	limiting.Store(true)
	return &limitCtx{ctx, l}
}

// limiting is set once there is a limit, so that programs without limits pay
// nothing for them.
var limiting atomic.Bool

// limitKey is the context key of the nearest *limit.
var limitKey = new(byte)

// limitCtx is the ctx of a Limit.
type limitCtx struct {
	context.Context
	limit *limit
}

// Within returns the context around the limit.
func (c *limitCtx) Within() context.Context { return c.Context }

func (c *limitCtx) Value(key any) any {
	if key == limitKey {
		return c.limit
	}
	return c.Context.Value(key)
}

// limits is what limits within one another share: a lock, so that a turn takes
// slots of all of them, or none.
type limits struct {
	mu     sync.Mutex
	claims uint64 // how many there have been
}

// limit holds the slots of a Limit. No turn queues while slots are free.
type limit struct {
	*limits
	outer *limit
	free  int
	// of *turn: those that go on after they have lent their slots
	again list.List
	fresh list.List // of *turn: those whose functions have not begun
}

// turn is an operation's claim to a slot of each limit around it. The limits'
// lock guards it.
type turn struct {
	limit *limit // the innermost
	op    *Op
	by    *turn  // of the function that started the operation
	next  func() // begins or resumes the function, once it has its slots
	state turnState
	claim uint64 // orders those that queue
	waits int    // goroutines of the function that wait for others
	await int    // how often it has begun to wait
	// of the goroutine that is queued to go on, or was the last one
	again chan struct{}
	place *list.Element // in queue
	queue *list.List
}

// turnState says whether a turn has its slots.
type turnState uint8

const (
	// turnFresh: not yet. The function is queued, or about to be.
	turnFresh turnState = iota
	// turnHolds: it has all of them.
	turnHolds
	// turnLent: it has none. The function waits for others, or goes on without.
	turnLent
	// turnAgain: it has none. The function is queued to go on.
	turnAgain
	// turnOver: it needs none. The function has returned, or will not begin.
	turnOver
)

// launch begins an operation's function when it has its slots: now, or later.
func (l *limit) launch(o *Op, begin func()) {
	parent := o.parent.Load()
	t := &turn{limit: l, op: o, by: turnOf(parent), next: begin}
	o.mu.Lock()
	o.extra().turn = t
	o.set(opTurn)
	o.mu.Unlock()
	for p := parent; p != nil && !p.isRoot() && !p.at().has(opTurn|opLimited); p = p.parent.Load() {
		p.needsSlots()
	}
	l.mu.Lock()
	begins := t.ask()
	l.mu.Unlock()
	if begins {
		begin()
	} else {
		o.queued()
	}
}

// ask is take for a turn that comes to need slots now. The lock is held.
func (t *turn) ask() bool {
	t.limit.claims++
	t.claim = t.limit.claims
	return t.take()
}

// take takes a slot of each limit for the turn, and one of Loop.MaxInFlight if
// its operation needs that. If one of them has no free slot, take queues the
// turn there and reports false; the turn then has no slot at all. The lock is
// held.
func (t *turn) take() bool {
	for l := t.limit; l != nil; l = l.outer {
		if l.free == 0 {
			t.enter(l)
			return false
		}
	}
	if t.state == turnFresh && !t.op.run.takeSlot(waiting{op: t.op, turn: t}) {
		return false
	}
	for l := t.limit; l != nil; l = l.outer {
		l.free--
	}
	t.state = turnHolds
	return true
}

// enter queues the turn at a limit, behind those that asked before. It may come
// from the queue of another limit. The lock is held.
func (t *turn) enter(l *limit) {
	t.queue = &l.fresh
	if t.state == turnFresh {
		t.op.set(opQueued)
	} else {
		t.queue = &l.again
	}
	before := t.queue.Back()
	for before != nil && before.Value.(*turn).claim > t.claim {
		before = before.Prev()
	}
	if before == nil {
		t.place = t.queue.PushFront(t)
	} else {
		t.place = t.queue.InsertAfter(t, before)
	}
}

// give gives the turn's slots away. It returns functions for do, of the turns
// that have their slots now. The lock is held.
func (t *turn) give(state turnState) (next []func()) {
	t.state = state
	for l := t.limit; l != nil; l = l.outer {
		l.free++
	}
	for n := t.limit.first(); n != nil; n = t.limit.first() {
		fresh := n.state == turnFresh
		n.leave()
		if !n.take() { // it queues at another limit now
			continue
		}
		if fresh {
			n.op.clear(opQueued)
		}
		next = append(next, n.next)
	}
	return next
}

// first returns the first of the turns that are queued for free slots of the
// limit or of one around it. The lock is held.
func (l *limit) first() (first *turn) {
	for ; l != nil; l = l.outer {
		e := l.again.Front()
		if e == nil {
			e = l.fresh.Front()
		}
		if l.free == 0 || e == nil {
			continue
		}
		if t := e.Value.(*turn); first == nil || t.before(first) {
			first = t
		}
	}
	return first
}

// before reports whether the turn gets slots before another one.
func (t *turn) before(other *turn) bool {
	if t.state != other.state {
		return t.state == turnAgain
	}
	return t.claim < other.claim
}

// offered is called when the turn's operation, which was queued for a slot of
// Loop.MaxInFlight, has one. If the limits have none, offered queues the turn
// there instead and reports false.
func (t *turn) offered() bool {
	t.limit.mu.Lock()
	begins := t.take()
	if !begins {
		t.op.clear(opSlot)
	}
	t.limit.mu.Unlock()
	if begins {
		t.next()
	} else {
		t.op.queued()
	}
	return begins
}

// leave takes the turn out of its queue. The lock is held.
func (t *turn) leave() {
	t.queue.Remove(t.place)
	t.queue, t.place = nil, nil
}

// do calls what give and lend return. The lock is not held.
func do(next []func()) {
	for _, fn := range next {
		fn()
	}
}

// lend lends the turn's slots. A goroutine of the function that is queued to go
// on goes on without slots, because another one waits. It returns functions for
// do. The lock is held.
func (t *turn) lend() (next []func()) {
	switch t.state {
	case turnHolds:
		return t.give(turnLent)
	case turnAgain:
		t.leave()
		t.state = turnLent
		return []func(){t.next}
	}
	return nil
}

// goOn waits until the turn has its slots again, or ctx ends.
func (t *turn) goOn(ctx context.Context) {
	mu := &t.limit.mu
	dead := ctx.Err() != nil // without the lock: it may be foreign code
	mu.Lock()
	if dead || t.waits > 0 || t.state != turnLent {
		mu.Unlock()
		return
	}
	again := make(chan struct{})
	t.state, t.again, t.next = turnAgain, again, func() { close(again) }
	if t.ask() {
		mu.Unlock()
		return
	}
	mu.Unlock()
	select {
	case <-again:
	case <-ctx.Done():
		mu.Lock()
		// and it is still this goroutine that is queued
		if t.state == turnAgain && t.again == again {
			t.leave()
			t.state = turnLent
		}
		mu.Unlock()
	}
}

// runs reports whether the function has its slots.
func (t *turn) runs() bool {
	t.limit.mu.Lock()
	defer t.limit.mu.Unlock()
	return t.state == turnHolds
}

// drop ends the turn of an operation whose function is queued to begin. It
// reports false, and does nothing, if it is not.
func (t *turn) drop() bool {
	t.limit.mu.Lock()
	defer t.limit.mu.Unlock()
	if t.state != turnFresh || t.place == nil {
		return false
	}
	t.leave()
	t.state = turnOver
	t.op.clear(opQueued)
	return true
}

// end ends the turn of an operation that ends.
func (t *turn) end() {
	t.limit.mu.Lock()
	var next []func()
	switch t.state {
	case turnHolds:
		next = t.give(turnOver)
	// of a goroutine that the function left behind, which goes on
	case turnAgain:
		t.leave()
		next = append(next, t.next)
	}
	t.state = turnOver
	t.limit.mu.Unlock()
	do(next)
}

// turnOf returns the turn of the function that runs in the operation. For a
// Scope that is the turn of the function around it. It is nil if the function
// has none.
func turnOf(o *Op) *turn {
	for ; o != nil; o = o.parent.Load() {
		x := o.x.Load()
		switch {
		case o.at().has(opTurn):
			return x.turn
		case x == nil || x.own == nil:
			return nil
		}
	}
	return nil
}

// limited reports whether the operation has not ended and may need slots to
// end.
func (o *Op) limited() bool {
	return o.at().has(opTurn|opLimited) && !o.resolved()
}
