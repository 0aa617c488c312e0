// Crawler fetches all pages of a site, several at once, and prints how far it
// has come.
//
//	go run ./examples/crawler [-pages 300] [-at-once 16] [-rate 200]
//
// It shows flow.Frontier, the retries of httpx.Client, and a limiter for each
// host. The program serves the site itself, and needs no network. After Ctrl-C
// it prints what it has done so far.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/flow"
	"goaio.example/aio/httpx"
	"goaio.example/aio/timer"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "crawler:", err)
		os.Exit(1)
	}
}

// run serves the site and crawls it.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("crawler", flag.ExitOnError)
	pages := flags.Int("pages", 300, "how many pages the site has")
	atOnce := flags.Int("at-once", 16, "how many pages are fetched at once")
	rate := flags.Int("rate", 200, "how many requests a second one host gets")
	_ = flags.Parse(args) // exits on an error

	loop := &aio.Loop{Name: "crawler", Grace: time.Second, OnEvent: aio.LogEvents, Signals: []os.Signal{os.Interrupt}}
	return loop.Run(ctx, func(ctx context.Context) error {
		server := &httpx.Server{Handler: site(*pages)}
		if err := server.Start(ctx, "127.0.0.1:0"); err != nil {
			return err
		}
		defer server.Close()
		limits := perHost{gap: time.Second / time.Duration(*rate)}
		c := &crawler{client: httpx.Client{
			Limiter: limits.of, MaxIdlePerHost: *atOnce,
			Retry: httpx.Retry{Attempts: 5, Backoff: timer.Backoff{Initial: 10 * time.Millisecond}, Budget: -1},
		}}
		ctx = aio.UntilDrain(ctx) // ends with Ctrl-C
		c.add(fmt.Sprintf("http://%s/page/0", server.Addr()))
		progress := aio.Go(ctx, "progress", func(ctx context.Context) (int, error) { return 0, c.show(ctx, stdout) })
		_, err := c.pages.Each(ctx, flow.Options{Limit: *atOnce, KeepGoing: true, Name: "fetch"}, c.visit).Await(ctx)
		progress.Cancel(aio.ErrStopped)
		<-progress.Done()
		fmt.Fprintf(stdout, "\r%d pages fetched, %d bytes, %d left\n", c.fetched.Load(), c.bytes.Load(), c.pages.Len())
		if errors.Is(err, aio.ErrExit) {
			return nil // Ctrl-C
		}
		return err
	})
}

// A crawler fetches pages, each of them once.
type crawler struct {
	client         httpx.Client
	pages          flow.Frontier[string]
	seen           sync.Map // by URL
	fetched, bytes atomic.Int64
}

func (c *crawler) add(url string) {
	if _, seen := c.seen.LoadOrStore(url, true); !seen {
		c.pages.Add(url)
	}
}

// visit fetches a page and adds those that it links to.
func (c *crawler) visit(ctx context.Context, url string) error {
	r, err := c.client.Get(ctx, url).Await(ctx)
	if err != nil {
		return err
	}
	if r.Status != http.StatusOK {
		return fmt.Errorf("%s: %d", url, r.Status)
	}
	for _, l := range links(r) {
		c.add(l)
	}
	c.bytes.Add(int64(len(r.Body)))
	c.fetched.Add(1)
	return nil
}
