package jobs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
	"goaio.example/aio/timer"
)

var kindJob = aio.NewKind("jobs.job")

// run is one run of a job: a lease, and the operation that works on it.
type run struct {
	w       *Worker
	op      aio.Promise[struct{}]
	lease   Lease
	d       Delivery
	job     Job
	bad     error  // why the job could not be decoded
	name    string // of the operation
	attempt int

	renew, expire, patience alarm.Alarm

	mu        sync.Mutex
	state     leaseState
	expires   time.Time
	stopTouch context.CancelFunc // of a Touch in progress
	// goroutines that use the lease while Handle runs
	others   sync.WaitGroup
	turn     chan struct{} // held by one of them at a time
	returned chan struct{} // closed when Handle has returned

	ending bool // Handle has returned; used by its goroutine
}

// newRun returns a run for a lease.
func newRun(w *Worker, l Lease) *run {
	r := &run{w: w, lease: l, d: l.Delivery(), turn: make(chan struct{}, 1), returned: make(chan struct{})}
	r.job, r.bad = Decode(r.d)
	r.attempt = r.job.Attempt
	r.name = printable(r.d.Queue) + " " + string(r.job.ID)
	r.renew.Init((*renewAlarm)(r))
	r.expire.Init((*expireAlarm)(r))
	r.patience.Init((*patienceAlarm)(r))
	return r
}

// printable returns s, quoted if it is not fit for listings.
func printable(s string) string {
	if isToken(s) {
		return s
	}
	return strconv.QuoteToASCII(s[:min(len(s), maxQueue)])
}

// begin begins the run of a new lease, or returns the job if the Worker leaves.
// The run takes over a slot.
func (w *Worker) begin(r *run) {
	w.figures.reserved.Add(1)
	w.figures.running.Add(1)
	// the loop is done
	if r.op.Start(w.op.Context(), kindJob, r.name, (*runDriver)(r)) != nil {
		w.figures.running.Add(-1)
		w.giveSlot()
		return
	}
	w.mu.Lock()
	serves := w.phase == serving && !w.cancelled()
	if serves {
		w.runs[r] = struct{}{}
	}
	w.mu.Unlock()
	if serves {
		r.hold()
		r.op.Op().Go(r.do, r.gone)
		return
	}
	r.state = leaseSettling
	r.giveBack()
	r.finish(nil)
	<-w.calls.reserve.Done() // it ends soon
}

// runDriver is the driver of a run's operation.
type runDriver run

// OpCancel does nothing: Handle's ctx has ended, and the Worker settles the
// lease.
func (d *runDriver) OpCancel(error) {}

// do does the job.
func (r *run) do() {
	w := r.w
	switch most := w.maxAttempts(); {
	case r.bad != nil && !errors.Is(r.bad, ErrVersion):
		r.conclude(timer.Permanent(r.bad))
	case r.bad != nil: // another worker may know the version
		r.conclude(r.bad)
	case most > 0 && r.attempt > most:
		r.conclude(timer.Permanent(fmt.Errorf("%d attempts have not ended", most)))
	default:
		j := r.job
		r.conclude(aio.Scope(r.op.Context(), r.name, func(ctx context.Context) error { return w.Handle(ctx, &j) }))
	}
}

// gone is called when the goroutine has ended by runtime.Goexit: in Handle,
// which another goroutine concludes, or in a call to the broker.
func (r *run) gone(err error) {
	if r.ending {
		r.finish(err)
		return
	}
	r.op.Op().Go(func() { r.conclude(err) }, r.gone)
}

// conclude settles the lease according to the error of Handle.
func (r *run) conclude(err error) {
	r.ending = true
	switch r.end() {
	case leaseHeld:
		r.settle(err)
	case leaseLost:
		if err == nil && r.call("delete", r.lease.Delete) {
			r.w.figures.deleted.Add(1)
		}
	case leaseGiven:
		if err == nil {
			r.unsure("delete", errGiven)
		}
	}
	r.finish(err)
}

var errGiven = errors.New("the job was done after it was given back: it is done again")

