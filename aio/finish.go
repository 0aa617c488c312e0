package aio

// claim makes the caller the one that resolves the operation, with the given
// error. It reports false if another was first, or the operation has one of the
// given flags. Otherwise the caller calls publish.
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
// error, the children and the slot, counts, makes the result visible, tells
// what waits for it, and takes the operation out of the tree. The counts come
// before the result, so that they include every result that is visible. The
// tree comes last, so that every result of an empty loop is visible.
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
		x.unpark() // what the operation has left behind waits in another way
	}
	switch {
	case lingers:
		o.unwatch() // foreign children see to themselves, and lasting ones are not concerned
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
	if s.has(opTurn) { // before the other slot is given away: who was first gets both
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

// endCtx ends the ctx of an operation that has ended, if somebody may be
// waiting for that.
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

// partWithKids cancels the children of an operation that has failed, and hands
// them up. If it was cancelled itself, whoever did that cancels them.
func (o *Op) partWithKids() {
	if o.err != nil && !o.at().has(opCancelled) {
		for _, k := range o.appendKids(nil) {
			k.cancel(o.err)
		}
	}
	by := o.asStarter()
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
	hasPanicked          // and the panic has been told of
)

// judge returns what the operation's error says.
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

// fail keeps the error of an operation from being lost: it goes to the scope or
// the event handler now or, if a future has it, when it turns out that nothing
// looks at it.
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

// tell sends an error that nobody asked for to the scope around the operation,
// else to its event handler.
func (o *Op) tell(err error) {
	if sc := o.scope(); sc != nil {
		sc.fail(err)
		return
	}
	if !o.set(opTold).has(opTold) {
		o.run.emit(o, err, false)
	}
}

// cancelledOnly reports whether err says nothing but that the operation was
// cancelled.
func (o *Op) cancelledOnly(err error) bool {
	for p := o; p != nil; p = p.parent.Load() { // an ancestor's cancellation may not have reached it yet
		if why := p.why(); why != nil {
			return onlyCancel(err, why, p.Context().Err())
		}
	}
	return onlyCancel(err)
}

// Told marks the operation's error as told already, by an event callback of the
// driver's: a future that nobody looks at is then no lost error.
func (o *Op) Told() { o.set(opTold) }
