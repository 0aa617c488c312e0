package flow_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/flow"
	"goaio.example/aio/timer"
)

// buffered receives what a closed or idle receiver has.
func buffered[T any](r *flow.Receiver[T]) (got []T, open bool) {
	for {
		select {
		case v, ok := <-r.C():
			if !ok {
				return got, false
			}
			got = append(got, v)
		default:
			return got, true
		}
	}
}

// All receivers get all values, in one order, from when they subscribed on.
func TestTopic(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		topic := flow.NewTopic[int](ctx, "numbers")
		var sums [3]int
		var rs []*flow.Receiver[int]
		for i := range sums {
			r := topic.Subscribe(ctx, 1, flow.WaitForRoom)
			rs = append(rs, r)
			aio.Spawn(ctx, "", func(context.Context) error {
				last := -1
				for v := range r.C() {
					if v != last+1 {
						t.Errorf("%d after %d", v, last)
					}
					last = v
					sums[i] += v
				}
				return nil
			})
		}
		if got := inFlight(ctx, "flow.topic"); !slices.Equal(got, []string{"numbers"}) {
			t.Errorf("in flight: %q", got)
		}
		if got := inFlight(ctx, "flow.receiver"); !slices.Equal(got, []string{"numbers", "numbers", "numbers"}) {
			t.Errorf("in flight: %q", got)
		}
		for v := range 100 {
			if err := topic.Publish(ctx, v); err != nil {
				t.Errorf("topic.Publish: %v", err)
			}
		}
		late := topic.Subscribe(ctx, 0, flow.DropOldest)
		topic.Publish(ctx, 100)
		topic.Close()
		topic.Close()
		synctest.Wait()
		got, open := buffered(late)
		if sums != [3]int{5050, 5050, 5050} || !slices.Equal(got, []int{100}) || open {
			t.Errorf("sums %v; late: %v, open: %t", sums, got, open)
		}
		if err := topic.Publish(ctx, 0); err != aio.ErrStopped || rs[0].Err() != aio.ErrStopped {
			t.Errorf("after Close: %v, %v", err, rs[0].Err())
		}
		if r := topic.Subscribe(ctx, 0, 0); r.Err() != aio.ErrStopped {
			t.Errorf("after Close: %v", r.Err())
		} else if _, open := buffered(r); open {
			t.Error("its channel is open")
		}
		if n := len(inFlight(ctx, "flow.topic")) + len(inFlight(ctx, "flow.receiver")); n != 0 {
			t.Errorf("%d in flight", n)
		}
	})
}

// Those who never read: the oldest values are dropped, or the receiver is; they
// do not delay the publisher.
func TestTopicSlow(t *testing.T) {
	took := clean(t, func(ctx context.Context, t *testing.T) {
		topic := flow.NewTopic[int](ctx, "")
		oldest, dropped, standard := topic.Subscribe(ctx, 3, flow.DropOldest), topic.Subscribe(ctx, 3, flow.DropReceiver), topic.Subscribe(ctx, 0, 0)
		for v := range 20 {
			if err := topic.Publish(ctx, v); err != nil {
				t.Errorf("topic.Publish: %v", err)
			}
			if open := v < 3; (dropped.Err() == nil) != open || !open && dropped.Err() != flow.ErrSlow {
				t.Errorf("after %d: %v", v, dropped.Err())
			}
		}
		if got, open := buffered(oldest); !slices.Equal(got, []int{17, 18, 19}) || !open || oldest.Dropped() != 17 || oldest.Err() != nil {
			t.Errorf("%v, open: %t, %d dropped", got, open, oldest.Dropped())
		}
		if got, open := buffered(dropped); !slices.Equal(got, []int{0, 1, 2}) || open || dropped.Dropped() != 0 {
			t.Errorf("%v, open: %t", got, open)
		}
		if got, _ := buffered(standard); len(got) != 16 || standard.Dropped() != 4 {
			t.Errorf("%v, %d dropped", got, standard.Dropped())
		}
	})
	if took != 0 {
		t.Errorf("took %v", took)
	}
}

