// Client sends a line to a server and prints what comes back, until the server
// ends the connection.
//
//	go run ./examples/client [-timeout 5s] [HOST:PORT [TEXT]]
//
// It shows tcp.Send, which is cl-async's tcp-send, and the conditions that a
// connection can be in: a failed dial, a timeout, the end of what the peer has
// to say. All of them come to one callback. Start examples/echo to talk to.
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
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

// run talks to the server.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("client", flag.ExitOnError)
	timeout := flags.Duration("timeout", 5*time.Second, "how long to wait for the connection, and for data on it")
	flags.Parse(args) // exits on an error
	addr, text := "127.0.0.1:9003", "hello"
	if flags.NArg() > 0 {
		addr = flags.Arg(0)
	}
	if flags.NArg() > 1 {
		text = flags.Arg(1)
	}

	return aio.Run(ctx, func(ctx context.Context) error {
		loop := aio.LoopOf(ctx)
		dialer := &tcp.Dialer{Timeout: *timeout, ReadTimeout: *timeout}
		conn, err := dialer.Send(ctx, addr, []byte(text+"\n"), tcp.Handler{
			Data: func(_ *tcp.Conn, data []byte) { stdout.Write(data) },
			Event: func(_ *tcp.Conn, err error) {
				if !aio.IsInfo(err) { // the peer's end is none
					loop.Exit(explain(addr, err)) // what Run returns
				}
			},
		}).Await(ctx)
		if err != nil {
			return nil // Event has been told
		}
		conn.CloseWrite() // that was all; if it fails, Event has been told
		return nil        // the connection holds the loop open
	})
}

// explain says what a condition means for this program.
func explain(addr string, err error) error {
	switch {
	case errors.Is(err, aio.ErrRefused):
		return fmt.Errorf("nobody listens on %s: %w", addr, err)
	case errors.Is(err, aio.ErrTimeout):
		return fmt.Errorf("%s is too slow: %w", addr, err)
	case errors.Is(err, aio.ErrDNS):
		return fmt.Errorf("%s: no such host: %w", addr, err)
	}
	return err
}
