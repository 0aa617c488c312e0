package jobs

import (
	"errors"
	"time"

	"goaio.example/aio/internal/alarm"
)

// leaseState is what has become of a run's lease.
type leaseState uint8

const (
	// leaseHeld: it is renewed. It becomes settling, lost or given.
	leaseHeld leaseState = iota
	// leaseSettling: Handle has returned, and the lease is settled. It stays so.
	leaseSettling
	// leaseLost: the broker, or its time, has ended it. It becomes settling, as
	// the job may be deleted nevertheless, or given.
	leaseLost
	// leaseGiven: the Worker has given it up while Handle runs. It stays so.
	leaseGiven
)

// hold begins to renew the lease.
func (r *run) hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state != leaseHeld { // the Worker has cut it
		return
	}
	if r.d.Lease > 0 {
		r.extend(time.Now())
	}
	if l, ok := r.lease.(Loser); ok {
		r.others.Add(1)
		r.op.Op().Go(func() {
			defer r.others.Done()
			r.watch(l)
		}, func(error) {})
	}
}

// watch waits for the end of the lease, or of Handle.
func (r *run) watch(l Loser) {
	select {
	case <-l.Lost():
		r.lose(ErrLeaseLost)
	case <-r.returned:
	}
}

// extend sets the alarms of a lease that began then. The lock is held.
func (r *run) extend(begin time.Time) {
	r.expires = begin.Add(r.d.Lease)
	alarms := alarm.Of(r.op.Op())
	alarms.Set(&r.renew, time.Until(begin.Add(r.d.Lease/3)))
	alarms.Set(&r.expire, time.Until(r.expires))
}

// end ends the renewing, as Handle has returned, and waits for calls in
// progress. It returns the state that the lease was in.
func (r *run) end() leaseState {
	r.mu.Lock()
	state := r.state
	if state != leaseGiven {
		r.state = leaseSettling
	}
	r.quiet()
	alarms := alarm.Of(r.op.Op())
	alarms.Stop(&r.patience)
	r.mu.Unlock()
	close(r.returned)
	r.others.Wait()
	return state
}

// quiet stops the renewing. The lock is held.
func (r *run) quiet() {
	alarms := alarm.Of(r.op.Op())
	alarms.Stop(&r.renew)
	alarms.Stop(&r.expire)
	if r.stopTouch != nil {
		r.stopTouch()
	}
}

// beside runs fn in a goroutine while Handle runs. The lock is held.
func (r *run) beside(fn func()) {
	r.others.Add(1)
	r.op.Op().Go(func() {
		defer r.others.Done()
		r.turn <- struct{}{}
		defer func() { <-r.turn }()
		fn()
	}, func(error) {})
}

// renewAlarm is a run as the Firer that renews its lease.
type renewAlarm run

func (a *renewAlarm) Fire() {
	r := (*run)(a)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state == leaseHeld {
		r.beside(r.touch)
	}
}

// touch renews the lease. After a failure it is tried again until the lease's
// time is over.
func (r *run) touch() {
	r.mu.Lock()
	begin := time.Now()
	left := r.expires.Sub(begin)
	if r.state != leaseHeld || left <= 0 {
		r.mu.Unlock()
		return
	}
	ctx, cancel := r.w.calls.ctx(min(r.w.callTimeout(), left))
	r.stopTouch = cancel
	r.mu.Unlock()
	defer cancel()
	err := r.contain(ctx, r.lease.Touch)
	if errors.Is(err, ErrLeaseLost) {
		r.lose(err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopTouch = nil
	switch {
	case r.state != leaseHeld:
	case err == nil:
		r.extend(begin)
	default:
		alarm.Of(r.op.Op()).Set(&r.renew, max(r.d.Lease/12, time.Millisecond))
	}
}

// expireAlarm is a run as the Firer that ends its lease.
type expireAlarm run

func (a *expireAlarm) Fire() { (*run)(a).lose(ErrLeaseLost) }

// lose ends Handle's ctx as the lease is lost.
func (r *run) lose(err error) {
	r.mu.Lock()
	if r.state != leaseHeld {
		r.mu.Unlock()
		return
	}
	r.state = leaseLost
	r.quiet()
	r.mu.Unlock()
	r.w.figures.lost.Add(1)
	r.tell("touch", err)
	r.op.Op().Cancel(ErrLeaseLost)
}

// cut ends Handle's ctx as the Worker ends. If Handle does not return soon, the
// lease is given up.
func (r *run) cut(cause error) {
	alarm.Of(r.op.Op()).Set(&r.patience, r.w.patience())
	r.op.Op().Cancel(cause)
}

// patienceAlarm is a run as the Firer that gives up its lease.
type patienceAlarm run

func (a *patienceAlarm) Fire() {
	r := (*run)(a)
	r.mu.Lock()
	state := r.state
	if state == leaseSettling {
		r.mu.Unlock()
		return
	}
	r.state = leaseGiven
	r.quiet()
	if state == leaseHeld {
		r.beside(func() {
			r.giveBack()
			r.w.settled(r)
		})
	}
	r.mu.Unlock()
	if state == leaseLost {
		r.w.settled(r)
	}
}
