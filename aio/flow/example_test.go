package flow_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/flow"
	"goaio.example/aio/timer"
)

func ExampleEach() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		files := []string{"a.txt", "b.txt", "missing", "c.txt"}
		n, err := flow.Each(ctx, slices.Values(files), flow.Options{Limit: 2, KeepGoing: true}, func(_ context.Context, file string) error {
			if file == "missing" {
				return errors.New("there is no " + file)
			}
			return nil
		}).Await(ctx)
		fmt.Println(n, "done;", err)
		return nil
	})
	// Output: 3 done; there is no missing
}

// An Each is a future, and so can be selected on.
func ExampleEachChan() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		jobs := make(chan int)
		all := flow.EachChan(ctx, jobs, flow.Options{Limit: 4}, func(context.Context, int) error { return nil })
		for i := range 10 {
			jobs <- i
		}
		close(jobs)
		select {
		case r := <-all.C():
			fmt.Println(r.Value, r.Err)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		return nil
	})
	// Output: 10 <nil>
}

func ExampleMap() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		numbers := func(yield func(int) bool) { // without end
			for i := 1; yield(i); i++ {
			}
		}
		for square, err := range flow.Map(ctx, numbers, flow.Options{Limit: 3}, func(_ context.Context, n int) (int, error) { return n * n, nil }) {
			if err != nil {
				return err
			}
			fmt.Println(square)
			if square >= 16 {
				break // and nothing is left running
			}
		}
		return nil
	})
	// Output:
	// 1
	// 4
	// 9
	// 16
}

func ExampleFrontier() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		links := map[string][]string{"/": {"/a", "/b"}, "/a": {"/", "/c"}, "/b": {"/c"}, "/c": nil}
		var pages flow.Frontier[string]
		var seen sync.Map
		visit := func(page string) {
			if _, again := seen.LoadOrStore(page, true); !again {
				pages.Add(page)
			}
		}
		visit("/")
		n, err := pages.Each(ctx, flow.Options{Limit: 2}, func(_ context.Context, page string) error {
			for _, link := range links[page] {
				visit(link)
			}
			return nil
		}).Await(ctx)
		fmt.Println(n, "pages;", err)
		return nil
	})
	// Output: 4 pages; <nil>
}

func ExampleKeep() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		runs := 0
		worker := flow.Keep(ctx, "worker", flow.Restart{
			Backoff:   timer.Backoff{Initial: time.Millisecond},
			OnRestart: func(err error, _ time.Duration) { fmt.Println("again:", err) },
		}, func(context.Context) error {
			if runs++; runs < 3 {
				return errors.New("connection lost")
			}
			return nil
		})
		_, err := worker.Future().Await(ctx)
		fmt.Println(runs, "runs;", err)
		return nil
	})
	// Output:
	// again: connection lost
	// again: connection lost
	// 3 runs; <nil>
}

func ExampleShared() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		var users flow.Shared[int, string]
		calls := 0
		load := func(ctx context.Context) (string, error) {
			calls++
			return "Ada", timer.Sleep(ctx, time.Millisecond)
		}
		impatient, leave := context.WithCancel(ctx)
		a, b := users.Do(impatient, 7, load), users.Do(ctx, 7, load)
		leave() // the call goes on for b
		name, err := b.Await(ctx)
		_, gone := a.Await(ctx)
		fmt.Println(name, err, calls)
		fmt.Println(gone)
		return nil
	})
	// Output:
	// Ada <nil> 1
	// context canceled
}

func ExampleTopic() {
	aio.Run(context.Background(), func(ctx context.Context) error {
		prices := flow.NewTopic[int](ctx, "prices")
		all, newest := prices.Subscribe(ctx, 10, flow.WaitForRoom), prices.Subscribe(ctx, 1, flow.DropOldest)
		for _, p := range []int{10, 12, 11} {
			if err := prices.Publish(ctx, p); err != nil {
				return err
			}
		}
		prices.Close()
		for p := range all.C() {
			fmt.Println("all:", p)
		}
		for p := range newest.C() {
			fmt.Println("newest:", p, "dropped:", newest.Dropped())
		}
		return nil
	})
	// Output:
	// all: 10
	// all: 12
	// all: 11
	// newest: 11 dropped: 2
}