// Publish waits for a receiver that wants that; until it has room, or ends, or
// the topic or the ctx does.
func TestTopicWaits(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(cancel context.CancelCauseFunc, topic *flow.Topic[int], r *flow.Receiver[int], unsubscribe func())
		err  error
		rest []int
	}{
		"room": {func(_ context.CancelCauseFunc, _ *flow.Topic[int], r *flow.Receiver[int], _ func()) { <-r.C() }, nil, []int{2}},
		"ctx": {func(cancel context.CancelCauseFunc, _ *flow.Topic[int], _ *flow.Receiver[int], _ func()) {
			cancel(errTest)
		}, errTest, []int{1}},
		"close": {func(_ context.CancelCauseFunc, _ *flow.Topic[int], r *flow.Receiver[int], _ func()) { r.Close() }, nil, []int{1}},
		"unsubscribe": {func(_ context.CancelCauseFunc, _ *flow.Topic[int], _ *flow.Receiver[int], unsubscribe func()) {
			unsubscribe()
		}, nil, []int{1}},
		"topic": {func(_ context.CancelCauseFunc, topic *flow.Topic[int], _ *flow.Receiver[int], _ func()) {
			topic.Close()
		}, nil, []int{1}},
	} {
		t.Run(name, func(t *testing.T) {
			took := clean(t, func(ctx context.Context, t *testing.T) {
				pctx, cancel := context.WithCancelCause(ctx)
				rctx, unsubscribe := context.WithCancel(ctx)
				defer unsubscribe()
				topic := flow.NewTopic[int](ctx, "")
				r, other := topic.Subscribe(rctx, 1, flow.WaitForRoom), topic.Subscribe(ctx, 0, flow.DropOldest)
				if err := topic.Publish(pctx, 1); err != nil {
					t.Errorf("topic.Publish: %v", err)
				}
				begin := time.Now()
				aio.Spawn(ctx, "", func(context.Context) error {
					timer.Sleep(ctx, time.Second)
					if r.Dropped() != 0 || r.Err() != nil { // neither waits
						t.Errorf("%d dropped, %v", r.Dropped(), r.Err())
					}
					c.end(cancel, topic, r, unsubscribe)
					return nil
				})
				if err := topic.Publish(pctx, 2); err != c.err || time.Since(begin) != time.Second {
					t.Errorf("%v after %v", err, time.Since(begin))
				}
				synctest.Wait()
				if got, _ := buffered(r); !slices.Equal(got, c.rest) {
					t.Errorf("the receiver got %v", got)
				}
				// it was not made to wait
				if got, _ := buffered(other); !slices.Equal(got, []int{1, 2}) {
					t.Errorf("the other one got %v", got)
				}
			})
			if took != time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// While one Publish waits the next ones wait for it, as long as their ctx and
// the topic last.
func TestTopicTurns(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		topic := flow.NewTopic[int](ctx, "")
		topic.Subscribe(ctx, 1, flow.WaitForRoom)
		other := topic.Subscribe(ctx, 0, flow.DropOldest)
		topic.Publish(ctx, 1)
		publish := func(ctx context.Context, v int) *aio.Future[struct{}] {
			return aio.Go(ctx, "", func(ctx context.Context) (struct{}, error) { return struct{}{}, topic.Publish(ctx, v) })
		}
		a := publish(ctx, 2)
		synctest.Wait()
		short, cancel := context.WithTimeoutCause(ctx, time.Second, errTest)
		defer cancel()
		b, c := publish(short, 3), publish(ctx, 4)
		if _, err := b.Await(ctx); err != errTest {
			t.Errorf("got %v", err)
		}
		if got, _ := buffered(other); !slices.Equal(got, []int{1, 2}) {
			t.Errorf("published: %v", got)
		}
		topic.Close()
		if _, err := a.Await(ctx); err != nil {
			t.Errorf("got %v", err)
		}
		if _, err := c.Await(ctx); err != aio.ErrStopped {
			t.Errorf("got %v", err)
		}
	})
}

// A Publish that need not wait publishes, even if its ctx has ended.
func TestTopicReadyWins(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		topic := flow.NewTopic[int](ctx, "ready")
		defer topic.Close()
		dead, cancel := context.WithCancel(ctx)
		cancel()
		for i := range 100 { // a select between the two would choose at random
			if err := topic.Publish(dead, i); err != nil {
				t.Fatalf("Publish %d with a ctx that has ended, and no need to wait: %v, want nil", i, err)
			}
		}
	})
}

// A receiver ends with its ctx, with the reason; nothing of it is left.
func TestTopicUnsubscribe(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		topic := flow.NewTopic[int](ctx, "")
		own, cancel := context.WithCancelCause(ctx)
		a, b := topic.Subscribe(own, 4, 0), topic.Subscribe(ctx, 4, 0)
		topic.Publish(ctx, 1)
		cancel(errTest)
		b.Close()
		b.Close()
		synctest.Wait()
		topic.Publish(ctx, 2)
		for r, want := range map[*flow.Receiver[int]]error{a: errTest, b: aio.ErrStopped, topic.Subscribe(own, 1, 0): errTest} {
			got, open := buffered(r)
			if r.Err() != want || open || len(got) > 1 {
				t.Errorf("%v, open: %t, got %v", r.Err(), open, got)
			}
		}
		if got := inFlight(ctx, "flow.receiver"); len(got) > 0 {
			t.Errorf("in flight: %q", got)
		}
	})
}

// Neither a topic nor a receiver holds the loop open: channels are closed at
// its end.
func TestTopicEndsWithLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r *flow.Receiver[int]
		var topic *flow.Topic[int]
		begin := time.Now()
		err := aio.Run(t.Context(), func(ctx context.Context) error {
			topic = flow.NewTopic[int](ctx, "")
			r = topic.Subscribe(ctx, 1, flow.WaitForRoom)
			aio.Daemon(ctx, "", func(context.Context) error {
				for range r.C() {
				}
				return nil
			})
			time.Sleep(time.Second)
			return nil
		})
		_, open := buffered(r)
		var none context.Context
		if perr := topic.Publish(none, 1); open || r.Err() == nil || perr == nil || err != nil || time.Since(begin) != time.Second {
			t.Errorf("open: %t, %v, %v, %v", open, r.Err(), perr, err)
		}
	})
}

