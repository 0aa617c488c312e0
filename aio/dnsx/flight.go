package dnsx

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/stack"
)

var kindQuery = aio.NewKind("dns.query")

const (
	// flightTime bounds a flight as a whole.
	flightTime = 10 * time.Second
	// patience is how long an asker waits before it uses a stale reply (RFC
	// 8767, section 5).
	patience = 1800 * time.Millisecond
)

// errUnwanted is the cause with which a flight is cancelled when its last asker
// has left.
var errUnwanted = errors.New("dnsx: no asker waits for the answer")

// flight is a question on its way to the servers, for all lookups of a loop
// that ask it. It is an operation of the loop, not of the first asker, which
// may give up.
type flight struct {
	op         aio.Op
	x          *exchange
	lane       *lane
	plan       *plan
	q          question
	ctx        context.Context
	background bool // a daemon: no asker needs it, or there is a stale reply
	began      bool // the operation has begun

	waiters int  // askers; guarded by the exchange's lock
	kept    bool // goes on without askers; guarded by the exchange's lock
	over    bool // has ended; guarded by the exchange's lock

	mu     sync.Mutex
	racing *race // under way
	cause  error // why it was cancelled

	// at the last answer or later; only the flight's goroutine uses this and
	// the following
	now   time.Time
	end   time.Time
	first race

	done      chan struct{} // closed when the following are set
	reply     *reply
	err       error
	cancelled bool // err is why the flight was cancelled
}

// join returns the flight for q on ctx's loop, and starts it if there is none.
// If wanted is set, the caller must wait for the flight, and join may return a
// reply that has just arrived instead. Otherwise no asker waits for the flight,
// and join returns nil if there is one already.
func (x *exchange) join(ctx context.Context, q question, background, wanted bool) (*flight, *reply, error) {
	loop := aio.LoopOf(ctx)
	if loop == nil {
		return nil, nil, aio.ErrNoLoop
	}
	p := x.plan.Load()
	if p == nil || len(p.upstreams) == 0 {
		return nil, nil, &Error{Kind: KindNoServer, Host: q.name}
	}
	x.mu.Lock()
	if f := x.lanes[loop].flight(q); f != nil {
		if f.plan == p {
			defer x.mu.Unlock()
			if !wanted {
				return nil, nil, nil
			}
			f.waiters++
			x.count.coalesced.Add(1)
			return f, nil, nil
		}
		f.leaveLane() // it asks by a configuration that is out of date
	}
	if r := x.cached(q); r != nil && wanted { // a flight has just ended
		x.mu.Unlock()
		return nil, r, nil
	}
	l := x.laneOf(loop)
	f := &flight{x: x, lane: l, plan: p, q: q, background: background, done: make(chan struct{})}
	if wanted {
		f.waiters = 1
	} else {
		f.kept = true
	}
	l.flights[q] = f
	l.users++
	x.count.flights.Add(1)
	x.mu.Unlock()
	f.start(ctx)
	return f, nil, nil
}

// start begins the operation.
func (f *flight) start(ctx context.Context) {
	if f.background {
		f.op.AsDaemon()
	}
	f.ctx = aio.Detach(ctx)
	if err := f.op.Start(f.ctx, kindQuery, "", (*flightDriver)(f)); err != nil {
		f.finish(nil, err)
		return
	}
	f.began = true
	if f.background && f.op.Draining() {
		f.op.Cancel(aio.ErrExit)
	}
	f.op.Go(func() {
		stack.To8K() // dnsmessage has large frames
		f.run()
	}, func(err error) { f.finish(nil, err) })
}

// run asks the servers.
func (f *flight) run() {
	f.now = time.Now()
	f.end = f.now.Add(flightTime)
	r, err := f.resolve()
	if err != nil {
		if cause := f.fired(); cause != nil {
			f.cancelled, err = true, cause
		} else if stale := f.x.serveStale(f.q); stale != nil {
			r, err = stale, nil
		}
	}
	f.finish(r, err)
}

// finish sets the result, and ends the operation.
func (f *flight) finish(r *reply, err error) {
	f.x.mu.Lock()
	f.over = true
	f.leaveLane()
	f.x.leave(f.lane)
	f.x.mu.Unlock()
	f.x.count.flights.Add(-1)
	f.reply, f.err = r, err
	if f.began {
		f.op.End(nil) // the error is for the askers
	}
	close(f.done)
}

// leaveLane removes the flight from its lane, so that the next asker starts a
// new one. The exchange's lock is held.
func (f *flight) leaveLane() {
	if f.lane.flights[f.q] == f {
		delete(f.lane.flights, f.q)
	}
}

// wait waits for the result. If there is a stale reply, it waits for patience
// and then returns that.
func (f *flight) wait(ctx context.Context, stale bool) (*reply, error) {
	var enough <-chan time.Time
	if stale {
		t := time.NewTimer(patience)
		defer t.Stop()
		enough = t.C
	}
	select {
	case <-f.done:
		return f.reply, f.err
	case <-ctx.Done():
	case <-enough:
	}
	select {
	case <-f.done: // ready wins
		return f.reply, f.err
	default:
	}
	if ctx.Err() != nil {
		f.leave(false)
		return nil, context.Cause(ctx)
	}
	if r := f.x.serveStale(f.q); r != nil {
		f.leave(true)
		return r, nil
	}
	return f.wait(ctx, false)
}

// leave removes an asker. When the last one leaves, the flight is cancelled. If
// an asker has set keep, a flight in the background goes on instead.
func (f *flight) leave(keep bool) {
	f.x.mu.Lock()
	f.waiters--
	f.kept = f.kept || keep && f.background
	unwanted := f.waiters == 0 && !f.kept && !f.over
	if unwanted {
		f.leaveLane()
	}
	f.x.mu.Unlock()
	if unwanted {
		f.op.Cancel(errUnwanted)
	}
}

// wasCancelled reports whether the flight, which has ended, was cancelled.
func (f *flight) wasCancelled() bool {
	select {
	case <-f.done:
		return f.cancelled
	default:
		return false
	}
}

// fired returns why the flight was cancelled, or nil.
func (f *flight) fired() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cause
}

// enter makes r the race that is stopped when the flight is cancelled. It
// returns the cause if the flight is cancelled already.
func (f *flight) enter(r *race) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.racing = r
	return f.cause
}

// flightDriver has the methods of a flight for the loop.
type flightDriver flight

func (f *flightDriver) OpCancel(cause error) {
	f.mu.Lock()
	r := f.racing
	f.cause = cause
	f.mu.Unlock()
	if r != nil {
		r.stop.Fire(cause)
	}
}

func (f *flightDriver) OpName() string {
	return "query " + strings.TrimPrefix(f.q.typ.String(), "Type") + " " + f.q.name
}
