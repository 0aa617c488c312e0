package jobs

import (
	"errors"
	"time"

	"goaio.example/aio/internal/alarm"
)

// leaseState is the state of a run's lease.
type leaseState uint8

const (
	// leaseHeld: the lease is renewed. Next: settling, lost or given.
	leaseHeld leaseState = iota
	// leaseSettling: Handle has returned, and the lease is settled. It is
	// final.
	leaseSettling
	// leaseLost: the broker, or its time, has ended the lease. Next: settling,
	// as the job may nevertheless be deleted, or given.
	leaseLost
	// leaseGiven: the Worker has given up the lease while Handle runs. It is
	// final.
	leaseGiven
)

// hold starts renewing the lease.
func (r *run) hold() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state != leaseHeld { // the Worker has called cut
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

// extend sets the alarms of a lease that began at begin. The lock is held.
func (r *run) extend(begin time.Time) {
	r.expires = begin.Add(r.d.Lease)
	alarms := alarm.Of(r.op.Op())
	alarms.Set(&r.renew, time.Until(begin.Add(r.d.Lease/3)))
	alarms.Set(&r.expire, time.Until(r.expires))
}

// end stops renewing after Handle has returned, and waits for calls in
// progress. It returns the lease's state.
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

// quiet stops the renewal. The lock is held.
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

// renewAlarm is the alarm.Firer that renews a run's lease.
type renewAlarm run

func (a *renewAlarm) Fire() {
	r := (*run)(a)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state == leaseHeld {
		r.beside(r.touch)
	}
}

// touch renews the lease. After a failure it tries again until the lease's time
// is over.
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

// expireAlarm is the alarm.Firer that ends a run's lease.
type expireAlarm run

func (a *expireAlarm) Fire() { (*run)(a).lose(ErrLeaseLost) }

// lose ends Handle's ctx because the lease is lost.
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

// cut ends Handle's ctx because the Worker ends. If Handle does not return
// soon, the lease is given up.
func (r *run) cut(cause error) {
	alarm.Of(r.op.Op()).Set(&r.patience, r.w.patience())
	r.op.Op().Cancel(cause)
}

// patienceAlarm is the alarm.Firer that gives up a run's lease.
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
