package jobs

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"goaio.example/aio"
)

// outage is whether a Worker's broker can be reached.
type outage struct {
	down  atomic.Bool
	mu    sync.Mutex
	since time.Time
	err   error
	count int
}

// begin tells of a Reserve that has failed. The first is an event.
func (o *outage) begin(w *Worker, err error) {
	o.mu.Lock()
	first := !o.down.Swap(true)
	if first {
		o.since = time.Now()
		o.count++
	}
	o.err = err
	o.mu.Unlock()
	if first {
		w.op.Op().Report(&OutageError{Err: err})
	}
}

// end tells of a sign of life.
func (o *outage) end(w *Worker) {
	if !o.down.Load() {
		return
	}
	o.mu.Lock()
	last := o.down.Swap(false)
	took := time.Since(o.since)
	o.since, o.err = time.Time{}, nil
	o.mu.Unlock()
	if last {
		logger(w.op.Op()).Info("jobs can be reserved again", "outage", took)
	}
}

// logger returns the logger of an operation's loop.
func logger(op *aio.Op) *slog.Logger {
	if l := op.Loop().Logger; l != nil {
		return l
	}
	return slog.Default()
}
