package jobs_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio/jobs"
)

// A broker that cannot be reached, from the beginning or later, is one event
// for each outage, and seen in Stats; jobs are done when it is back.
func TestOutage(t *testing.T) {
	for name, fault := range map[string]func(context.Context, string) error{
		"fails": failing("reserve", errBroken), "panics": panicking("reserve"),
		"exits": func(_ context.Context, call string) error {
			if call == "reserve" {
				goexit()
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(ctx context.Context, b *bench) {
				begin := time.Now()
				up := func() bool { d := time.Since(begin); return d >= time.Hour && d < 2*time.Hour || d >= 3*time.Hour }
				b.source.before = func(ctx context.Context, call string) error {
					if up() {
						return nil
					}
					return fault(ctx, call)
				}
				b.source.poll = 5 * time.Second
				b.start(ctx, &jobs.Worker{Slots: 1}, func(context.Context, *jobs.Job) error { return nil })
				b.put(ctx, "one")
				for i := range 2 {
					time.Sleep(59 * time.Minute)
					if s := b.worker.Stats(); s.Outages != i+1 || s.DownErr == nil || s.DownSince.Before(begin.Add(time.Duration(i)*2*time.Hour)) || time.Since(s.DownSince) < 58*time.Minute {
						t.Errorf("the broker is down, and the figures are %+v", s)
					}
					time.Sleep(2 * time.Minute)
					if s := b.worker.Stats(); s.DownErr != nil || !s.DownSince.IsZero() || s.Reserved == 0 || s.Reserved != s.Deleted {
						t.Errorf("the broker is back, and the figures are %+v", s)
					}
					time.Sleep(59 * time.Minute)
					b.put(ctx, "more")
				}
				b.shutdown(ctx)
				outages := 0
				for _, e := range b.events.Events() {
					if _, ok := e.Err.(*jobs.OutageError); ok {
						outages++
					}
					if !e.Served {
						t.Errorf("the event %v is not Served", e.Err)
					}
				}
				if outages != 2 {
					t.Errorf("%d events of 2 outages", outages)
				}
			})
		})
	}
}

// Reserve is not called at once again when it fails, or says that there is
// nothing.
func TestReserveIsPaced(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		most int
	}{
		"no job": {jobs.ErrNoJob, 4 * 10 * 60},
		"broken": {errBroken, 4 * 200},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(ctx context.Context, b *bench) {
				calls := make(chan struct{}, 1e6)
				b.source.before = func(context.Context, string) error {
					calls <- struct{}{}
					return test.err
				}
				b.start(ctx, &jobs.Worker{Slots: 4}, func(context.Context, *jobs.Job) error { return nil })
				time.Sleep(time.Minute)
				synctest.Wait()
				if n := len(calls); n > test.most+4 || n < 4 {
					t.Errorf("%d calls in a minute, want up to %d", n, test.most)
				}
				b.worker.Close()
			})
		})
	}
}

// A Source that returns nothing at all is one that fails.
func TestNoLease(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		w := &jobs.Worker{Source: nothing{}, Handle: func(context.Context, *jobs.Job) error { return nil }}
		if err := w.Start(ctx); err != nil {
			t.Fatalf("w.Start: %v", err)
		}
		time.Sleep(time.Minute)
		if err := w.Shutdown(ctx); err != nil {
			t.Errorf("w.Shutdown: %v", err)
		}
		b.wantEvents("jobs: cannot reserve jobs: jobs: the Source has returned neither a lease nor an error")
	})
}

type nothing struct{}

func (nothing) Reserve(context.Context) (jobs.Lease, error) { return nil, nil }
func (nothing) Close(context.Context) error                 { return nil }

// A connection that an outage has broken, and that fails when another is back
// already, is no other outage.
func TestOneOutage(t *testing.T) {
	inBubble(t, func(ctx context.Context, b *bench) {
		calls := 0
		var mu sync.Mutex
		b.source.before = func(context.Context, string) error {
			mu.Lock()
			calls++
			first := calls <= 4
			late := time.Duration(calls) * time.Minute
			mu.Unlock()
			if first {
				time.Sleep(late)
				return errBroken
			}
			return nil
		}
		b.source.poll = time.Second
		b.start(ctx, &jobs.Worker{Slots: 4}, func(context.Context, *jobs.Job) error { return nil })
		time.Sleep(time.Hour)
		b.shutdown(ctx)
		b.wantEvents("jobs: cannot reserve jobs: broken")
		if s := b.worker.Stats(); s.Outages != 1 {
			t.Errorf("figures: %+v", s)
		}
	})
}
