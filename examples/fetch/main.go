// Fetch gets URLs at the same time, and prints how they went as they complete,
// and meanwhile how far each has come.
//
//	go run ./examples/fetch [-public] [-timeout DURATION] URL...
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
	"goaio.example/aio/timer"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "fetch:", err)
		os.Exit(1)
	}
}

// run gets the URLs of the arguments. An interrupt lets what is on its way
// finish for a second.
func run(ctx context.Context, args []string, stdout, progress io.Writer) error {
	flags := flag.NewFlagSet("fetch", flag.ExitOnError)
	public := flags.Bool("public", false, "refuse addresses that are not public")
	timeout := flags.Duration("timeout", time.Minute, "`time` for each URL in all")
	every := flags.Duration("every", 200*time.Millisecond, "`time` between two looks at the progress")
	flags.Parse(args) // exits on an error

	client := &httpx.Client{
		Timeouts: httpx.Timeouts{Total: *timeout},
		Retry:    httpx.Retry{Attempts: 3},
	}
	if *public {
		client.Guard = httpx.GuardPublicOnly
	}
	loop := &aio.Loop{Name: "fetch", Grace: time.Second, Signals: []os.Signal{os.Interrupt}}
	return loop.Run(ctx, func(ctx context.Context) error {
		var gets []*aio.Future[*httpx.Response]
		for _, url := range flags.Args() {
			own, far := httpx.WithProgress(ctx)
			gets = append(gets, client.Get(own, url))
			aio.Daemon(ctx, "progress of "+url, func(ctx context.Context) error {
				return show(ctx, progress, url, far, *every)
			})
		}
		failed := 0
		for i, r := range aio.AsCompleted(ctx, gets...) {
			if r.Err != nil { // it names the URL
				failed++
				fmt.Fprintln(stdout, "failed:", r.Err)
				continue
			}
			fmt.Fprintf(stdout, "%d %s: %d bytes\n", r.Value.Status, flags.Arg(i), len(r.Value.Body))
		}
		if failed > 0 {
			return fmt.Errorf("%d of %d failed", failed, len(gets))
		}
		return nil
	})
}

// show prints how far a request has come, now and then, until its channel is
// closed.
func show(ctx context.Context, w io.Writer, url string, far <-chan httpx.Progress, every time.Duration) error {
	for p := range far {
		if p.ReceiveSize > 0 {
			fmt.Fprintf(w, "%s: %d%%\n", url, 100*p.Received/p.ReceiveSize)
		} else {
			fmt.Fprintf(w, "%s: %d bytes\n", url, p.Received)
		}
		if _, err := timer.After(ctx, every).Await(ctx); err != nil {
			return err // the loop ends
		}
	}
	return nil
}
