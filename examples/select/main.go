// Select asks a server a question and, with one select statement, waits for
// whatever comes first: a piece of the answer, the result of a computation, the
// next second, the end of its patience, or a signal.
//
//	go run ./examples/select [-patience 3s] HOST:PORT
//
// It shows that futures, connections and timers are channels. Start
// examples/echo to talk to.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
	"goaio.example/aio/timer"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "select:", err)
		os.Exit(1)
	}
}

// run asks and waits.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("select", flag.ExitOnError)
	patience := flags.Duration("patience", 3*time.Second, "how long to wait for the server")
	flags.Parse(args) // exits on an error
	addr := "127.0.0.1:9003"
	if flags.NArg() > 0 {
		addr = flags.Arg(0)
	}

	loop := &aio.Loop{Signals: []os.Signal{os.Interrupt}}
	return loop.Run(ctx, func(ctx context.Context) error {
		conn, err := tcp.Dial(ctx, addr).Await(ctx)
		if err != nil {
			return err
		}
		defer conn.Close() // what main leaves open would hold the loop open
		conn.SendString("how are you?\n")

		pieces := conn.Chunks(ctx) // a channel of what arrives
		// a channel for a future's result
		sum := aio.Go(ctx, "sum", addUp).C()
		late := timer.After(ctx, *patience).C() // so is a timer
		clock := timer.Every(ctx, time.Second, timer.Interval{}).C()
		for pieces != nil || sum != nil {
			select {
			case piece, ok := <-pieces:
				if !ok {
					return errors.Join(errors.New("the server has ended the connection"), conn.Err())
				}
				fmt.Fprintf(stdout, "answer: %s", piece)
				pieces = nil // one is enough: no longer selected on
			case r := <-sum:
				fmt.Fprintln(stdout, "sum:", r.Value, r.Err)
				sum = nil
			case <-clock:
				fmt.Fprintln(stdout, "waiting")
			case <-late:
				return errors.New("out of patience")
			case <-aio.Draining(ctx):
				return errors.New("interrupted")
			}
		}
		loop.Exit(nil) // main's timers need not be waited for any more
		return nil
	})
}

// addUp is some work.
func addUp(context.Context) (int, error) {
	sum := 0
	for i := range 1000 {
		sum += i
	}
	return sum, nil
}
