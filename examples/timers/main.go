// Timers shows what package timer can do: Delay, After, Every, stopping them,
// and Retry.
//
//	go run ./examples/timers [-period 200ms] [HOST:PORT]
//
// Retry asks a server for a line until it gets one: the server at the given
// address or, without one, a server of the program's own that is not ready at
// first.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
	"goaio.example/aio/timer"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "timers:", err)
		os.Exit(1)
	}
}

// run shows one timer after the other.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("timers", flag.ExitOnError)
	period := flags.Duration("period", 200*time.Millisecond, "the time that the timers are set to")
	flags.Parse(args) // exits on an error
	say := func(what ...any) { fmt.Fprintln(stdout, what...) }

	return aio.Run(ctx, func(ctx context.Context) error {
		// Delay calls a function later. Run would wait for it, so an hour is
		// better stopped.
		hour := timer.Delay(ctx, time.Hour, func(context.Context) error { return nil })
		say("stopped before its time:", hour.Stop())
		delay := timer.Delay(ctx, *period, func(context.Context) error { say("delay: called"); return nil })
		if _, err := delay.Future().Await(ctx); err != nil {
			return err
		}

		// After is a future of a time, for awaiting and selecting.
		if _, err := timer.After(ctx, *period).Await(ctx); err != nil {
			return err
		}
		say("after: over")

		// Every ticks, on a channel or in a for loop. A ticker does not hold
		// the loop open.
		n, ticker := 0, timer.Every(ctx, *period, timer.Interval{})
		for range ticker.Ticks(ctx) {
			if n++; n == 3 {
				ticker.Stop()
			}
		}
		say("every:", n, "ticks, then", ticker.Err())

		// Retry calls a function until it succeeds.
		addr := flags.Arg(0)
		if addr == "" {
			server, err := notReadyFor(ctx, 2**period)
			if err != nil {
				return err
			}
			defer server.Shutdown(ctx)
			addr = server.Addr().String()
		}
		tries := 0
		line, err := timer.Retry(ctx, timer.Backoff{Initial: *period, Attempts: 10}, func(ctx context.Context) (string, error) {
			tries++
			conn, err := tcp.Dial(ctx, addr).Await(ctx)
			if err != nil {
				return "", err
			}
			defer conn.Close()
			// io.EOF if the server is not ready
			return bufio.NewReader(conn).ReadString('\n')
		}).Await(ctx)
		fmt.Fprintf(stdout, "retry: %d tries, then %s", tries, line)
		return err
	})
}

// notReadyFor starts a server that hangs up on everybody for d, and says a line
// to everybody afterwards.
func notReadyFor(ctx context.Context, d time.Duration) (*tcp.Server, error) {
	var ready atomic.Bool
	timer.Delay(ctx, d, func(context.Context) error { ready.Store(true); return nil })
	return tcp.Serve(ctx, "127.0.0.1:0", tcp.Handler{Open: func(c *tcp.Conn) {
		if ready.Load() {
			c.SendString("ready\n")
		}
		c.CloseAfterFlush()
	}})
}
