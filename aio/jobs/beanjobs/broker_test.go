package beanjobs_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/beanstalk"
	"goaio.example/aio/jobs"
	"goaio.example/aio/jobs/beanjobs"
)

// A broker that is away at the start of a Worker, and again later, is one event
// each time. Jobs are done when it is there.
func TestBrokerAway(t *testing.T) {
	t.Parallel() // it waits, mostly
	server := newServer(t)
	var events aiotest.Recorder
	loop := &aio.Loop{OnEvent: events.OnEvent}
	aiotest.Runner{Loop: loop, Parallel: true}.Run(t, func(ctx context.Context) error {
		done := make(chan jobs.ID, 10)
		w := &jobs.Worker{
			Source: broker(server.addr).Source(queue), Slots: 4, Reconnect: quick,
			Handle: func(_ context.Context, j *jobs.Job) error { done <- j.ID; return nil },
		}
		if err := w.Start(ctx); err != nil {
			return err
		}
		for i := 1; i <= 2; i++ {
			for _, e := range events.Wait(t, i) {
				if _, ok := e.Err.(*jobs.OutageError); !ok {
					t.Errorf("outage %d: an event of %v", i, e.Err)
				}
			}
			if s := w.Stats(); s.Outages != i || s.DownErr == nil || s.DownSince.IsZero() {
				t.Errorf("outage %d: the figures are %+v", i, s)
			}
			server.start()
			id := jobs.ID(fmt.Sprint("job", i))
			put(ctx, t, server.addr, jobs.Job{ID: id})
			if got := <-done; got != id {
				t.Errorf("outage %d: the job %s was done, want %s", i, got, id)
			}
			if s := w.Stats(); s.DownErr != nil || !s.DownSince.IsZero() {
				t.Errorf("after outage %d: the figures are %+v", i, s)
			}
			wantEmpty(ctx, t, server.addr)
			server.kill()
		}
		return w.Shutdown(ctx)
	})
}

// A job that fails keeps its attempts over a restart of the broker, and is
// buried, with one event.
func TestPoison(t *testing.T) {
	t.Parallel() // it waits, mostly
	server := realServer(t)
	var events aiotest.Recorder
	loop := &aio.Loop{OnEvent: events.OnEvent}
	aiotest.Runner{Loop: loop, Parallel: true}.Run(t, func(ctx context.Context) error {
		b := broker(server.addr)
		put(ctx, t, server.addr, jobs.Job{ID: "one"})
		failed := make(chan int, 10)
		start := func() *jobs.Worker {
			w := &jobs.Worker{
				Source: b.Source(queue), MaxAttempts: 3, Reconnect: quick, Backoff: quick,
				OnRetry: func(j *jobs.Job, _ error, _ time.Duration) { failed <- j.Attempt },
				Handle:  func(context.Context, *jobs.Job) error { return errors.New("bad") },
			}
			if err := w.Start(ctx); err != nil {
				t.Fatalf("w.Start: %v", err)
			}
			return w
		}
		w := start()
		for n := 1; n <= 2; n++ {
			if got := <-failed; got != n {
				t.Errorf("attempt %d failed, want %d", got, n)
			}
		}
		if err := w.Shutdown(ctx); err != nil {
			return err
		}
		server.kill()
		server.start()
		w = start()
		got := events.Wait(t, 1)[0].Err
		var buried *jobs.BuriedError
		if !errors.As(got, &buried) || buried.ID != "one" || buried.Attempt != 3 {
			t.Errorf("the event is %v, want that one was buried at attempt 3", got)
		}
		s, err := b.Client.StatsTube(ctx, queue).Await(ctx)
		if err != nil || s.Buried != 1 || s.Ready+s.Reserved+s.Delayed != 0 {
			t.Errorf("the tube is %+v, %v; want one buried job", s, err)
		}
		if err := w.Shutdown(ctx); err != nil {
			return err
		}
		if n := len(events.Events()); n != 1 {
			t.Errorf("%d events, want 1", n)
		}
		return nil
	})
}

func TestPutErrors(t *testing.T) {
	server := realServer(t)
	aiotest.Run(t, func(ctx context.Context) error {
		b := broker(server.addr)
		for name, test := range map[string]struct {
			queue string
			job   jobs.Job
			want  error
		}{
			"too big": {queue, jobs.Job{Body: make([]byte, 70_000)}, jobs.ErrTooBig},
			"queue":   {"no queue", jobs.Job{}, jobs.ErrInvalid},
			"ID":      {queue, jobs.Job{ID: "a b"}, jobs.ErrInvalid},
		} {
			if _, err := b.Put(ctx, test.queue, test.job).Await(ctx); !errors.Is(err, test.want) {
				t.Errorf("%s: got %v, want %v", name, err, test.want)
			}
		}
		dead, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := b.Put(dead, queue, jobs.Job{}).Await(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("with a dead ctx: %v", err)
		}
		wantEmpty(ctx, t, server.addr)
		return nil
	})
	b := new(beanjobs.Broker)
	if _, err := b.Put(context.Background(), queue, jobs.Job{}).Result(); !errors.Is(err, aio.ErrNoLoop) {
		t.Errorf("without a loop: %v", err)
	}
}

// A broker that takes its time delays jobs, and loses none.
func TestSlowBroker(t *testing.T) {
	t.Parallel() // it waits, mostly
	server := realServer(t)
	proxy := slowly(t, server.addr, 20*time.Millisecond)
	// the proxy's connections end later
	aiotest.Runner{Parallel: true}.Run(t, func(ctx context.Context) error {
		b := &beanjobs.Broker{Client: &beanstalk.Client{Addr: proxy}, TTR: time.Second}
		var mu sync.Mutex
		runs := make(map[jobs.ID]int)
		w := &jobs.Worker{Source: b.Source(queue), Slots: 8, Handle: func(_ context.Context, j *jobs.Job) error {
			mu.Lock()
			defer mu.Unlock()
			runs[j.ID]++
			return nil
		}}
		if err := w.Start(ctx); err != nil {
			return err
		}
		var puts []*aio.Future[jobs.ID]
		for range 100 {
			puts = append(puts, b.Put(ctx, queue, jobs.Job{}))
		}
		if _, err := aio.All(ctx, puts...).Await(ctx); err != nil {
			return err
		}
		wantEmpty(ctx, t, server.addr)
		if err := w.Shutdown(ctx); err != nil {
			return err
		}
		if s := w.Stats(); s.Deleted != 100 || s.Lost+s.Unsure != 0 || len(runs) != 100 {
			t.Errorf("%d jobs were done, and the figures are %+v", len(runs), s)
		}
		return nil
	})
}

// slowly returns the address of a proxy that delays each piece of what goes
// through it, in both directions.
func slowly(t *testing.T, addr string, delay time.Duration) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("net.Listen: %v", err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		all.Wait()
	})
	forward := func(to, from net.Conn) {
		defer to.Close()
		defer from.Close()
		buf := make([]byte, 4096)
		for {
			n, err := from.Read(buf)
			if err != nil {
				return
			}
			time.Sleep(delay)
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
	}
	all.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", addr)
			if err != nil {
				in.Close()
				return
			}
			all.Go(func() { forward(in, out) })
			all.Go(func() { forward(out, in) })
		}
	})
	return l.Addr().String()
}
