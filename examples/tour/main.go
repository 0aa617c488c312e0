// Tour shows most of goaio at work in one loop: a DNS server, an echo server
// and an HTTP server, clients of all three, and timers. It ends by itself after
// some seconds, or earlier on Ctrl-C; the page that is on its way then still
// comes.
//
//	go run ./examples/tour [-for 4.3s] [-keep]
//
// It prints the address of a page that shows the loop. With -keep it goes on
// until Ctrl-C, so that one can look.
//
// Nothing leaves the machine, no port is fixed, and names are looked up at the
// program's own DNS server.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"syscall"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/dnsx"
	"goaio.example/aio/httpx"
	"goaio.example/aio/live"
	"goaio.example/aio/timer"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "tour:", err)
		os.Exit(1)
	}
}

// run is the tour, until its time is up, a signal comes, or ctx ends.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("tour", flag.ExitOnError)
	length := flags.Duration("for", 4300*time.Millisecond, "`time` after which the tour ends by itself")
	keep := flags.Bool("keep", false, "do not end before Ctrl-C")
	flags.Parse(args) // exits on an error
	if *keep {
		*length = time.Duration(math.MaxInt64)
	}

	loop := &aio.Loop{
		Name:        "tour",
		CatchPanics: true,
		Sites:       true, // the page tells which call has started an operation
		OnEvent:     aio.LogEvents,
		Signals:     []os.Signal{os.Interrupt, syscall.SIGTERM},
	}
	err := loop.Run(ctx, func(ctx context.Context) error {
		page, err := live.Serve(ctx, "127.0.0.1:0")
		if err != nil {
			return err
		}
		fmt.Fprintln(stdout, "look at   ", page.URL())
		s, err := serve(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "serving    DNS on %s, echo on %s, HTTP on %s\n", s.dns.Addr(), s.echo.Addr(), s.web.Addr())
		return watch(ctx, newClients(s), s.asked, *length, stdout)
	})
	fmt.Fprintln(stdout, "ended      with", loop.Stats().InFlight, "operations left")
	return err
}

// watch prints the loop's figures each second, has the clients ask again when
// they have all their answers, and prints what comes, as it comes. When the
// loop drains it waits for what is on its way. It returns the first error
// before that.
func watch(ctx context.Context, c *clients, asked <-chan string, length time.Duration, stdout io.Writer) error {
	say := func(what string, value any, err error) error {
		if err != nil {
			value = err
		}
		fmt.Fprintf(stdout, "%-10s %v\n", what, value)
		return err
	}
	var found <-chan aio.Result[dnsx.Answer] // a nil channel is never ready
	var echoed <-chan aio.Result[string]
	var page <-chan aio.Result[*httpx.Response]
	second := timer.Every(ctx, time.Second, timer.Interval{Immediate: true}).C()
	end := timer.After(ctx, length).C()
	draining := aio.Draining(ctx)
	var failed error
	for round := 1; draining != nil || found != nil || echoed != nil || page != nil; {
		var err error
		select {
		case <-second:
			err = say("stats", summary(aio.LoopOf(ctx).Stats()), nil)
			if found == nil && echoed == nil && page == nil && draining != nil {
				found, echoed, page = c.lookUp(ctx, round).C(), c.shout(ctx, round).C(), c.get(ctx, round).C()
				round++
			}
		case r := <-found:
			found, err = nil, say("looked up", fmt.Sprintf("%s: %v", r.Value.Host, r.Value.Addrs), r.Err)
		case r := <-echoed:
			echoed, err = nil, say("echoed", r.Value, r.Err)
		case uri := <-asked:
			err = say("was asked", uri, nil)
		case r := <-page:
			page, err = nil, say("got", text(r.Value), r.Err)
		case <-end: // or the loop drains already
			aio.LoopOf(ctx).Exit(nil)
		case <-draining:
			err, draining = say("draining", "no more rounds, but what is on its way still comes", nil), nil
		}
		if failed == nil && draining != nil {
			failed = err
		}
	}
	return failed
}
