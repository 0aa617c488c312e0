package nats_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/drivers/nats"
)

// Messages come in the order of the calls, and all of them.
func TestPublish(t *testing.T) {
	c := client(startServer(t))
	run(t, func(ctx context.Context) error {
		s := await(ctx, t, c.Subscribe(ctx, "a.*", nats.SubscribeOptions{Buffer: 5000}))
		var sent []*aio.Future[struct{}]
		for i := range 3000 {
			sent = append(sent, c.Publish(ctx, fmt.Sprint("a.", i%3), fmt.Append(nil, i)))
		}
		await(ctx, t, aio.All(ctx, sent...))
		s.Close()
		n := 0
		for m, err := range s.All(ctx) {
			if want := fmt.Sprint(n); err != nil || string(m.Data) != want {
				t.Fatalf("got %q, %v; want %s", m.Data, err, want)
			}
			n++
		}
		if n != 3000 || s.Dropped() != 0 || s.Err() != nil {
			t.Errorf("%d messages came, %d were dropped, the end is %v; want 3000, 0, nil", n, s.Dropped(), s.Err())
		}
		return nil
	})
}

func TestRequest(t *testing.T) {
	c := client(startServer(t))
	run(t, func(ctx context.Context) error {
		s := await(ctx, t, c.Subscribe(ctx, "echo", nats.SubscribeOptions{Queue: "servers"}))
		aio.Spawn(ctx, "server", func(ctx context.Context) error {
			for m, err := range s.All(ctx) {
				if err != nil {
					return err
				}
				if err := m.Respond(append([]byte("re: "), m.Data...)); err != nil {
					return err
				}
			}
			return nil
		})
		if m := await(ctx, t, c.Request(ctx, "echo", []byte("hello"))); string(m.Data) != "re: hello" {
			t.Errorf("the answer is %q", m.Data)
		}
		wantErr(ctx, t, "a request to no one", c.Request(ctx, "nobody", nil), nats.ErrNoResponders)
		dead, cancel := context.WithCancelCause(ctx)
		cancel(errors.New("enough"))
		if _, err := c.Request(dead, "echo", nil).Await(ctx); err == nil || err.Error() != "enough" {
			t.Errorf("with a dead ctx: %v, want its cause", err)
		}
		s.Close()
		return nil
	})
}

// A channel that is full is told of, and what came before and after it is
// there.
func TestSlowConsumer(t *testing.T) {
	c := client(startServer(t))
	var events aiotest.Recorder
	l := &aio.Loop{OnEvent: events.OnEvent}
	aiotest.Runner{Loop: l, Parallel: true}.Run(t, func(ctx context.Context) error {
		s := await(ctx, t, c.Subscribe(ctx, "a", nats.SubscribeOptions{Buffer: 2}))
		for i := range 5 {
			await(ctx, t, c.Publish(ctx, "a", fmt.Append(nil, i)))
		}
		if e := events.Wait(t, 1)[0]; !errors.Is(e.Err, nats.ErrSlow) || e.Op.Kind.String() != "nats.subscription" {
			t.Errorf("the event is %v of %v, want %v of the subscription", e.Err, e.Op, nats.ErrSlow)
		}
		if s.Dropped() != 3 || !errors.Is(s.Err(), nats.ErrSlow) {
			t.Errorf("%d were dropped, Err is %v; want 3 and %v", s.Dropped(), s.Err(), nats.ErrSlow)
		}
		for _, want := range []string{"0", "1"} {
			if m := receive(t, s.C()); string(m.Data) != want {
				t.Errorf("got %q, want %s", m.Data, want)
			}
		}
		s.Close()
		return nil
	})
}

// When the loop drains, a subscription ends behind what the server has sent,
// and the loop ends: the connection does not hold it open.
func TestDrain(t *testing.T) {
	server := startServer(t)
	c := client(server)
	n := 0
	run(t, func(ctx context.Context) error {
		s := await(ctx, t, c.Subscribe(ctx, "a", nats.SubscribeOptions{}))
		for range 100 {
			await(ctx, t, c.Publish(ctx, "a", nil))
		}
		aio.LoopOf(ctx).Exit(nil)
		for range s.C() {
			n++
		}
		return nil
	})
	if n != 100 {
		t.Errorf("%d messages came, want 100", n)
	}
	aiotest.Eventually(t, func() bool { return server.NumSubscriptions() == 0 || server.NumClients() == 0 })
}

// A connection that cannot be made is the error of what needs it.
func TestAway(t *testing.T) {
	s := startServer(t)
	c := client(s)
	stop(s)
	run(t, func(ctx context.Context) error {
		wantErr(ctx, t, "Publish", c.Publish(ctx, "a", nil), aio.ErrRefused)
		wantErr(ctx, t, "Request", c.Request(ctx, "a", nil), aio.ErrRefused)
		if _, err := c.Subscribe(ctx, "a", nats.SubscribeOptions{}).Await(ctx); !errors.Is(err, aio.ErrRefused) {
			t.Errorf("Subscribe: %v, want %v", err, aio.ErrRefused)
		}
		return nil
	})
	if _, err := c.Publish(context.Background(), "a", nil).Result(); !errors.Is(err, aio.ErrNoLoop) {
		t.Errorf("without a loop: %v", err)
	}
}
