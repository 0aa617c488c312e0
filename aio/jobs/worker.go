package jobs

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/internal/alarm"
	"goaio.example/aio/timer"
)

var kindWorker = aio.NewKind("jobs.worker")

// Worker does the jobs of a Source. It is settings and handle in one, as
// http.Server. Set the fields before Start; the methods may be called from any
// goroutine after it. A Worker starts once.
//
// A Worker is an operation (kind "jobs.worker"), and each run of a job is a
// child of it (kind "jobs.job", named by queue and ID). Events about them are
// Served: aio.DefaultOnEvent logs them, and does not exit the loop.
type Worker struct {
	// Source is where the jobs come from. The Worker closes it when it ends.
	Source Source
	// Handle does a job. Calls run concurrently, up to Slots at once. ctx ends
	// when the lease is lost (its cause is ErrLeaseLost), when the time that a
	// drain leaves is over, and when the Worker is closed or cancelled. Each
	// call is an aio.Scope: the job is done when all that Handle has started
	// with ctx has ended, and the first error among them is the job's.
	//
	// With a nil error the job is deleted. With an error it is released, to be
	// tried again after Backoff, or buried if it is one of timer.Permanent or
	// MaxAttempts is reached. A panic is an error here, and an event, with
	// aio.Loop.CatchPanics; without that it ends the loop as any panic. Handle
	// may be called twice for one job: see the package documentation.
	Handle func(ctx context.Context, j *Job) error
	// Slots is how many jobs run at once. 0 or less means
	// runtime.GOMAXPROCS(0).
	Slots int
	// Reserves is how many calls of Source.Reserve wait for jobs at once, up to
	// Slots. With one, a Worker begins a job each round trip to the broker at
	// most. 0 or less means 4.
	Reserves int
	// MaxAttempts is after how many attempts a job that fails is buried. Each
	// delivery is an attempt, those included whose worker was killed, as far as
	// the broker counts them. A job that is handed out once more than that is
	// buried and not run. 0 means 10; negative: no bound.
	MaxAttempts int
	// Backoff is how long a job that has failed waits for its next attempt. Its
	// Attempts, Elapsed and Limiter do not count.
	Backoff timer.Backoff
	// Reconnect is how long to wait after a Reserve that failed, by the number
	// of failures in a row. Its Attempts, Elapsed and Limiter do not count.
	Reconnect timer.Backoff
	// Grace is how long jobs that run may go on once the Worker drains; then
	// their ctx ends. Those that have not returned a tenth of the loop's Grace
	// later, 1 s at most, are released nevertheless, so that they are handed
	// out at once. 0 means 80% of the loop's Grace; negative: no time.
	Grace time.Duration
	// CallTimeout bounds each call of a Lease, and the closing of the Source. 0
	// or less means 10 s.
	CallTimeout time.Duration
	// OnRetry is called when a job has failed and is about to be released, with
	// the error and the wait. nil means to log it as a warning. It should not
	// block.
	OnRetry func(j *Job, err error, wait time.Duration)

	op      aio.Promise[struct{}]
	calls   calls
	used    atomic.Bool   // Start was called
	started atomic.Bool   // and has begun the Worker
	late    bool          // started while the loop drained
	slots   chan struct{} // one in it for each job that runs, or that a Reserve may bring
	outage  outage
	figures figures

	mu        sync.Mutex
	phase     phase
	clock     alarm.Alarm // of the phase
	reservers int         // goroutines that call Reserve
	runs      map[*run]struct{}
}

// Start begins to do jobs, until the loop drains, ctx's operation is cancelled,
// or the Worker is shut down or closed. It returns at once: a broker that
// cannot be reached is an *OutageError event, and the Worker goes on trying.
// The error is aio.ErrNoLoop or aio.ErrLoopDone, or says that a field is
// missing or the Worker was started before. Source is then not closed.
//
// A Worker is work in progress: while the loop drains it goes on for up to
// Grace. One that is started within an aio.Daemon is cancelled then.
func (w *Worker) Start(ctx context.Context) error {
	switch {
	case w.Source == nil || w.Handle == nil:
		return errors.New("jobs: the Worker needs a Source and a Handle")
	case w.used.Swap(true):
		return errors.New("jobs: the Worker was started before")
	}
	w.slots = make(chan struct{}, orDefault(w.Slots, runtime.GOMAXPROCS(0)))
	w.reservers = min(orDefault(w.Reserves, 4), cap(w.slots))
	w.runs = make(map[*run]struct{})
	w.clock.Init((*workerClock)(w))
	w.late = isDraining(ctx)
	w.op.Op().AsServed()
	w.calls.init()
	if err := w.op.Start(ctx, kindWorker, "", (*workerDriver)(w)); err != nil {
		return err
	}
	if err := w.calls.start(ctx, w.op.Op().Info().Daemon); err != nil {
		w.op.Op().Told() // Start returns it
		w.op.Reject(err)
		return err
	}
	w.started.Store(true)
	for range w.reservers {
		(&reserver{w: w}).start()
	}
	if op := w.op.Op(); op.Draining() && op.TopLevel() {
		w.leave()
	}
	return nil
}

// Run is Start, and waits for the Worker's end: for main functions, and for
// operations that are a Worker. When ctx ends, the Worker is closed as by
// Close. Run returns nil when the Worker has ended because it was shut down,
// closed or drained, else context.Cause(ctx), or an error of Start.
func (w *Worker) Run(ctx context.Context) error {
	if err := w.Start(ctx); err != nil {
		return err
	}
	_, err := w.Future().Await(context.WithoutCancel(ctx)) // that ends when ctx does, and all is settled
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return err
}

// Future returns the Worker's future: it is done when the Source is closed and
// the last Handle has returned. The future of a Worker that was not started
// must not be used.
func (w *Worker) Future() *aio.Future[struct{}] { return w.op.Future() }

// Shutdown ends the Worker gracefully, as when the loop drains: it reserves no
// more, and jobs that run have up to Grace. It waits for the end until ctx
// ends, then returns an *aio.AwaitError; the Worker still shuts down. Before
// Start it does nothing.
func (w *Worker) Shutdown(ctx context.Context) error {
	if !w.started.Load() {
		return nil
	}
	w.leave()
	_, err := w.Future().Await(ctx)
	return err
}

// Close ends the Worker without Grace: the ctx of the jobs that run ends, with
// aio.ErrClosed, and those that fail with that are released. It does not wait:
// see Future. Before Start it does nothing.
func (w *Worker) Close() {
	if w.started.Load() {
		w.cut(aio.ErrClosed)
	}
}

// isDraining reports whether ctx's loop drains.
func isDraining(ctx context.Context) bool {
	select {
	case <-aio.Draining(ctx):
		return true
	default:
		return false
	}
}

// orDefault returns v, or def if v is not positive.
func orDefault[T int | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}
