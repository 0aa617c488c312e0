package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/jobs"
	"goaio.example/aio/timer"
)

func Example() {
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		var broker jobs.Memory // or a *beanjobs.Broker
		done := make(chan string)
		w := &jobs.Worker{
			Source: broker.Source("greet"),
			Handle: func(ctx context.Context, j *jobs.Job) error {
				done <- fmt.Sprintf("hello %s, in attempt %d", j.Body, j.Attempt)
				return nil
			},
		}
		if err := w.Start(ctx); err != nil {
			return err
		}
		if _, err := broker.Put(ctx, "greet", jobs.Job{Body: []byte("ann")}).Await(ctx); err != nil {
			return err
		}
		fmt.Println(<-done)
		return w.Shutdown(ctx) // the job is deleted then
	})
	fmt.Println(err)
	// Output:
	// hello ann, in attempt 1
	// <nil>
}

// accounts stands for a database. A deposit and the ID of its job are kept
// together, or not at all.
type accounts struct {
	mu       sync.Mutex
	balance  int
	deposits map[jobs.ID]bool
}

func (a *accounts) deposit(id jobs.ID, amount int) {
	a.mu.Lock() // begin of the transaction
	defer a.mu.Unlock()
	if a.deposits[id] { // insert into deposits (id) ... on conflict do nothing
		return
	}
	a.deposits[id] = true
	a.balance += amount
}

// A handler that may be called twice for one job keeps the job's ID with what
// it changes. Here the first attempt fails after it has done that.
func ExampleJob() {
	bank := accounts{deposits: make(map[jobs.ID]bool)}
	var calls int
	handle := func(ctx context.Context, j *jobs.Job) error {
		calls++
		bank.deposit(j.ID, 100)
		if j.Attempt == 1 {
			return errors.New("the network is gone") // the deposit is not
		}
		return nil
	}
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		var broker jobs.Memory
		w := &jobs.Worker{
			Source: broker.Source("deposits"), Handle: handle,
			Backoff: timer.Backoff{Initial: time.Millisecond},
			OnRetry: func(j *jobs.Job, err error, _ time.Duration) { fmt.Println("again, as", err) },
		}
		if err := w.Start(ctx); err != nil {
			return err
		}
		if _, err := broker.Put(ctx, "deposits", jobs.Job{}).Await(ctx); err != nil {
			return err
		}
		for w.Stats().Deleted == 0 {
			if err := timer.Sleep(ctx, time.Millisecond); err != nil {
				return err
			}
		}
		return w.Shutdown(ctx)
	})
	fmt.Println(calls, "calls, a balance of", bank.balance, err)
	// Output:
	// again, as the network is gone
	// 2 calls, a balance of 100 <nil>
}

// What cannot succeed is not tried again.
func ExampleWorker_permanent() {
	loop := aio.Loop{OnEvent: func(e aio.Event) { fmt.Println(e.Err) }}
	err := loop.Run(context.Background(), func(ctx context.Context) error {
		var broker jobs.Memory
		w := &jobs.Worker{Source: broker.Source("mail"), Handle: func(_ context.Context, j *jobs.Job) error {
			return timer.Permanent(fmt.Errorf("%q is no address", j.Body))
		}}
		if err := w.Start(ctx); err != nil {
			return err
		}
		if _, err := broker.Put(ctx, "mail", jobs.Job{ID: "7", Body: []byte("ann")}).Await(ctx); err != nil {
			return err
		}
		for w.Stats().Buried == 0 {
			if err := timer.Sleep(ctx, time.Millisecond); err != nil {
				return err
			}
		}
		return w.Shutdown(ctx)
	})
	fmt.Println(err)
	// Output:
	// jobs: buried mail 7 at attempt 1: "ann" is no address
	// <nil>
}

func ExampleEncode() {
	at := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)
	data, id, err := jobs.Encode("mail", jobs.Job{ID: "7", Type: "text/plain", Body: []byte("hello"), Enqueued: at})
	fmt.Printf("%s\n%s %v\n", data, id, err)
	// Output:
	// aio.job/1 {"id":"7","queue":"mail","at":"2026-01-02T15:04:05Z","type":"text/plain"}
	// hello
	// 7 <nil>
}

func ExampleDecode() {
	j, err := jobs.Decode(jobs.Delivery{Queue: "mail", Data: []byte(`{"to": "ann"}`), BrokerID: "4711", Attempts: 2})
	fmt.Println(j.ID, j.Queue, string(j.Body), j.Attempt, err)
	// Output: 4711 mail {"to": "ann"} 2 <nil>
}

func ExampleMemory() {
	err := aio.Run(context.Background(), func(ctx context.Context) error {
		broker := jobs.Memory{Lease: time.Minute}
		broker.Put(ctx, "q", jobs.Job{ID: "now"})
		broker.Put(ctx, "q", jobs.Job{ID: "later", Delay: time.Hour})
		source := broker.Source("q")
		lease, err := source.Reserve(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("%+v\n", broker.Stats("q"))
		if err := lease.Bury(ctx, errors.New("bad")); err != nil {
			return err
		}
		for _, b := range broker.Buried("q") {
			fmt.Println(b.Job.ID, "is", b.Why)
		}
		fmt.Println(broker.Kick("q", 1), "kicked")
		return source.Close(ctx)
	})
	fmt.Println(err)
	// Output:
	// {Ready:0 Delayed:1 Reserved:1 Buried:0}
	// now is bad
	// 1 kicked
	// <nil>
}
