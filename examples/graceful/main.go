// Graceful answers each line that it gets with a long line, some time later,
// and loses no answer when it is told to end.
//
//	go run ./examples/graceful [-addr HOST:PORT] [-delay 500ms] [-size 65536]
//
// SIGTERM and SIGINT have it accept what the kernel has queued and no more,
// close connections that are idle, and send the answers to what it was asked
// before. A second signal ends it at once, and so does the end of Grace.
// Nothing of this is in the program but Loop.Signals: an answer to come is a
// Delay, a child of its connection, and a connection with children is not idle.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/tcp"
	"goaio.example/aio/timer"
)

// maxLine bounds what is kept of a request that has no end yet, in bytes.
const maxLine = 1 << 10

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "graceful:", err)
		os.Exit(1)
	}
}

// run serves until a signal or the end of ctx.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("graceful", flag.ExitOnError)
	addr := flags.String("addr", "127.0.0.1:9005", "`address` to listen on")
	delay := flags.Duration("delay", 500*time.Millisecond, "time from a request to its answer")
	size := flags.Int("size", 64<<10, "bytes of an answer")
	flags.Parse(args) // exits on an error

	answer := func(c *tcp.Conn, line []byte) {
		text := append(bytes.Clone(line), bytes.Repeat([]byte("."), max(*size-len(line)-1, 0))...)
		timer.Delay(c.Context(), *delay, func(context.Context) error {
			// if the client has gone, the connection's own event says so
			c.SendOwned(append(text, '\n'))
			return nil
		})
	}
	loop := &aio.Loop{
		Name:        "graceful",
		CatchPanics: true,
		OnEvent:     aio.LogEvents,
		Signals:     []os.Signal{os.Interrupt, syscall.SIGTERM},
	}
	err := loop.Run(ctx, func(ctx context.Context) error {
		server, err := tcp.Serve(ctx, *addr, tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
			// what came before without a line's end
			lines, _ := c.Value().([]byte)
			lines = append(lines, data...)
			for line, rest, ok := bytes.Cut(lines, []byte("\n")); ok; line, rest, ok = bytes.Cut(lines, []byte("\n")) {
				answer(c, line)
				lines = rest
			}
			if c.SetValue(lines); len(lines) > maxLine {
				c.Abort()
			}
		}})
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, "listening on", server.Addr())
		return nil // the server holds the loop open
	})
	fmt.Fprintln(stdout, "ended with", loop.Stats().InFlight, "operations left")
	return err
}
