package jobs

import (
	"context"
	"time"

	"goaio.example/aio/timer"
)

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
}
