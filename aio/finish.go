package aio

import "context"

// claim makes the caller the one that resolves the operation, with the given
// error. It reports false if another caller was first, or if the operation has
// one of the given flags. After true the caller calls publish.
func (o *Op) claim(err error, unless opState) bool {
	var fixed *stdCtx
	if err != nil {
		fixed = o.foreignStd()
	}
	o.mu.Lock()
	s := o.at()
	free := s.open() && !s.has(unless)
	if free {
		o.err = err
		if fixed != nil && o.extra().std.CompareAndSwap(nil, fixed) {
			fixed = nil
		}
		o.enter(o.nextStage(s))
	}
	o.mu.Unlock()
	fixed.drop()
	return free
}

// nextStage returns the stage that an open operation enters as it is claimed.
// Its lock is held.
func (o *Op) nextStage(s opState) opState {
	switch {
	case o.first == nil:
		return stageEnding
	case o.err == nil && !s.has(opCancelled) && o.madeStd() != nil:
		return stageLingering
	}
	return stageParting
}

// setOnce sets a flag. It reports false if that is set already, or the
// operation is not open.
func (o *Op) setOnce(flag opState) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if s := o.at(); !s.open() || s.has(flag) {
		return false
	}
	o.set(flag)
	return true
}

// publish resolves an operation that the caller has claimed. It passes on the
// error, the children and the slots, counts, makes the result visible, calls
// the hooks, and takes the operation out of the tree. It counts before the
// result is visible, so that the counts include every visible result. The tree
// comes last, so that every result of an empty loop is visible.
func (o *Op) publish() {
	if o.origin() == nil {
		o.resolve()
		return
	}
	defer o.resolve() // also if an observer calls runtime.Goexit
	o.farewell(o.err)
}

// resolve is publish without the farewell.
func (o *Op) resolve() {
	o.settle()
	o.mu.Lock()
	hooks, parked, more := o.takeHooks()
	lingers := o.at().lingers()
	if lingers {
		o.enter(stageGhost)
	} else {
		o.enter(stageOver)
	}
	x := o.x.Load()
	if x != nil {
		x.onCancel, x.dependents = nil, nil
	}
	o.mu.Unlock()

	if parked != nil {
		token(parked)
	}
	for _, ch := range more {
		token(ch)
	}
	for h := hooks; h != nil; {
		next := h.next
		h.next = nil
		h.to.resolved(h.i)
		h = next
	}
	if x != nil {
		// a goroutine that the function left behind waits by other means from
		// now on
		x.unpark()
	}
	switch {
	case lingers:
		// foreign children watch their bases themselves, and lasting ones do
		// not end with theirs
		o.unwatch()
		o.ghostLeft()
	case x != nil:
		o.endCtx()
		fallthrough
	default:
		o.leaveFamily()
	}
	if o.run.lost.anyGone.Load() {
		o.run.sweepLost()
	}
}

// settle passes on the error, the children and the slots of an operation that
// ends, and counts.
func (o *Op) settle() {
	s := o.at()
	cell := o.run.kindCount(o.kind).cell(o)
	if o.err != nil {
		v := o.judge()
		cell.countFailure(v)
		o.fail(v)
	}
	if s.stage() == stageParting {
		o.partWithKids()
	}
	// before the other slot is given away, so that the first in the queue gets
	// both
	if s.has(opTurn) {
		o.x.Load().turn.end()
	}
	if s.has(opSlot) {
		o.run.releaseSlot()
	}
	if o.is(isCounted) {
		o.run.futures.Add(-1)
	}
	cell.ended.Add(1)
	o.tookTime()
}

// endCtx ends the ctx of an operation that has ended, if it has a Done channel.
func (o *Op) endCtx() {
	std := o.madeStd()
	if std == nil {
		return
	}
	o.unwatch()
	if o.err != nil {
		o.cancelStd(std, o.err)
	} else {
		o.cancelStd(std, errEnded)
	}
}

// partWithKids hands up the children of an operation that has ended. It cancels
// them first if the operation has failed. If the operation was cancelled,
// cancelEach cancels them.
func (o *Op) partWithKids() {
	if o.err != nil && !o.at().has(opCancelled) {
		for _, k := range o.appendKids(nil) {
			k.cancel(o.err)
		}
	}
	by := o.asStarter()
	if o.at().has(opCancelled) {
		by.dead = o.why()
	}
	for {
		o.mu.Lock()
		kid := o.first
		o.mu.Unlock()
		if kid == nil {
			return
		}
		kid.moveUp(o, by)
	}
}

// verdict is what an error says about the operation that ends with it.
type verdict uint8

const (
	hasFailed    verdict = iota
	wasCancelled         // nothing but that
	hasPanicked          // and the panic has been reported
)

// judge returns the verdict of the operation's error.
func (o *Op) judge() verdict {
	switch {
	case o.ownPanic(o.err):
		return hasPanicked
	case o.cancelledOnly(o.err):
		return wasCancelled
	}
	return hasFailed
}

// countFailure counts an operation that ends with an error.
func (c *cell) countFailure(v verdict) {
	switch v {
	case hasPanicked:
		c.panicked.Add(1)
	case wasCancelled:
		c.cancelled.Add(1)
	case hasFailed:
		c.failed.Add(1)
	}
}

// fail reports the error of an operation: to the scope or the event handler or,
// if it is a future's, when it turns out that nothing looks at it.
func (o *Op) fail(v verdict) {
	if v == hasPanicked {
		o.set(opTold)
	}
	s := o.at()
	switch {
	case s.has(opLooked):
	case v == wasCancelled:
		if !o.is(isDaemon) {
			if sc := o.scope(); sc != nil {
				sc.cut.Store(true)
			}
		}
	case !o.is(isFuture), s.has(opCallback):
		o.tell(o.err)
	case !s.has(opTold):
		o.watchLost(o.err)
	}
}

// tell reports an error to the scope around the operation, else to its event
// handler.
func (o *Op) tell(err error) {
	if sc := o.scope(); sc != nil {
		sc.fail(err)
		return
	}
	if !o.set(opTold).has(opTold) {
		o.run.emit(o, err, false)
	}
}

// cancelledOnly reports whether err says only that the operation was cancelled.
func (o *Op) cancelledOnly(err error) bool {
	// an ancestor's cancellation may not have reached it yet
	for p := o; p != nil; {
		if why := p.why(); why != nil {
			return onlyCancel(err, why, p.Context().Err())
		}
		up := p.parent.Load() // before dead is read, see moveUp
		if dead := p.deadByLeft(); dead != nil {
			return onlyCancel(err, dead, context.Canceled)
		}
		p = up
	}
	return onlyCancel(err)
}

// Told marks the operation's error as reported, by a callback of the driver's.
// The error of its future is then not lost if nothing looks at it.
func (o *Op) Told() { o.set(opTold) }
