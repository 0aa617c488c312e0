package flow_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/flow"
	"goaio.example/aio/timer"
)

// everything starts one of each, all of which would go on forever.
func everything(ctx context.Context, topic *flow.Topic[int]) {
	nap := func(ctx context.Context) error {
		return timer.Sleep(ctx, time.Duration(1+rand.IntN(1000))*time.Microsecond)
	}
	var read atomic.Int64
	flow.Each(ctx, count(&read), flow.Options{Limit: 3}, func(ctx context.Context, _ int) error { return nap(ctx) })
	aio.Spawn(ctx, "range", func(ctx context.Context) error {
		for _, err := range flow.Map(ctx, count(&read), flow.Options{Limit: 3}, func(ctx context.Context, i int) (int, error) {
			return i, nap(ctx)
		}) {
			if err != nil {
				return err
			}
		}
		return nil
	})
	var f flow.Frontier[int]
	f.Add(0)
	f.Each(ctx, flow.Options{Limit: 3}, func(ctx context.Context, v int) error {
		f.Add(v + 1)
		return nap(ctx)
	})
	flow.Keep(ctx, "kept", flow.Restart{Max: -1, Backoff: timer.Backoff{Initial: time.Millisecond, Max: time.Millisecond}}, func(ctx context.Context) error {
		aio.Spawn(ctx, "child", nap)
		nap(ctx)
		return errTest
	})
	var s flow.Shared[int, int]
	for range 3 {
		aio.Spawn(ctx, "asker", func(ctx context.Context) error {
			for {
				_, err := s.Do(ctx, rand.IntN(2), func(ctx context.Context) (int, error) { return 0, nap(ctx) }).Await(ctx)
				if err != nil {
					return err
				}
			}
		})
		aio.Daemon(ctx, "receiver", func(ctx context.Context) error {
			for range topic.Subscribe(ctx, 1, flow.Slow(rand.IntN(3))).C() {
				nap(ctx)
			}
			return nil
		})
	}
	aio.Spawn(ctx, "publisher", func(ctx context.Context) error {
		for {
			if err := topic.Publish(ctx, 1); err != nil {
				return err
			}
			if err := nap(ctx); err != nil {
				return err
			}
		}
	})
}

// However and whenever the loop ends, it ends in time, with no event but a
// failure that is not restarted, and leaves nothing.
func TestEnds(t *testing.T) {
	const grace = 5 * time.Millisecond
	for name, end := range map[string]func(ctx context.Context, cancel func()){
		"exit":   func(ctx context.Context, _ func()) { aio.LoopOf(ctx).Exit(nil) },
		"cancel": func(ctx context.Context, _ func()) { aio.LoopOf(ctx).Cancel(nil) },
		"ctx":    func(_ context.Context, cancel func()) { cancel() },
	} {
		for _, most := range []int{0, 4} {
			for i := range 10 {
				after := time.Duration(rand.IntN(10_000)) * time.Microsecond
				t.Run(fmt.Sprint(name, " ", most, " ", i), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						l := &aio.Loop{
							MaxInFlight: most, Grace: grace, CatchPanics: true,
							Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
							OnEvent: func(e aio.Event) {
								// the last of its failures
								if e.Op.Kind.String() != "flow.keep" || !errors.Is(e.Err, errTest) {
									t.Errorf("event: %v", e.Err)
								}
							},
						}
						ctx, cancel := context.WithCancel(t.Context())
						defer cancel()
						begin := time.Now()
						var topic *flow.Topic[int]
						err := l.Run(ctx, func(ctx context.Context) error {
							topic = flow.NewTopic[int](ctx, "")
							everything(ctx, topic)
							timer.Delay(ctx, after, func(context.Context) error {
								end(ctx, cancel)
								return nil
							})
							return nil
						})
						if took := time.Since(begin); took < after || took > after+grace || err != nil && !errors.Is(err, context.Canceled) {
							t.Errorf("took %v, the end began after %v: %v", took, after, err)
						}
						if topic.Publish(t.Context(), 1) == nil {
							t.Error("the topic is open")
						}
					})
				})
			}
		}
	}
}
