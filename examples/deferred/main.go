// Deferred answers each request some time after it came, as the server of
// cl-async's benchmark does, and prints once a second what is in flight.
//
//	go run ./examples/deferred [-addr HOST:PORT] [-delay 10s]
//
// The answer is sent by a timer, long after the function that got the request
// has returned. On Ctrl-C those that wait for theirs get it before the program
// ends.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
	"goaio.example/aio/timer"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "deferred:", err)
		os.Exit(1)
	}
}

// run serves until a signal or the end of ctx.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("deferred", flag.ExitOnError)
	addr := flags.String("addr", "127.0.0.1:8091", "`address` to listen on")
	delay := flags.Duration("delay", 10*time.Second, "time from a request to its answer")
	flags.Parse(args) // exits on an error

	loop := &aio.Loop{
		Name:        "deferred",
		CatchPanics: true,
		OnEvent:     aio.LogEvents,
		Grace:       *delay + time.Second,
		Signals:     []os.Signal{os.Interrupt, syscall.SIGTERM},
	}
	return loop.Run(ctx, func(ctx context.Context) error {
		server, err := httpx.Serve(ctx, *addr, func(r *httpx.Request) {
			// a child of the request: no exit drops it
			timer.Delay(r.Context(), *delay, func(context.Context) error {
				r.RespondString(200, "hai")
				return nil
			})
		})
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, "listening on", server.Addr())
		aio.Daemon(ctx, "stats", func(ctx context.Context) error {
			for range timer.Every(ctx, time.Second, timer.Interval{}).Ticks(ctx) {
				s := loop.Stats()
				fmt.Fprintf(stdout, "connections %d, requests %d, timers %d\n", s.IncomingConns, s.HTTPRequests, s.Timers)
			}
			return nil
		})
		return nil // the server holds the loop open
	})
}