// When the loop drains, main's receivers end. Those of work in progress go on,
// and so does the topic.
func TestTopicDrains(t *testing.T) {
	took := clean(t, func(ctx context.Context, t *testing.T) {
		topic := flow.NewTopic[int](ctx, "")
		mains := topic.Subscribe(ctx, 1, 0)
		aio.Spawn(ctx, "work", func(ctx context.Context) error {
			r := topic.Subscribe(ctx, 1, 0)
			<-aio.Draining(ctx)
			timer.Sleep(ctx, time.Second)
			if err := topic.Publish(ctx, 1); err != nil {
				t.Errorf("topic.Publish: %v", err)
			}
			if v, ok := <-r.C(); v != 1 || !ok {
				t.Errorf("%d, %t", v, ok)
			}
			return nil
		})
		synctest.Wait()
		aio.LoopOf(ctx).Exit(nil)
		for range mains.C() {
			t.Error("main's receiver got something")
		}
		if late := topic.Subscribe(ctx, 1, 0); !errors.Is(mains.Err(), aio.ErrExit) || !errors.Is(late.Err(), aio.ErrExit) {
			t.Errorf("%v, %v", mains.Err(), late.Err())
		}
	})
	if took != time.Second {
		t.Errorf("took %v", took)
	}
}

// A topic ends when the operation it belongs to fails, with the reason.
func TestTopicOfOperation(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		var topic *flow.Topic[int]
		err := aio.Scope(ctx, "", func(ctx context.Context) error {
			topic = flow.NewTopic[int](ctx, "")
			return errTest
		})
		if perr := topic.Publish(ctx, 1); err != errTest || perr != errTest {
			t.Errorf("%v, %v", err, perr)
		}
	})
}

// Without a loop all is closed from the beginning.
func TestTopicNoLoop(t *testing.T) {
	topic := flow.NewTopic[int](t.Context(), "")
	r := topic.Subscribe(t.Context(), 1, 0)
	_, open := buffered(r)
	if err := topic.Publish(t.Context(), 1); !errors.Is(err, aio.ErrNoLoop) || !errors.Is(r.Err(), aio.ErrNoLoop) || open {
		t.Errorf("%v, %v, open: %t", err, r.Err(), open)
	}
	topic.Close()
	r.Close()
}

// A topic does not hold on to receivers that have ended, or never began.
func TestTopicLetsGo(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		topic := flow.NewTopic[int](ctx, "")
		dead, cancel := context.WithCancel(ctx)
		cancel()
		var refs []weak.Pointer[flow.Receiver[int]]
		for range 10 {
			refs = append(refs, weak.Make(topic.Subscribe(dead, 1, 0)))
			r := topic.Subscribe(ctx, 1, 0)
			r.Close()
			refs = append(refs, weak.Make(r))
		}
		runtime.GC()
		runtime.GC()
		held := 0
		for _, r := range refs {
			if r.Value() != nil {
				held++
			}
		}
		if held > 4 { // a stack may have the last ones
			t.Errorf("%d of %d are held", held, len(refs))
		}
		runtime.KeepAlive(topic)
		return nil
	})
}

// Ten thousand receivers cost no goroutine.
func TestTopicGoroutines(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		topic := flow.NewTopic[int](ctx, "")
		before := runtime.NumGoroutine()
		for range 10_000 {
			topic.Subscribe(ctx, 1, flow.DropOldest)
		}
		topic.Publish(ctx, 1)
		if got := runtime.NumGoroutine() - before; got > 20 {
			t.Errorf("%d goroutines", got)
		}
	})
}

// Receivers come and go at any moment, while others publish; each sees the
// values in order.
func TestTopicAnytime(t *testing.T) {
	clean(t, func(ctx context.Context, t *testing.T) {
		topic := flow.NewTopic[int](ctx, "")
		pause := func(ctx context.Context) { timer.Sleep(ctx, time.Duration(rand.IntN(100))*time.Microsecond) }
		aio.Spawn(ctx, "publisher", func(ctx context.Context) error {
			for v := range 1000 {
				if err := topic.Publish(ctx, v); err != nil {
					return err
				}
				pause(ctx)
			}
			topic.Close()
			return nil
		})
		for i := range 200 {
			slow := flow.Slow(i % 3)
			aio.Spawn(ctx, "receiver", func(ctx context.Context) error {
				pause(ctx)
				r := topic.Subscribe(ctx, 1+i%4, slow)
				defer r.Close()
				last := -1
				for v := range r.C() {
					if v <= last || slow == flow.WaitForRoom && last >= 0 && v != last+1 {
						t.Errorf("%d after %d", v, last)
					}
					last = v
					pause(ctx)
					if rand.IntN(100) == 0 {
						return nil
					}
				}
				return nil
			})
		}
	})
}
