package aio

import (
	"container/list"
	"context"
	"sync"
	"sync/atomic"
)

// Limit returns a ctx with n slots for functions. Each function of Go and Spawn
// that is started with the ctx, or by what was started with it, needs a slot to
// run, however deeply it is nested. Functions that find no free slot queue, in
// the order of their start, and do not block their caller.
//
// A function keeps its slot until it returns, except while it waits for others
// that need slots. It then lends its slot to them, so that awaiting one's own
// children cannot deadlock. When its wait is over it needs a slot again, and
// gets one before those that have not begun. It lends the slot while it is
//
//   - in Await, Wait or AsCompleted, called with its own ctx or one derived
//     from it, of a future of Go or one that depends on such (All, Then and so
//     on), or from when it does: the function of a Then may start others;
//   - in a Scope, when the Scope's function has returned;
//   - and, since a select cannot be seen, from the moment at which it calls C
//     or Done of such a future, started with its ctx, that has no slot at that
//     moment, until its next Await that has to wait.
//
// A function does not wait for a slot to go on when the ctx of its wait has
// ended. So at most n functions run at once, apart from those and from those
// that go on after a select. Waiting for anything else, such as a timer, a
// response or a lock, keeps the slot: a crawler that fetches in its functions
// has at most n fetches in progress. A function that waits for another one by
// other means, such as a sync.WaitGroup, keeps its slot, and may wait for ever.
//
// When the loop drains, functions that queue end with ErrExit and do not run,
// unless work in progress has started them (a request or a Scope, say): as
// those that queue for Loop.MaxInFlight. Whoever accepts jobs for later and
// starts them with Detach keeps them in a queue that it drains itself.
//
// Limits nest: below two of them a function needs a slot of each.
// Loop.MaxInFlight is a bound of another kind: what a function starts itself
// does not count there. Daemons, timers' functions, callbacks and the functions
// of Then and Catch need no slot. With an n of 0 or less there is no bound.
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

// limiting is set once there is a limit, so that programs without any pay
// nothing for it.
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
	claims uint64 // how many there were
}

// limit is the slots of a Limit. While it has free ones no turn queues for
// them.
type limit struct {
	*limits
	outer *limit
	free  int
	again list.List // of *turn: those that go on after they have lent their slots
	fresh list.List // of *turn: those whose functions have not begun
}

// turn is an operation's claim to a slot of each limit around it. The limits'
// lock guards it.
type turn struct {
	limit *limit // the innermost
	op    *Op
	by    *turn  // of the function that has started the operation
	next  func() // begins the function, or has it go on, once it has its slots
	state turnState
	claim uint64        // orders those that queue
	waits int           // goroutines of the function that wait for others
	await int           // how often it has begun to wait
	again chan struct{} // of the goroutine that queues to go on, or was the last to do so
	place *list.Element // in the queue that it is in
	queue *list.List
}

// turnState is what a turn has of its slots.
type turnState uint8

const (
	// turnFresh: none yet. The function queues, or is about to.
	turnFresh turnState = iota
	// turnHolds: all of them.
	turnHolds
	// turnLent: none. The function waits for others, or goes on without.
	turnLent
	// turnAgain: none. The function queues to go on.
	turnAgain
	// turnOver: none. The function has returned, or will not begin.
	turnOver
)

// launch begins an operation's function now, or when it has its slots.
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

// ask is take for a turn that has just come to need slots. The lock is held.
func (t *turn) ask() bool {
	t.limit.claims++
	t.claim = t.limit.claims
	return t.take()
}

// take takes a slot of each limit for the turn, and one of Loop.MaxInFlight if
// its operation needs that. If one has none, the turn queues there, without
// any, and take reports false. The lock is held.
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

// enter has the turn queue at a limit, behind those that have asked before. It
// may come from the queue of another one. The lock is held.
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

// give gives the turn's slots away, and returns what those functions do next
// that have theirs by that. The lock is held.
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

// first returns the first of the turns that queue for free slots of the limit
// or of one around it. The lock is held.
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

// offered is called when the turn's operation, which queued for a slot of
// Loop.MaxInFlight, has one. If the limits have none, the turn queues there
// instead, and offered reports false.
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

// do calls what functions do next. The lock is not held.
func do(next []func()) {
	for _, fn := range next {
		fn()
	}
}

// lend lends the turn's slots. A goroutine of the function that queues to go on
// goes on without: another one waits. The lock is held.
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
	dead := ctx.Err() != nil // not with the lock: it may be anybody's code
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
		if t.state == turnAgain && t.again == again { // and no other goroutine queues by now
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

// drop ends the turn of an operation whose function has not begun. It reports
// false if it has.
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
	case turnAgain: // in a goroutine that the function has left, and that goes on
		t.leave()
		next = append(next, t.next)
	}
	t.state = turnOver
	t.limit.mu.Unlock()
	do(next)
}

// turnOf returns the turn of the function that runs in the operation: of a
// Scope, that of the function around it. It is nil if the function has none.
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

// limited reports whether the operation is still to end, and that may need
// slots.
func (o *Op) limited() bool {
	return o.at().has(opTurn|opLimited) && !o.resolved()
}
