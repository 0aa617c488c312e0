package aio_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"goaio.example/aio"
)

// A crawler that follows links as it finds them fetches at most two pages at a
// time, however the pages are nested.
func ExampleLimit() {
	links := map[string][]string{"/": {"/a", "/b"}, "/a": {"/a/1", "/a/2"}, "/b": {"/b/1"}}
	fetch := func(page string) []string { return links[page] }

	aio.Run(context.Background(), func(ctx context.Context) error {
		var crawl func(ctx context.Context, page string) (int, error)
		crawl = func(ctx context.Context, page string) (int, error) {
			var below []*aio.Future[int]
			for _, link := range fetch(page) {
				below = append(below, aio.Go(ctx, link, func(ctx context.Context) (int, error) { return crawl(ctx, link) }))
			}
			pages := 1
			for _, f := range below {
				n, err := f.Await(ctx) // lends its slot meanwhile
				if err != nil {
					return 0, err
				}
				pages += n
			}
			return pages, nil
		}
		ctx = aio.Limit(ctx, 2)
		n, err := aio.Go(ctx, "/", func(ctx context.Context) (int, error) { return crawl(ctx, "/") }).Await(ctx)
		fmt.Println(n, "pages", err)
		return nil
	})
	// Output: 6 pages <nil>
}

// Main works until the loop drains, on a signal for example.
func ExampleUntilDrain() {
	loop := &aio.Loop{Signals: []os.Signal{os.Interrupt}}
	err := loop.Run(context.Background(), func(ctx context.Context) error {
		// in place of a signal
		time.AfterFunc(time.Millisecond, func() { loop.Exit(nil) })
		work := aio.UntilDrain(ctx)
		<-work.Done()
		fmt.Println(context.Cause(work))
		fmt.Println("main's ctx is alive:", ctx.Err() == nil)
		return nil
	})
	fmt.Println(err, loop.Signal())
	// Output:
	// aio: the loop is exiting
	// main's ctx is alive: true
	// <nil> <nil>
}

// A server's loop logs events and goes on, whatever fails.
func ExampleLogEvents() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	loop := &aio.Loop{CatchPanics: true, OnEvent: aio.LogEvents, Logger: logger}
	err := loop.Run(context.Background(), func(ctx context.Context) error {
		aio.Spawn(ctx, "job", func(context.Context) error { return errors.New("it failed") })
		return nil
	})
	fmt.Println(err)
	// Output:
	// level=ERROR msg=event op=job kind=aio.spawn err="it failed"
	// <nil>
}

// What Grace has cut off is told after Run.
func ExampleLoop_Overdue() {
	loop := &aio.Loop{Grace: time.Millisecond, Logger: slog.New(slog.DiscardHandler)}
	loop.Run(context.Background(), func(ctx context.Context) error {
		aio.Spawn(ctx, "forgotten", func(ctx context.Context) error {
			// ends with the loop's patience; aio.UntilDrain(ctx) would have
			// ended in time
			<-ctx.Done()
			return nil
		})
		loop.Exit(nil)
		return nil
	})
	for _, op := range loop.Overdue() {
		fmt.Println(op.Name)
	}
	// Output: forgotten
}
