package aio

// claim makes the caller the one who resolves the operation, with the given error. It reports false if somebody was
// first, or the operation has one of the given state bits. Else the operation's lock is held, until publish.
func (o *Op) claim(err error, unless uint32) bool {
	var fixed *stdCtx
	if err != nil {
		fixed = o.foreignStd()
	}
	o.mu.Lock()
	if fixed != nil && o.madeStd() != nil { // somebody was first
		o.mu.Unlock()
		fixed.drop()
		fixed = nil
		o.mu.Lock()
	}
	s := o.state.Load()
	if s&(unless|opFinishing) != 0 {
		o.mu.Unlock()
		fixed.drop()
		return false
	}
	add := opFinishing
	if o.first != nil {
		add |= opParent
	}
	switch {
	case err != nil:
		o.err = err
		add |= opFailed
		if fixed != nil {
			o.extra().std.Store(fixed)
		}
	case o.first != nil && s&opCancelled == 0 && o.madeStd() != nil:
		add |= opGhost
	}
	o.state.Or(add)
	return true
}

// setOnce sets a state bit. It reports false if it was set already or the operation is finishing.
func (o *Op) setOnce(bit uint32) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state.Load()&(bit|opFinishing) != 0 {
		return false
	}
	o.state.Or(bit)
	return true
}

// publish resolves an operation that the caller has claimed: it sees to the children and the slot, counts, makes the
// result visible, runs what waits for it, and takes the operation out of the tree. That comes last, so that whoever
// sees the loop empty sees all results; and the counts come first, so that whoever sees the result sees them.
//
// The operation's lock is held: most operations get by with one piece of it.
func (o *Op) publish() {
	r, s := o.run, o.state.Load()
	cell := r.kindCount(o.kind).cell(o)
	if s&(opFailed|opParent|opSlot|opTurn) != 0 {
		o.mu.Unlock()
		o.settle(s, cell)
		o.mu.Lock()
	}
	if s&opCounted != 0 {
		r.futures.Add(-1)
	}
	cell.ended.Add(1)
	hooks, parked, more := o.takeHooks()
	o.state.Or(opResolved)
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
	case s&opGhost != 0:
		o.unwatch() // foreign children see to themselves, and lasting ones are not concerned
		o.ghostLeft()
	case x != nil:
		o.endCtx()
		fallthrough
	default:
		o.leaveFamily()
	}
	if r.lost.anyGone.Load() {
		r.sweepLost()
	}
}

// settle sees to the error, the children and the slot of an operation that ends.
func (o *Op) settle(s uint32, cell *cell) {
	if s&opFailed != 0 {
		o.countFailure(cell)
		o.fail()
	}
	if s&(opParent|opGhost) == opParent {
		o.partWithKids()
	}
	if s&opTurn != 0 { // before the other slot is given away: who was first gets both
		o.x.Load().turn.end()
	}
	if s&opSlot != 0 {
		o.run.releaseSlot()
	}
}

// endCtx ends the ctx of an operation that has ended, if somebody may be waiting for that.
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

// partWithKids cancels the children of an operation that has failed, and hands them up. If it was cancelled itself,
// whoever did that cancels them.
func (o *Op) partWithKids() {
	if s := o.state.Load(); s&opFailed != 0 && s&opCancelled == 0 {
		for _, k := range o.appendKids(nil) {
			k.cancel(o.err)
		}
	}
	by := o.label()
	for {
		o.mu.Lock()
		kid := o.first
		o.mu.Unlock()
		if kid == nil {
			return
		}
		kid.moveUp(o, &by)
	}
}

// countFailure counts an operation that ends with an error.
func (o *Op) countFailure(c *cell) {
	switch {
	case o.ownPanic(o.err):
		c.panicked.Add(1)
	case o.cancelledOnly(o.err):
		c.cancelled.Add(1)
	default:
		c.failed.Add(1)
	}
}

// fail sees to it that the error of an operation is not lost: it goes to the scope or the event handler now or, if
// a future has it, when it turns out that nobody looks.
func (o *Op) fail() {
	if o.ownPanic(o.err) {
		o.state.Or(opTold)
	}
	s := o.state.Load()
	switch {
	case s&opLooked != 0:
	case o.cancelledOnly(o.err):
		if s&opDaemon == 0 {
			if sc := o.scope(); sc != nil {
				sc.cut.Store(true)
			}
		}
	case s&opFuture == 0, s&opCallback != 0:
		o.tell(o.err)
	case s&opTold == 0:
		o.watchLost(o.err)
	}
}

// tell sends an error that nobody asked for to the scope around the operation, else to its event handler.
func (o *Op) tell(err error) {
	if sc := o.scope(); sc != nil {
		sc.fail(err)
		return
	}
	if o.state.Or(opTold)&opTold == 0 {
		o.run.emit(o, err, false)
	}
}

// cancelledOnly reports whether err says nothing but that the operation was cancelled.
func (o *Op) cancelledOnly(err error) bool {
	for p := o; p != nil; p = p.parent.Load() { // an ancestor's cancellation may not have reached it yet
		if why := p.why(); why != nil {
			return onlyCancel(err, why, p.Context().Err())
		}
	}
	return onlyCancel(err)
}

// Told marks the operation's error as told already, by an event callback of the driver's: a future that nobody looks
// at is then no lost error.
func (o *Op) Told() { o.state.Or(opTold) }

// resolved reports whether the result is there.
func (o *Op) resolved() bool { return o.state.Load()&opResolved != 0 }
