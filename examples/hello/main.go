// Hello is cl-async's HTTP server: it prints each request and answers "hai".
//
//	go run ./examples/hello [-addr HOST:PORT]
//
// Ctrl-C ends it gracefully: requests that are being handled are answered, idle
// connections are closed.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"syscall"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "hello:", err)
		os.Exit(1)
	}
}

// run serves until a signal or the end of ctx.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("hello", flag.ExitOnError)
	addr := flags.String("addr", "127.0.0.1:8090", "`address` to listen on; :8090 is all addresses, port 0 any free port")
	flags.Parse(args) // exits on an error

	loop := &aio.Loop{
		Name:        "hello",
		CatchPanics: true,
		OnEvent:     aio.LogEvents,
		Signals:     []os.Signal{os.Interrupt, syscall.SIGTERM},
	}
	return loop.Run(ctx, func(ctx context.Context) error {
		server, err := httpx.Serve(ctx, *addr, func(r *httpx.Request) {
			fmt.Fprintln(stdout, "Request:", r) // without what may be a secret
			r.Respond(http.StatusOK, http.Header{"Content-Type": {"text/plain"}}, []byte("hai"))
		})
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, "listening on", server.Addr())
		return nil // the server holds the loop open
	})
}
