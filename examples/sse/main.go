// Sse serves a page that shows the time, by server-sent events.
//
//	go run ./examples/sse [-addr HOST:PORT] [-every 1s]
//	go run ./examples/sse -from http://127.0.0.1:8092/events
//
// With -from it is a client instead, which prints the events of a server.
//
// A browser, or a client, that loses the connection comes back by itself, and
// says which event was its last: the count goes on. On Ctrl-C the streams are
// told that the server drains, say good-bye, and end. In an http.Handler,
// behind a router, httpx.SSE(w, r, 0) begins the same stream.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/httpx"
	"goaio.example/aio/timer"
)

const page = `<!doctype html><title>sse</title><ol id="times"></ol><script>
new EventSource("/events").onmessage = e => { times.append(Object.assign(document.createElement("li"), {textContent: e.data})) }
</script>`

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sse:", err)
		os.Exit(1)
	}
}

// run serves until a signal or the end of ctx.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("sse", flag.ExitOnError)
	addr := flags.String("addr", "127.0.0.1:8092", "`address` to listen on")
	every := flags.Duration("every", time.Second, "time between events")
	from := flags.String("from", "", "`URL` of a server whose events are printed")
	flags.Parse(args) // exits on an error

	loop := &aio.Loop{
		Name:        "sse",
		CatchPanics: true,
		OnEvent:     aio.LogEvents,
		Signals:     []os.Signal{os.Interrupt, syscall.SIGTERM},
	}
	return loop.Run(ctx, func(ctx context.Context) error {
		if *from != "" {
			return follow(ctx, *from, stdout)
		}
		server, err := httpx.Serve(ctx, *addr, func(r *httpx.Request) {
			if r.Resource() != "/events" {
				r.Respond(200, http.Header{"Content-Type": {"text/html; charset=utf-8"}}, []byte(page))
				return
			}
			aio.Spawn(r.Context(), "times", func(ctx context.Context) error { return times(ctx, r, *every) })
		})
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, "listening on", server.Addr())
		return nil // the server holds the loop open
	})
}

// follow prints the events of a server until that says that there are no more,
// or the loop drains.
func follow(ctx context.Context, from string, stdout io.Writer) error {
	req, err := http.NewRequest(http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	client := &httpx.Client{Reconnect: httpx.Reconnect{
		// the server has a heartbeat of 15 s
		Silence:  time.Minute,
		Statuses: []int{http.StatusServiceUnavailable}, // it may be restarting
	}}
	for e, err := range client.Events(ctx, req).All() {
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, e.ID, e.Type, e.Data)
	}
	return nil
}

// times sends the time until the client is gone or the server drains.
func times(ctx context.Context, r *httpx.Request, every time.Duration) error {
	stream, err := r.SSE(nil, 0)
	if err != nil {
		return err
	}
	defer stream.Close()
	n, _ := strconv.Atoi(r.LastEventID()) // 0 for a new client
	ticker := timer.Every(ctx, every, timer.Interval{})
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C():
			n++
			e := httpx.ServerEvent{ID: strconv.Itoa(n), Data: time.Now().Format(time.TimeOnly)}
			if err := stream.Send(e); err != nil {
				return nil // the client is gone
			}
		case <-stream.Gone():
			return nil
		case <-stream.Draining():
			return stream.Send(httpx.ServerEvent{Type: "end", Data: "good-bye"})
		}
	}
}
