package jobs

import (
	"log/slog"
	"sync"
	"time"

	"goaio.example/aio"
)

// outage records whether a Worker's broker can be reached.
type outage struct {
	mu    sync.Mutex
	alive time.Time // time of the latest sign of life
	since time.Time // zero if the broker can be reached
	err   error
	count int
}

// begin records that a Reserve that was called at began has failed. The first
// failure of an outage is an event. A failure is ignored if there was a sign of
// life since began: several connections may have broken in the last outage.
func (o *outage) begin(w *Worker, began time.Time, err error) {
	o.mu.Lock()
	first := o.since.IsZero() && !began.Before(o.alive)
	if first {
		o.since = time.Now()
		o.count++
	}
	if !o.since.IsZero() {
		o.err = err
	}
	o.mu.Unlock()
	if first {
		w.op.Op().Report(&OutageError{Err: err})
	}
}

// end records a sign of life.
func (o *outage) end(w *Worker) {
	o.mu.Lock()
	o.alive = time.Now()
	since := o.since
	o.since, o.err = time.Time{}, nil
	o.mu.Unlock()
	if !since.IsZero() {
		logger(w.op.Op()).Info("jobs can be reserved again", "outage", time.Since(since))
	}
}

// logger returns the logger of an operation's loop.
func logger(op *aio.Op) *slog.Logger {
	if l := op.Loop().Logger; l != nil {
		return l
	}
	return slog.Default()
}
