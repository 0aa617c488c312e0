package cookbook_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
)

// inFlight serves a list of what is in flight in a loop.
func inFlight(l *aio.Loop) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i := range l.Ops() {
			if i.Age >= time.Second { // what is younger is not stuck
				fmt.Fprintln(w, i)
			}
		}
	})
}

// inspected returns a loop that tells more about its operations, and logs those
// that take long.
func inspected(log io.Writer) *aio.Loop {
	logger := slog.New(aio.LogHandler(slog.NewTextHandler(log, nil)))
	return &aio.Loop{
		Name:   "jobs",
		Logger: logger,
		Sites:  true, // about as much again as the start of an operation costs
		Observe: aio.Observer{Ended: func(op aio.OpInfo, err error, took time.Duration) {
			if took >= time.Minute {
				logger.Warn("slow", "op", op.Name, "id", op.ID, "site", op.Site, "took", took, "err", err)
			}
		}},
	}
}

func TestInspect(t *testing.T) {
	loop := inspected(t.Output())
	synctest.Test(t, func(t *testing.T) { aiotest.RunLoop(t, loop, stuckJob(t, loop)) })
}

// stuckJob is a main with a job that waits for two minutes.
func stuckJob(t *testing.T, loop *aio.Loop) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		answer := aio.NewPromise[int](ctx, 0, "answer of the device")
		job := aio.Go(ctx, "job", answer.Future().Await)
		time.Sleep(2 * time.Minute)

		w := httptest.NewRecorder()
		inFlight(loop).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/debug/ops", nil))
		t.Log(w.Body)
		want := `aio.go "job" #\d+ for 2m0s, in main, at \S+inspect_test.go:\d+, awaits answer of the device #\d+ for 2m0s`
		if !regexp.MustCompile(want).MatchString(w.Body.String()) {
			t.Error("what the job awaits is not shown")
		}
		answer.Resolve(42)
		_, err := job.Await(ctx)
		return err
	}
}
