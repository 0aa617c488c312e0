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

// A Worker does the jobs of a Source. Like http.Server, it holds both the
// settings and the running worker. Set the fields before Start, which may be
// called once. After Start, the methods are safe for concurrent use.
//
// A Worker is an operation (kind "jobs.worker"), and each run of a job is a
// child of it (kind "jobs.job", named by queue and ID). Events about them are
// Served: aio.DefaultOnEvent logs them, and does not exit the loop.
type Worker struct {
	// Source provides the jobs. The Worker closes it when it ends.
	Source Source
	// Handle does a job. Calls run concurrently, up to Slots at once. ctx ends
	// when the lease is lost (its cause is ErrLeaseLost), when the time that a
	// drain leaves is over, and when the Worker is closed or cancelled. Each
	// call is an aio.Scope: the job is done when all operations that Handle has
	// started with ctx have ended, and their first error is the job's.
	//
	// With a nil error the job is deleted. With an error it is released, to be
	// tried again after Backoff, or buried if it is one of timer.Permanent or
	// MaxAttempts is reached. With aio.Loop.CatchPanics a panic is an error and
	// an event; without it, it ends the loop like any panic. Handle may be
	// called twice for one job: see the package documentation.
	Handle func(ctx context.Context, j *Job) error
	// Slots is the number of jobs that run at once. 0 or less means
	// runtime.GOMAXPROCS(0).
	Slots int
	// Reserves is the number of calls of Source.Reserve that wait for jobs at
	// once, up to Slots. With one, a Worker begins at most one job per round
	// trip to the broker. 0 or less means 4.
	Reserves int
	// MaxAttempts is the number of attempts after which a failed job is buried.
	// Each delivery is an attempt, including those whose worker was killed, as
	// far as the broker counts them. A job that is handed out once more than
	// that is buried and not run. 0 means 10; negative: no bound.
	MaxAttempts int
	// Backoff is how long a failed job waits for its next attempt. Its
	// Attempts, Elapsed and Limiter have no effect.
	Backoff timer.Backoff
	// Reconnect is how long to wait after a failed Reserve, by the number of
	// successive failures. Its Attempts, Elapsed and Limiter have no effect.
	Reconnect timer.Backoff
	// Grace is how long running jobs may go on once the Worker drains; then
	// their ctx ends. Those that have not returned a tenth of the loop's Grace
	// later, 1 s at most, are released anyway, so that they are handed out at
	// once. 0 means 80% of the loop's Grace; negative: no time.
	Grace time.Duration
	// CallTimeout bounds each call of a Lease, and closing the Source. 0 or
	// less means 10 s.
	CallTimeout time.Duration
	// OnRetry is called when a job has failed and is about to be released, with
	// the error and the wait. nil means to log it as a warning. It should not
	// block.
	OnRetry func(j *Job, err error, wait time.Duration)

	op      aio.Promise[struct{}]
	calls   calls
	used    atomic.Bool // Start was called
	started atomic.Bool // Start has begun the Worker
	late    bool        // started while the loop was draining
	// one element for each job that runs, or that a Reserve may return
	slots   chan struct{}
	outage  outage
	figures figures

	mu        sync.Mutex
	phase     phase
	clock     alarm.Alarm // of the phase
	reservers int         // goroutines that call Reserve
	runs      map[*run]struct{}
}

// Start starts doing jobs, until the loop drains, ctx's operation is cancelled,
// or the Worker is shut down or closed. It returns at once: a broker that
// cannot be reached is an *OutageError event, and the Worker keeps trying. The
// error is aio.ErrNoLoop or aio.ErrLoopDone, or says that a field is missing or
// the Worker was started before. Source is then not closed.
//
// A Worker is work in progress: while the loop drains it goes on for up to
// Grace. A Worker that was started within an aio.Daemon is cancelled then.
func (w *Worker) Start(ctx context.Context) error {
	switch {
	case w.Source == nil || w.Handle == nil:
		return errors.New("jobs: the Worker needs both Source and Handle")
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
// operations that consist of a Worker. When ctx ends, the Worker is closed as
// by Close. Run returns nil if the Worker was shut down, closed or drained,
// else context.Cause(ctx), or an error of Start.
func (w *Worker) Run(ctx context.Context) error {
	if err := w.Start(ctx); err != nil {
		return err
	}
	// it ends when ctx does, after settling everything
	_, err := w.Future().Await(context.WithoutCancel(ctx))
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return err
}

// Future returns the Worker's future. It is done when the Source is closed and
// the last Handle has returned. The future of a Worker that was not started
// must not be used.
func (w *Worker) Future() *aio.Future[struct{}] { return w.op.Future() }

// Shutdown ends the Worker gracefully, as when the loop drains: it reserves no
// more, and running jobs have up to Grace. It waits for the end until ctx ends,
// and then returns an *aio.AwaitError; the Worker continues to shut down.
// Before Start it does nothing.
func (w *Worker) Shutdown(ctx context.Context) error {
	if !w.started.Load() {
		return nil
	}
	w.leave()
	_, err := w.Future().Await(ctx)
	return err
}

// Close ends the Worker without Grace: the ctx of running jobs ends, with
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
