package dnsx

import (
	"context"

	"golang.org/x/sync/semaphore"

	"goaio.example/aio"
	"goaio.example/aio/dnsx/internal/transport"
)

// maxInFlight is the number of queries under way to one server and from one
// loop.
const maxInFlight = 64

// lane holds what the flights of one loop share. Flights of different loops
// share nothing that they wait for, because a loop may run in a bubble of
// testing/synctest. A lane is in the exchange's map while it is in use.
type lane struct {
	loop    *aio.Loop
	flights map[question]*flight // guarded by the exchange's lock
	// per server; guarded by the exchange's lock
	slots map[string]*semaphore.Weighted
	// flights, and the pool while it keeps connections; guarded too
	users int
	pool  transport.Pool
}

// laneOf returns the loop's lane. The lock is held.
func (x *exchange) laneOf(loop *aio.Loop) *lane {
	if l := x.lanes[loop]; l != nil {
		return l
	}
	if x.lanes == nil {
		x.lanes = map[*aio.Loop]*lane{}
	}
	l := x.spare
	x.spare = nil
	if l == nil {
		l = &lane{flights: map[question]*flight{}, slots: map[string]*semaphore.Weighted{}}
		l.pool.Hold = func() { x.hold(l) }
		l.pool.LetGo = func() { x.letGo(l) }
	}
	l.loop = loop
	l.pool.Context = aio.Detach(aio.WithLoop(context.Background(), loop))
	x.lanes[loop] = l
	return l
}

// flight returns the flight for q, or nil. The lane may be nil. The exchange's
// lock is held.
func (l *lane) flight(q question) *flight {
	if l == nil {
		return nil
	}
	return l.flights[q]
}

// leave removes a user from the lane. The lock is held.
func (x *exchange) leave(l *lane) {
	l.users--
	if l.users == 0 {
		delete(x.lanes, l.loop)
		l.loop, l.pool.Context = nil, nil
		x.spare = l
	}
}

// hold makes the lane's pool a user of the lane.
func (x *exchange) hold(l *lane) {
	x.mu.Lock()
	defer x.mu.Unlock()
	l.users++
}

// letGo reverses hold.
func (x *exchange) letGo(l *lane) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.leave(l)
}

// slot acquires one of the server's maxInFlight slots, which the caller must
// release. waited reports whether it had to wait for one.
func (f *flight) slot(u *upstream) (s *semaphore.Weighted, waited bool, err error) {
	f.x.mu.Lock()
	s = f.lane.slots[u.Spec]
	if s == nil {
		s = semaphore.NewWeighted(maxInFlight)
		f.lane.slots[u.Spec] = s
	}
	f.x.mu.Unlock()
	if s.TryAcquire(1) {
		return s, false, nil
	}
	ctx, cancel := context.WithDeadline(f.op.Context(), f.end)
	defer cancel()
	if err := s.Acquire(ctx, 1); err != nil {
		return nil, true, err
	}
	return s, true, nil
}
