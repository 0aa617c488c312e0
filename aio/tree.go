package aio

import (
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"
)

// shards is the number of parts that a loop's own list of children, and its
// counters, are split into.
const shards = 16

// family is a list of children with the lock that guards it. In an Op the lock
// guards the Op's fields too. Where two families are locked at once, the
// descendant's is locked first.
type family struct {
	mu    sync.Mutex
	first *Op
	// children that hold what is around them open, see Op.holds
	hold  int32
	state atomic.Uint32 // the operation's state; here it takes no extra space
}

// shard is a part of a loop's list of children. It fills a cache line.
type shard struct {
	family
	_ [64 - unsafe.Sizeof(family{})]byte
}

// familyOf returns the list that holds, or would hold, o's child kid.
func (o *Op) familyOf(kid *Op) *family {
	if o.isRoot() {
		return &o.run.shards[kid.shard].family
	}
	return &o.family
}

// link puts kid into the family of p, whose lock is held.
func (f *family) link(p, kid *Op) {
	kid.parent.Store(p)
	kid.prev, kid.next = nil, f.first
	if f.first != nil {
		f.first.prev = kid
	}
	f.first = kid
	if kid.holds() {
		f.hold++
	}
}

// unlink takes kid out of the family, whose lock is held.
func (f *family) unlink(kid *Op) {
	if kid.prev != nil {
		kid.prev.next = kid.next
	} else {
		f.first = kid.next
	}
	if kid.next != nil {
		kid.next.prev = kid.prev
	}
	kid.prev, kid.next = nil, nil
	if kid.holds() {
		f.hold--
	}
}

// scope returns the innermost Scope around the operation, nil if there is none.
// The operation has not ended; a Scope around it has not either.
func (o *Op) scope() *scope {
	for p := o.parent.Load(); p != nil; p = p.parent.Load() {
		if x := p.x.Load(); x != nil && x.own != nil {
			return x.own
		}
	}
	return nil
}

// starter identifies the operation that started another one.
type starter struct {
	id    uint64
	name  string
	calls []uintptr // that started it
	// dead is the cause of an ancestor's cancellation, which that has ended
	// with and which is about to reach the operation; nil without one.
	dead error
}

// asStarter returns the operation as a starter.
func (o *Op) asStarter() *starter {
	s := &starter{id: o.ID(), name: o.label()}
	if from := o.origin(); from != nil {
		s.calls = from.calls
	}
	return s
}

// starter returns the starter of the operation, nil for main.
func (o *Op) starter() *starter {
	p := o.parent.Load()
	if x := o.x.Load(); x != nil {
		if by := x.by.Load(); by != nil {
			return by
		}
	}
	if p == nil {
		return nil
	}
	return p.asStarter() // the operation has not moved
}

// startedBy records the operation's starter, unless it is recorded already; dead
// is recorded in any case.
func (o *Op) startedBy(s *starter) {
	o.mu.Lock()
	defer o.mu.Unlock()
	x := o.extra()
	if first := x.by.Load(); first == nil {
		x.by.Store(s)
	} else if s.dead != nil && first.dead == nil {
		x.by.Store(&starter{first.id, first.name, first.calls, s.dead})
	}
}

// deadByLeft returns the cause that an ancestor of the operation which has ended
// was cancelled with, if that is about to reach the operation.
func (o *Op) deadByLeft() error {
	if x := o.x.Load(); x != nil {
		if by := x.by.Load(); by != nil {
			return by.dead
		}
	}
	return nil
}

// adopt makes kid a child of p or, if p has finished, of p's nearest unfinished
// ancestor. If p, or one in between, was cancelled or has failed, kid is
// cancelled. adopt reports false if the loop is done.
func (p *Op) adopt(kid *Op) bool {
	first := p
	var dead error
	for {
		if p != first {
			kid.startedBy(first.asStarter()) // before the kid can be seen
		}
		f := p.familyOf(kid)
		f.mu.Lock()
		if kid.run.closed.Load() {
			f.mu.Unlock()
			return false
		}
		if p.at().open() {
			f.link(p, kid)
			f.mu.Unlock()
			break
		}
		f.mu.Unlock()
		if dead == nil {
			dead = p.deadBy()
		}
		p = p.parent.Load()
	}
	if dead == nil && p.at().has(opCancelled) {
		dead = p.why()
	}
	if dead != nil {
		kid.cancel(dead)
	}
	return true
}

// leaveFamily takes a finished operation out of the tree, and a ghost whose
// last child it was.
func (o *Op) leaveFamily() {
	p, f := o.lockFamily()
	f.unlink(o)
	hold := f.hold
	f.mu.Unlock()
	p.childLeft(hold)
}

// lockFamily locks the family that o is in now, and returns it with its owner.
func (o *Op) lockFamily() (*Op, *family) {
	for {
		p := o.parent.Load()
		f := p.familyOf(o)
		f.mu.Lock()
		if o.parent.Load() == p {
			return p, f
		}
		f.mu.Unlock()
	}
}

// childLeft is called when a child of p has left. hold is how many children
// still hold p open.
func (p *Op) childLeft(hold int32) {
	s := p.at()
	switch {
	case s.lingers():
		if hold == 0 && s.resolved() {
			p.ghostLeft()
		}
		return
	case hold == 0:
		if x := p.x.Load(); x != nil && x.own != nil {
			x.own.wake()
		}
		if p.isRoot() {
			p.run.childLeft(hold)
			return
		}
	}
	if hold == 0 && s.open() {
		if d, ok := p.driver.(Idler); ok {
			d.OpIdle()
		}
	}
}

