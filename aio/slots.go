package aio

import (
	"container/list"
	"sync"
)

// slots bounds the operations of Go and Spawn that run at once. The bound is a queue of operations, not of callers:
// golang.org/x/sync/semaphore would block them.
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
}

// launch starts an operation's goroutine or, beyond a Limit or Loop.MaxInFlight,
// queues the operation.
func (r *running) launch(o *Op, body func()) {
	if limiting.Load() {
		if l, _ := o.base.Value(limitKey).(*limit); l != nil {
			l.launch(o, func() { r.launchInFlight(o, body) })
			return
		}
	}
	r.launchInFlight(o, body)
}

// launchInFlight starts an operation's goroutine or, beyond Loop.MaxInFlight,
// queues the operation.
func (r *running) launchInFlight(o *Op, body func()) {
	if r.loop.MaxInFlight <= 0 || o.underSlot() {
		r.start(body)
		return
	}
	s := &r.slots
	s.mu.Lock()
	if s.free > 0 {
		s.free--
		o.state.Or(opSlot)
		s.mu.Unlock()
		r.start(body)
		return
	}
	o.state.Or(opQueued)
	if s.where == nil {
		s.where = make(map[*Op]*list.Element)
	}
	s.where[o] = s.queue.PushBack(waiting{o, body})
	s.mu.Unlock()
	o.queued()
}

// queued ends an operation that has just been queued if it is cancelled, or the
// loop drains and no work in progress needs it.
func (o *Op) queued() {
	if o.state.Load()&opForeign != 0 {
		o.std() // watches the foreign ctx
	}
	if o.state.Load()&opCancelled != 0 || o.run.drains() && o.TopLevel() {
		o.cancel(ErrExit) // does nothing to what is cancelled already
		o.run.dequeue(o)
	}
}

// underSlot reports whether an ancestor of o holds a slot.
func (o *Op) underSlot() bool {
	for p := o.parent.Load(); p != nil; p = p.parent.Load() {
		if s := p.state.Load(); s&opSlot != 0 && s&opFinishing == 0 {
			return true
		}
	}
	return false
}

// dequeue resolves a cancelled operation that waits for a slot, without running its function. It reports false if
// the operation waits no more.
func (r *running) dequeue(o *Op) bool {
	if o.state.Load()&opTurn != 0 && o.x.Load().turn.drop() {
		o.End(o.why())
		return true
	}
	s := &r.slots
	s.mu.Lock()
	e := s.where[o]
	if e == nil {
		s.mu.Unlock()
		return false
	}
	s.queue.Remove(e)
	delete(s.where, o)
	o.state.And(^opQueued)
	s.mu.Unlock()
	o.End(o.why())
	return true
}

// releaseSlot gives the slot of an operation that has ended to the next one in the queue.
func (r *running) releaseSlot() {
	s := &r.slots
	s.mu.Lock()
	e := s.queue.Front()
	if e == nil {
		s.free++
		s.mu.Unlock()
		return
	}
	w := s.queue.Remove(e).(waiting)
	delete(s.where, w.op)
	w.op.state.And(^opQueued)
	w.op.state.Or(opSlot)
	s.mu.Unlock()
	r.start(w.body)
}
