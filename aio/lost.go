package aio

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// lostError is the error of a future at which nobody has looked yet. It does not refer to the future.
type lostError struct {
	run   *running
	event queued
	scope *scope
	// taken tells, for each channel of Future.C, whether its value was received. Such a channel may live on when
	// the future is gone, so that only the loop's end tells that nobody looked.
	taken      []func() bool
	collected  bool // the future is gone
	in         bool
	prev, next *lostError
}

// lostList has a loop's errors at which nobody has looked yet.
//
// The cleanup of a collected future runs in a goroutine of the runtime, which must not touch what belongs to a
// synctest bubble: it only marks, and the loop looks for marks whenever an operation begins or ends and, as long as
// there are any errors to watch, at growing intervals.
type lostList struct {
	collected atomic.Int32 // marks to be looked for

	mu    sync.Mutex
	first *lostError
	pulse *time.Timer
	wait  time.Duration // until the pulse's next beat
	ended bool
}

const (
	firstPulse = 50 * time.Millisecond
	lastPulse  = 10 * time.Minute // a loop that does nothing for so long looks again when it does something
)

// watchLost has err told of as lost if nobody looks at it before the future is collected or the loop ends.
func (o *Op) watchLost(err error) {
	if o.cancelledOnly(err) {
		return
	}
	r := o.run
	rec := &lostError{run: r, scope: o.nearestScope()}
	rec.event = queued{o.handler(), Event{time.Now(), r.loop, o.info(r.now()), err, true}}
	o.mu.Lock()
	if o.state.Load()&(opLooked|opTold) != 0 {
		o.mu.Unlock()
		return
	}
	x := o.extra()
	x.lost, rec.taken = rec, x.taken
	r.lost.add(rec)
	o.mu.Unlock()
	runtime.AddCleanup(o, (*lostError).collect, rec)
}

// tap has send called once the result is there. Until taken says that what it sent was received, nobody has looked at
// an error.
func (o *Op) tap(send func(), taken func() bool) {
	o.mu.Lock()
	x := o.extra()
	if rec := x.lost; rec != nil {
		rec.run.lost.mu.Lock()
		rec.taken = append(rec.taken, taken)
		rec.run.lost.mu.Unlock()
	} else {
		x.taken = append(x.taken, taken)
	}
	o.mu.Unlock()
	o.then(send)
}

// look notes that somebody looks at the operation's error, or will.
func (o *Op) look() {
	if o.state.Or(opLooked)&opLooked != 0 {
		return
	}
	if o.x.Load() == nil {
		return
	}
	o.mu.Lock()
	x := o.x.Load()
	rec := x.lost
	x.lost = nil
	o.mu.Unlock()
	if rec != nil {
		rec.run.lost.remove(rec)
	}
}

// collect marks that the future is gone.
func (rec *lostError) collect() {
	l := &rec.run.lost
	l.mu.Lock()
	if rec.in {
		rec.collected = true
		l.collected.Add(1)
	}
	l.mu.Unlock()
}

// add puts rec into the list.
func (l *lostList) add(rec *lostError) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rec.in = true
	rec.next = l.first
	if l.first != nil {
		l.first.prev = rec
	}
	l.first = rec
	l.wait = firstPulse
	switch {
	case l.ended:
	case l.pulse == nil:
		l.pulse = time.AfterFunc(l.wait, rec.run.beat)
	default:
		l.pulse.Reset(l.wait)
	}
}

// remove takes rec out of the list. It reports false if it was out already.
func (l *lostList) remove(rec *lostError) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.removeLocked(rec)
}

func (l *lostList) removeLocked(rec *lostError) bool {
	if !rec.in {
		return false
	}
	if rec.prev != nil {
		rec.prev.next = rec.next
	} else {
		l.first = rec.next
	}
	if rec.next != nil {
		rec.next.prev = rec.prev
	}
	rec.in, rec.prev, rec.next = false, nil, nil
	if rec.collected {
		l.collected.Add(-1)
	}
	return true
}

// beat looks for collected futures and sets the next beat.
func (r *running) beat() {
	if r.lost.collected.Load() != 0 {
		r.sweepLost()
	}
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

// takeIf removes and returns the records that which chooses. Those whose value was received are dropped.
func (l *lostList) takeIf(which func(*lostError) bool) []*lostError {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []*lostError
	for rec := l.first; rec != nil; {
		next := rec.next
		switch {
		case rec.received():
			l.removeLocked(rec)
		case which(rec):
			l.removeLocked(rec)
			out = append(out, rec)
		}
		rec = next
	}
	return out
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

// sweepLost tells of the errors whose futures are gone without any channel that may still be read.
func (r *running) sweepLost() {
	r.tellLost(r.lost.takeIf(func(rec *lostError) bool {
		if !rec.collected {
			return false
		}
		rec.collected = false // looked at now; what stays waits for the end of its scope or of the loop
		r.lost.collected.Add(-1)
		return rec.scope == nil && len(rec.taken) == 0
	}))
}

// flushLost tells of all errors that nobody has looked at by the loop's end.
func (r *running) flushLost() {
	r.tellLost(r.lost.takeIf(func(*lostError) bool { return true }))
}

// tellLost sends the events of lost errors.
func (r *running) tellLost(recs []*lostError) {
	for _, rec := range recs {
		r.events.push(r, rec.event)
	}
}
