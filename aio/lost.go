package aio

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// lostError is the error of a future that nothing has looked at yet. It does
// not refer to the future.
type lostError struct {
	event queued
	home  *lostList // of the Scope around the operation, or of the loop
	// taken reports, for each channel of Future.C, whether its value was
	// received. Such a channel may outlive the future, so the error is known to
	// be lost only at the loop's end.
	taken []func() bool
	// in the list home.first or, once the future is collected, home.gone
	in, gone   bool
	prev, next *lostError
}

// lostList holds the errors of a loop, or of a Scope, that nothing has looked
// at yet.
//
// The cleanup of a collected future runs in a goroutine of the runtime, which
// must not touch what belongs to a synctest bubble. So it only moves the record
// to another list. The loop looks at that list whenever an operation begins or
// ends and, while there are errors to watch, at growing intervals.
type lostList struct {
	anyGone atomic.Bool

	mu    sync.Mutex
	first *lostError // those that may still be looked at
	gone  *lostError // those whose future is gone
	pulse *time.Timer
	wait  time.Duration // until the pulse's next beat
	ended bool
}

const (
	firstPulse = 50 * time.Millisecond
	// a loop that is idle for longer looks again when an operation begins or
	// ends
	lastPulse = 10 * time.Minute
)

// watchLost arranges that err is reported as lost if nothing looks at it before
// the future is collected or the loop ends.
func (o *Op) watchLost(err error) {
	r := o.run
	event := o.event(err, true)
	rec := &lostError{event: event, home: &r.lost}
	scope := o.scope()
	if scope != nil {
		rec.home = &scope.lost
	}
	o.mu.Lock()
	// before the state is read, so that look takes the lock from now on
	x := o.extra()
	if o.at().has(opLooked | opTold) {
		o.mu.Unlock()
		return
	}
	x.lost, rec.taken = rec, x.taken
	rec.home.add(rec)
	o.mu.Unlock()
	if scope == nil {
		r.startPulse()
		runtime.AddCleanup(o, (*lostError).collect, rec)
	}
}

// tap calls send once the operation is resolved. Its error counts as looked at
// when taken reports that what send sent was received.
func (o *Op) tap(send func(), taken func() bool) {
	// there is no error, and many may hold one such future
	if o.resolved() && o.err == nil {
		send()
		return
	}
	o.mu.Lock()
	x := o.extra()
	if rec := x.lost; rec != nil {
		rec.home.mu.Lock()
		rec.taken = append(rec.taken, taken)
		rec.home.mu.Unlock()
	} else {
		x.taken = append(x.taken, taken)
	}
	o.mu.Unlock()
	o.then(send)
}

// look marks the operation's error as looked at, now or when it is resolved.
func (o *Op) look() {
	if o.set(opLooked).has(opLooked) || o.x.Load() == nil {
		return
	}
	o.mu.Lock()
	x := o.x.Load()
	rec := x.lost
	x.lost = nil
	o.mu.Unlock()
	if rec != nil {
		rec.home.take(rec)
	}
}

// collect is the cleanup of the future.
func (rec *lostError) collect() {
	l := rec.home
	l.mu.Lock()
	defer l.mu.Unlock()
	if rec.in && !rec.gone {
		l.unlink(rec)
		rec.gone = true
		l.link(rec)
		l.anyGone.Store(true)
	}
}

// add adds rec to the list.
func (l *lostList) add(rec *lostError) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rec.in = true
	l.link(rec)
}

// take removes rec from the list, if it is there.
func (l *lostList) take(rec *lostError) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if rec.in {
		rec.in = false
		l.unlink(rec)
	}
}

// takeAll removes all errors, and returns those whose value was not received,
// the oldest first.
func (l *lostList) takeAll() []*lostError {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []*lostError
	for _, head := range []**lostError{&l.first, &l.gone} {
		for *head != nil {
			rec := *head
			l.unlink(rec)
			rec.in = false
			if !rec.received() {
				out = append(out, rec)
			}
		}
	}
	slices.Reverse(out)
	return out
}

// head returns the start of the list that rec belongs in.
func (l *lostList) head(rec *lostError) **lostError {
	if rec.gone {
		return &l.gone
	}
	return &l.first
}

func (l *lostList) link(rec *lostError) {
	head := l.head(rec)
	rec.prev, rec.next = nil, *head
	if *head != nil {
		(*head).prev = rec
	}
	*head = rec
}

func (l *lostList) unlink(rec *lostError) {
	if rec.prev != nil {
		rec.prev.next = rec.next
	} else {
		*l.head(rec) = rec.next
	}
	if rec.next != nil {
		rec.next.prev = rec.prev
	}
	rec.prev, rec.next = nil, nil
}

// startPulse makes the loop look for collected futures soon, and then at
// growing intervals.
func (r *running) startPulse() {
	l := &r.lost
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wait = firstPulse
	switch {
	case l.ended:
	case l.pulse == nil:
		l.pulse = time.AfterFunc(l.wait, r.beat)
	default:
		l.pulse.Reset(l.wait)
	}
}

// beat looks for collected futures and sets the next beat.
func (r *running) beat() {
	r.sweepLost()
	l := &r.lost
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wait *= 2
	if l.first != nil && !l.ended && l.wait < lastPulse {
		l.pulse.Reset(l.wait)
	}
}

// stop ends the pulse.
func (l *lostList) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	if l.pulse != nil {
		l.pulse.Stop()
	}
}

// received reports whether a channel's value was received.
func (rec *lostError) received() bool {
	for _, taken := range rec.taken {
		if taken() {
			return true
		}
	}
	return false
}

// sweepLost reports the errors whose futures are collected and have no channel
// that may still be received from.
func (r *running) sweepLost() {
	if !r.lost.anyGone.Load() {
		return
	}
	l := &r.lost
	var tell []*lostError
	l.mu.Lock()
	l.anyGone.Store(false)
	for rec := l.gone; rec != nil; {
		next := rec.next
		l.unlink(rec)
		if len(rec.taken) == 0 {
			rec.in = false
			tell = append(tell, rec)
		} else {
			rec.gone = false // it waits for the end of the loop
			l.link(rec)
		}
		rec = next
	}
	l.mu.Unlock()
	r.tellLost(tell)
}

// flushLost reports all errors that nothing has looked at by the loop's end.
func (r *running) flushLost() {
	r.tellLost(r.lost.takeAll())
}

// tellLost sends the events of lost errors.
func (r *running) tellLost(recs []*lostError) {
	for _, rec := range recs {
		r.events.push(r, rec.event)
	}
}
