package timer_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"goaio.example/aio"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errTest = errors.New("an error of the test's")

const ms = time.Millisecond

// quiet returns a loop that logs nothing and tells events to rec.
func quiet(rec *recorder) *aio.Loop {
	return &aio.Loop{Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), OnEvent: rec.add}
}

// bubble runs main in a quiet loop, in a synctest bubble. It returns how long
// Run took, the events, and Run's result.
func bubble(t *testing.T, main func(ctx context.Context, t *testing.T) error) (took time.Duration, events []aio.Event, err error) {
	t.Helper()
	var rec recorder
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err = quiet(&rec).Run(context.Background(), func(ctx context.Context) error { return main(ctx, t) })
		took = time.Since(start)
	})
	return took, rec.events, err
}

// clean is bubble for a loop that must end without an error or event, after the
// given time.
func clean(t *testing.T, want time.Duration, main func(ctx context.Context, t *testing.T)) {
	t.Helper()
	took, events, err := bubble(t, func(ctx context.Context, t *testing.T) error {
		main(ctx, t)
		return nil
	})
	if err != nil || len(events) > 0 {
		t.Errorf("Run: %v; events: %v", err, events)
	}
	if took != want {
		t.Errorf("the loop ran for %v, want %v", took, want)
	}
}

// recorder keeps events.
type recorder struct {
	mu     sync.Mutex
	events []aio.Event
}

func (r *recorder) add(e aio.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// journal keeps what happened, for tests of order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lines
}

// noop is the callback of timers that only have to be there.
func noop(context.Context) error { return nil }

// mustNot returns a callback that must not run.
func mustNot(t *testing.T) func(context.Context) error {
	return func(context.Context) error {
		t.Error("the function of a timer that was ended ran")
		return nil
	}
}
