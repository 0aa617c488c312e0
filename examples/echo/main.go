// Echo is cl-async's echo server: it sends back whatever arrives, until
// somebody sends QUIT.
//
//	go run ./examples/echo [-addr HOST:PORT]
//
// It shows a server in handler style, and the two ways in which a loop ends
// gracefully: Loop.Exit, and a signal. Idle connections do not hold up the end;
// a client that keeps the server busy does, for Grace.
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
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
}

// run serves until QUIT, a signal, or the end of ctx.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("echo", flag.ExitOnError)
	addr := flags.String("addr", "127.0.0.1:9003", "`address` to listen on; :9003 is all addresses, port 0 any free port")
	flags.Parse(args) // exits on an error

	loop := &aio.Loop{
		Name:        "echo",
		CatchPanics: true, // a panic ends one connection
		// a connection that broke, say; the server goes on
		OnEvent: aio.LogEvents,
		// clients are owed no more than that
		Grace:   500 * time.Millisecond,
		Signals: []os.Signal{os.Interrupt, syscall.SIGTERM},
	}
	return loop.Run(ctx, func(ctx context.Context) error {
		server, err := tcp.Serve(ctx, *addr, tcp.Handler{Data: func(c *tcp.Conn, data []byte) {
			before, _, quit := bytes.Cut(data, []byte("QUIT"))
			// copies what the kernel does not take at once: data is ours during
			// the call only
			c.Send(before)
			if quit {
				c.Close()
				loop.Exit(nil)
			}
		}})
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, "listening on", server.Addr())
		return nil // the server holds the loop open
	})
}
