// Kubernetes is a web server behind a load balancer, for which no request is
// lost when it is replaced: its readiness fails first, and it refuses
// connections only when the balancer has had time to see that.
//
//	go run ./examples/kubernetes [-addr HOST:PORT] [-drain-delay 10s]
//	kill -TERM PID
//
// At SIGTERM /readyz answers 503, while all else is served as before, for
// -drain-delay: Loop.DrainDelay. Then the loop drains: the server accepts no
// more, answers what it was asked for up to Loop.Grace, and ends. A second
// SIGTERM skips the rest of the delay, a third ends it at once. In a pod it
// goes with
//
//	terminationGracePeriodSeconds: 45 # > the delay, Grace and Abandon: 35 s
//	containers:
//	- readinessProbe:
//	    httpGet: {path: /readyz, port: 8092}
//	    periodSeconds: 2    # the delay is longer than this times
//	    failureThreshold: 2 # this, and leaves time for it to be spread
//
// and needs no preStop hook that sleeps.
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
		fmt.Fprintln(os.Stderr, "kubernetes:", err)
		os.Exit(1)
	}
}

// run serves until a signal or the end of ctx.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("kubernetes", flag.ExitOnError)
	addr := flags.String("addr", "127.0.0.1:8092", "`address` to listen on")
	drainDelay := flags.Duration("drain-delay", 10*time.Second, "time from the failing of readiness to the refusal of connections")
	delay := flags.Duration("delay", 10*time.Millisecond, "time from a request to its answer")
	flags.Parse(args) // exits on an error

	loop := &aio.Loop{
		Name:        "kubernetes",
		CatchPanics: true,
		OnEvent:     aio.LogEvents,
		Signals:     []os.Signal{os.Interrupt, syscall.SIGTERM},
		DrainDelay:  *drainDelay,
		Grace:       20 * time.Second,
	}
	err := loop.Run(ctx, func(ctx context.Context) error {
		server := &httpx.Server{ReadyPath: "/readyz", Handle: func(r *httpx.Request) {
			timer.Delay(r.Context(), *delay, func(context.Context) error {
				r.RespondString(200, fmt.Sprintln("process", os.Getpid()))
				return nil
			})
		}}
		if err := server.Start(ctx, *addr); err != nil {
			return err
		}
		fmt.Fprintln(stdout, "listening on", server.Addr())
		<-aio.Leaving(ctx)
		fmt.Fprintln(stdout, "leaving")
		<-aio.Draining(ctx)
		fmt.Fprintln(stdout, "draining")
		return nil
	})
	fmt.Fprintln(stdout, "ended with", loop.Stats().InFlight, "operations left")
	return err
}