// A finished operation whose ctx has a Done channel does not hand its children
// up. It stays in the tree as a ghost until the last of them has ended, so that
// cancellation reaches goroutines that wait on that channel.

// ghostLeft is called when a child of a resolved ghost has left. A ghost
// without children leaves the tree. A ghost with only daemons does not hold
// open what is around it.
func (o *Op) ghostLeft() {
	// ghosts under ghosts are merged, so that chains of them do not grow
	if p := o.parent.Load(); p.at().lingers() {
		o.moveUp(p, p.asStarter())
	}
	o.mu.Lock()
	gone := o.first == nil && o.at().stage() == stageGhost
	light := o.hold == 0
	if gone {
		o.enter(stageOver)
	}
	o.mu.Unlock()
	switch {
	case gone:
		o.endCtx()
		o.leaveFamily()
	case light:
		p, f := o.lockFamily()
		if o.inFamily(f) && o.holds() && !o.set(opWeak).has(opWeak) {
			f.hold--
		}
		hold := f.hold
		f.mu.Unlock()
		p.childLeft(hold)
		o.drainAgain()
	default:
		o.drainAgain()
	}
}

// inFamily reports whether the operation is in the family of its parent, whose
// lock is held.
func (o *Op) inFamily(f *family) bool { return o.prev != nil || f.first == o }

// moveUp moves o from the family of from, which has finished, to that of from's
// nearest unfinished ancestor. It does nothing if o has left that family
// already. by is from.
func (o *Op) moveUp(from *Op, by *starter) {
	for {
		// the cause, if an ancestor in between, which is ending too, cancels
		// its children
		var dead error
		target := from.parent.Load()
		for s := target.at(); !s.open(); s = target.at() {
			if dead == nil && (s.has(opCancelled) || target.err != nil) {
				dead = target.deadBy()
			}
			target = target.parent.Load()
		}
		if o.parent.Load() == from {
			o.startedBy(by)
		}
		f, tf := from.familyOf(o), target.familyOf(o)
		f.mu.Lock()
		if o.parent.Load() != from || !o.inFamily(f) {
			f.mu.Unlock()
			return
		}
		tf.mu.Lock()
		if !target.at().open() {
			tf.mu.Unlock()
			f.mu.Unlock()
			continue
		}
		s := from.at()
		// o may be, see cancelOne
		missed := s.has(opCancelled) && !s.has(opReached)
		f.unlink(o)
		hold := f.hold
		tf.link(target, o)
		tf.mu.Unlock()
		f.mu.Unlock()
		if missed {
			dead = from.why()
		}
		if dead == nil && target.at().has(opCancelled) {
			dead = target.why()
		}
		if dead != nil {
			o.cancel(dead)
		}
		o.drainAgain()
		from.childLeft(hold)
		return
	}
}

// walk calls visit for each operation below o, parents before children, until
// visit returns false. Families are read one at a time, so an operation that
// moves meanwhile may be missed or come twice.
func (o *Op) walk(visit func(*Op) bool) bool {
	todo := o.appendKids(nil)
	for len(todo) > 0 {
		k := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if k.at().open() && !visit(k) {
			return false
		}
		todo = k.appendKids(todo)
	}
	return true
}

// appendKids appends o's children to to. A child that comes or leaves meanwhile
// may be missed.
func (o *Op) appendKids(to []*Op) []*Op {
	if o.isRoot() {
		for i := range o.run.shards {
			to = o.run.shards[i].family.appendKids(o, to)
		}
		return to
	}
	return o.family.appendKids(o, to)
}

// A family is read in pieces, so that its lock is not held for long even if it
// has a million children. Children are added at the front only, and leave from
// anywhere. So reading goes on behind the last child read that has not left, or
// at the front if all of them have left: the children between there and where
// the last piece ended have come since.

// piece is how many children are read, or looked at, with the lock held once.
const piece = 256

// appendKids appends the children of p, whose family it is, to to.
func (f *family) appendKids(p *Op, to []*Op) []*Op {
	start := len(to)
	for last, more := start-1, true; more; {
		if len(to) >= piece {
			to = slices.Grow(to, piece) // not with the lock held
		}
		to, more = f.appendPiece(p, to, start, &last)
	}
	return to
}

// appendPiece goes on with appendKids, which has appended to[start:]. last is
// the index in to of the last child that may still be in its place. It reports
// whether there may be more.
func (f *family) appendPiece(p *Op, to []*Op, start int, last *int) (_ []*Op, more bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	next, found := f.after(p, to, start, last)
	if !found {
		return to, true
	}
	for n := 0; next != nil && n < piece; n++ {
		to = append(to, next)
		next = next.next
	}
	*last = len(to) - 1
	return to, next != nil
}

// after returns the child to be read next: the one behind the last of
// to[start:last+1] that has not left. If it has looked at a piece without
// finding that one, it reports false, and has moved last. The lock is held.
func (f *family) after(p *Op, to []*Op, start int, last *int) (next *Op, found bool) {
	for n := 0; *last >= start; *last-- {
		if k := to[*last]; k.parent.Load() == p && k.inFamily(f) {
			return k.next, true
		}
		if n++; n == piece {
			*last--
			return nil, false
		}
	}
	return f.first, true
}
