// Watched measures what it costs a program to be watched: the processor time of
// a process with very many operations, while no one watches, while browsers do,
// and after that.
//
//	cd interop/browser && go run ./watched [-n 100000] [-browsers 3] [-for 20s]
//
// It needs chromium, and a system that is like Unix.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"goaio.example/interop/browser/chrome"

	"github.com/chromedp/chromedp"
)

// options say what is measured.
type options struct {
	n        int // operations
	browsers int
	length   time.Duration // of each measurement
	rest     time.Duration // before the first, and after the browsers have gone
}

func main() {
	o := options{rest: 32 * time.Second} // a history is kept for 30 s
	child := flag.Bool("program", false, "be the program that is watched, until stdin ends")
	flag.IntVar(&o.n, "n", 100_000, "operations in flight")
	flag.IntVar(&o.browsers, "browsers", 3, "how many watch")
	flag.DurationVar(&o.length, "for", 20*time.Second, "how long is measured each time")
	flag.Parse()
	if *child {
		if err := program(o.n, os.Stdin, os.Stdout); err != nil {
			log.Fatal("watched: ", err)
		}
		return
	}
	f, err := measure(context.Background(), o)
	if err != nil {
		log.Fatal("watched: ", err)
	}
	fmt.Println(f)
}

// figures are shares of one processor.
type figures struct {
	options
	before, watched, after float64
}

func (f figures) String() string {
	return fmt.Sprintf("%d operations, processor time of the program in percent of one processor:\n"+
		"  before any watches       %5.2f\n  %2d browsers              %5.2f\n  after they have gone     %5.2f",
		f.n, 100*f.before, f.browsers, 100*f.watched, 100*f.after)
}

// measure starts the program and the browsers, and ends them.
func measure(ctx context.Context, o options) (f figures, err error) {
	f.options = o
	p, err := start(ctx, o.n)
	if err != nil {
		return f, err
	}
	defer func() {
		if e := p.end(); err == nil {
			err = e
		}
	}()
	time.Sleep(o.rest / 8) // the garbage of the beginning is collected
	if f.before, err = p.share(o.length); err != nil {
		return f, err
	}
	leave, err := watch(ctx, o.browsers, p.url)
	if err != nil {
		return f, err
	}
	f.watched, err = p.share(o.length)
	if e := leave(); err == nil {
		err = e
	}
	if err != nil {
		return f, err
	}
	time.Sleep(o.rest)
	f.after, err = p.share(o.length)
	return f, err
}

// watch has browsers, a process each, open a page, and returns when each shows
// what the page sends.
func watch(ctx context.Context, n int, url string) (leave func() error, err error) {
	var stops []func() error
	leave = func() (err error) {
		for _, stop := range stops {
			if e := stop(); err == nil {
				err = e
			}
		}
		return err
	}
	for range n {
		tab, stop, err := chrome.Start(ctx)
		if err != nil {
			leave() //nolint:errcheck // err is what matters
			return nil, err
		}
		stops = append(stops, stop)
		err = chromedp.Run(tab, chrome.Window(1200, 900, true), chromedp.Navigate(url),
			chromedp.Poll(`document.querySelectorAll("#rates svg").length == 6`, nil, chromedp.WithPollingTimeout(time.Minute)))
		if err != nil {
			leave() //nolint:errcheck // err is what matters
			return nil, err
		}
	}
	return leave, nil
}
