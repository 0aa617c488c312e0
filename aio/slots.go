package aio

import (
	"container/list"
	"sync"
)

// slots bounds the operations of Go and Spawn that run at once, for
// Loop.MaxInFlight. It queues operations rather than callers, which
// golang.org/x/sync/semaphore would block.
type slots struct {
	mu    sync.Mutex
	free  int
	queue list.List
	where map[*Op]*list.Element
}

// waiting is an operation in the queue for a slot.
type waiting struct {
	op   *Op
	body func()
	// instead of body, of an operation below a Limit, which needs slots of that
	// too
	turn *turn
}

// launch starts an operation's goroutine or, if a Limit or Loop.MaxInFlight has
// no slot for it, queues the operation.
func (r *running) launch(o *Op, body func()) {
	if limiting.Load() {
		if l, _ := o.base.Value(limitKey).(*limit); l != nil {
			l.launch(o, func() { r.start(body) })
			return
		}
	}
	if r.takeSlot(waiting{op: o, body: body}) {
		r.start(body)
	} else {
		o.queued()
	}
}

// takeSlot takes a slot of Loop.MaxInFlight for an operation that needs one and
// has none. If no slot is free, takeSlot queues the operation, in the order of
// the starts, and reports false.
func (r *running) takeSlot(w waiting) bool {
	o := w.op
	if r.loop.MaxInFlight <= 0 || o.at().has(opSlot|opWithin) {
		return true
	}
	s := &r.slots
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free > 0 {
		s.free--
		o.set(opSlot)
		return true
	}
	o.set(opQueued)
	if s.where == nil {
		s.where = make(map[*Op]*list.Element)
	}
	// an older one may come later, from the queue of a Limit
	before := s.queue.Back()
	for before != nil && before.Value.(waiting).op.began > o.began {
		before = before.Prev()
	}
	if before == nil {
		s.where[o] = s.queue.PushFront(w)
	} else {
		s.where[o] = s.queue.InsertAfter(w, before)
	}
	return false
}

// queued ends an operation that has just been queued if it is cancelled, or the
// loop drains and no work in progress needs it.
func (o *Op) queued() {
	if o.is(isForeign) {
		o.std() // watches the foreign ctx
	}
	if o.at().has(opCancelled) || o.run.drains() && o.TopLevel() {
		o.endQueued()
	}
}

// endQueued ends an operation that is queued, with ErrExit unless it was
// cancelled. It does nothing to one that has just begun, which is work in
// progress.
func (o *Op) endQueued() {
	if o.run.dequeue(o) {
		o.cancel(ErrExit)
		o.End(o.why())
	}
}

// within reports whether the operation runs within Loop.MaxInFlight: it holds a
// slot, or was started, directly or indirectly, by one that did. What it starts
// needs no slot.
func (o *Op) within() bool { return o.at().has(opSlot | opWithin) }

// dequeue takes an operation out of the queue, so that its function does not
// run. It reports false if the operation is not queued.
func (r *running) dequeue(o *Op) bool {
	if o.at().has(opTurn) && o.x.Load().turn.drop() {
		return true
	}
	s := &r.slots
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.where[o]
	if e == nil {
		return false
	}
	s.queue.Remove(e)
	delete(s.where, o)
	o.clear(opQueued)
	return true
}

// releaseSlot gives the slot of an operation that has ended to the next
// operation in the queue that can use it.
func (r *running) releaseSlot() {
	s := &r.slots
	for {
		s.mu.Lock()
		e := s.queue.Front()
		if e == nil {
			s.free++
			s.mu.Unlock()
			return
		}
		w := s.queue.Remove(e).(waiting)
		delete(s.where, w.op)
		w.op.clear(opQueued)
		w.op.set(opSlot)
		s.mu.Unlock()
		if w.turn == nil {
			r.start(w.body)
			return
		}
		if w.turn.offered() {
			return
		}
	}
}
