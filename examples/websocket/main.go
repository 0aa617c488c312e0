// Websocket echoes messages over WebSockets, by a library that knows nothing of
// goaio: github.com/coder/websocket.
//
//	cd examples/websocket && go run . [-addr HOST:PORT]
//
// A WebSocket is a connection that HTTP was left on: it stays an operation of
// the loop, as the handler does. On Ctrl-C each client is told that the server
// goes away, and the program ends when all have gone. The program is a module
// of its own, since goaio does not require that library.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"syscall"

	"github.com/coder/websocket"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "websocket:", err)
		os.Exit(1)
	}
}

// run serves until a signal or the end of ctx.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("websocket", flag.ExitOnError)
	addr := flags.String("addr", "127.0.0.1:8093", "`address` to listen on")
	flags.Parse(args) // exits on an error

	loop := &aio.Loop{
		Name:        "websocket",
		CatchPanics: true,
		OnEvent:     aio.LogEvents,
		Signals:     []os.Signal{os.Interrupt, syscall.SIGTERM},
	}
	err := loop.Run(ctx, func(ctx context.Context) error {
		server, err := httpx.ServeHandler(ctx, *addr, http.HandlerFunc(echo))
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, "listening on", server.Addr())
		return nil // the server holds the loop open
	})
	fmt.Fprintln(stdout, "ended with", loop.Stats().InFlight, "operations left")
	return err
}

// echo sends back what comes, until the client closes the WebSocket or the loop
// drains.
func echo(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return // it has answered
	}
	defer conn.CloseNow()
	ctx, over := context.WithCancel(r.Context())
	defer over()
	aio.Spawn(ctx, "say good-bye", func(ctx context.Context) error {
		select {
		case <-aio.Draining(ctx):
			// a client that has gone need not be told
			conn.Close(websocket.StatusGoingAway, "the server ends")
		case <-ctx.Done():
		}
		return nil
	})
	for {
		kind, message, err := conn.Read(ctx)
		if err != nil || conn.Write(ctx, kind, message) != nil {
			return // closed, by one side or the other
		}
	}
}