// settle settles a lease that is held.
func (r *run) settle(err error) {
	w := r.w
	most := w.maxAttempts()
	switch {
	case err == nil:
		if r.call("delete", r.lease.Delete) {
			w.figures.deleted.Add(1)
		}
	case timer.IsPermanent(err):
		r.bury(err)
	case w.at(cutting), w.cancelled():
		w.calls.stopReserving(aio.ErrExit) // released jobs are for others
		r.giveBack()
	case most > 0 && r.attempt >= most:
		r.bury(err)
	default:
		r.retry(err)
	}
}

// bury buries the job.
func (r *run) bury(err error) {
	if r.call("bury", func(ctx context.Context) error { return r.lease.Bury(ctx, err) }) {
		r.w.figures.buried.Add(1)
		r.op.Op().Report(&BuriedError{Queue: r.d.Queue, ID: r.job.ID, Attempt: r.attempt, Err: err})
	}
}

// retry releases a job that has failed.
func (r *run) retry(err error) {
	wait := r.w.Backoff.Wait(r.attempt + 1)
	if tell := r.w.OnRetry; tell != nil {
		j := r.job
		// a panic has been reported
		_ = r.op.Op().Call(func() { tell(&j, err, wait) }, func(error) {})
	} else {
		logger(r.op.Op()).Warn("a job failed", "queue", r.d.Queue, "id", string(r.job.ID), "attempt", r.attempt, "wait", wait, "err", err)
	}
	if r.call("release", func(ctx context.Context) error { return r.lease.Release(ctx, wait) }) {
		r.w.figures.retried.Add(1)
	}
}

// giveBack releases a job because the Worker ends.
func (r *run) giveBack() {
	if r.call("release", func(ctx context.Context) error { return r.lease.Release(ctx, 0) }) {
		r.w.figures.returned.Add(1)
	}
}

// call makes a call that settles the lease, up to three times. It reports
// whether the call succeeded; a failure is an event.
func (r *run) call(op string, fn func(ctx context.Context) error) bool {
	ctx, cancel := r.w.calls.ctx(r.w.callTimeout())
	defer cancel()
	var err error
	for _, wait := range (timer.Backoff{Attempts: 3, Initial: 50 * time.Millisecond}).Delays() {
		if wait > 0 && timer.Sleep(ctx, wait) != nil {
			break
		}
		if err = r.contain(ctx, fn); err == nil {
			return true
		}
		if errors.Is(err, ErrLeaseLost) || ctx.Err() != nil {
			break
		}
	}
	r.unsure(op, err)
	return false
}

// contain calls fn. It returns a panic, which has been reported, as an error.
func (r *run) contain(ctx context.Context, fn func(ctx context.Context) error) (err error) {
	if panicked := r.op.Op().Call(func() { err = fn(ctx) }, func(error) {}); panicked != nil {
		return panicked
	}
	return err
}

// unsure reports a lease that could not be settled.
func (r *run) unsure(op string, err error) {
	r.w.figures.unsure.Add(1)
	r.tell(op, err)
}

func (r *run) tell(op string, err error) {
	r.op.Op().Report(&LeaseError{Op: op, Queue: r.d.Queue, ID: r.job.ID, Attempt: r.attempt, Err: err})
}

// finish ends the run.
func (r *run) finish(err error) {
	w := r.w
	w.settled(r)
	w.figures.running.Add(-1)
	w.giveSlot()
	if err == nil {
		r.op.Resolve(struct{}{})
		return
	}
	r.op.Op().Told() // reported by the event about the job
	r.op.Reject(err)
}

// settled removes a run from those whose leases are held.
func (w *Worker) settled(r *run) {
	w.mu.Lock()
	delete(w.runs, r)
	w.mu.Unlock()
	w.advance()
}

// cancelled reports whether the Worker's operation was cancelled. The Worker's
// driver is called after that, and calls cut.
func (w *Worker) cancelled() bool { return w.op.Context().Err() != nil }

// maxAttempts returns the limit of attempts, negative for none.
func (w *Worker) maxAttempts() int {
	if w.MaxAttempts == 0 {
		return 10
	}
	return w.MaxAttempts
}
