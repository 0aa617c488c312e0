// Aiolive shows a loop in a terminal: the tree of its operations, rates and
// events, as package aio/live serves them.
//
//	aiolive [flags] ADDRESS
//
// ADDRESS is the URL of a page, which may end in ?token=TOKEN, "HOST:PORT", or
// "unix:PATH".
//
//	-once      print what is in flight, once, and end: for scripts
//	-json      with -once, print the snapshot in JSON (aio/live.Snapshot)
//	-q TEXT    only operations with TEXT in their name or kind, or with that ID
//	-sort ORDER  age, new, bytes or name
//	-token TOKEN  of the page; the variable AIOLIVE_TOKEN if it is not given
//
// Keys: s sorts otherwise, / searches, j and k or the arrows move, Space and
// the page keys move further, Enter opens and closes a row, Escape shows all
// again, q quits. Where the terminal cannot be read key by key (Windows), a key
// is followed by Enter. Names are shown as live.Visible has them, so that they
// cannot do anything to the terminal.
//
// The status is 0, also when the loop has ended, 1 on errors, and 2 if the
// flags are wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"goaio.example/aio/live"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// options are what the command line says.
type options struct {
	once, json bool
	token      string
	view       view
}

// run is the program. It returns its status.
func run(ctx context.Context, args []string, stdin *os.File, stdout, stderr io.Writer) int {
	o, f, err := parse(args, stderr)
	if err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(stderr, "aiolive:", visible(err.Error()))
		}
		return 2
	}
	defer f.close()
	if o.once {
		err = once(ctx, f, o, stdout)
	} else {
		err = show(ctx, f, o.view, stdin, stdout)
	}
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(stderr, "aiolive:", visible(err.Error()))
		return 1
	}
	return 0
}

// parse reads the command line.
func parse(args []string, stderr io.Writer) (o options, f *feed, err error) {
	flags := flag.NewFlagSet("aiolive", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&o.once, "once", false, "print what is in flight, once, and end")
	flags.BoolVar(&o.json, "json", false, "with -once, print the snapshot in JSON")
	flags.StringVar(&o.view.search, "q", "", "only operations with `TEXT` in their name or kind, or with that ID")
	flags.StringVar(&o.view.sort, "sort", live.ByAge, "the `ORDER`: age, new, bytes or name")
	flags.StringVar(&o.token, "token", os.Getenv("AIOLIVE_TOKEN"), "the `TOKEN` of the page")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: aiolive [flags] URL|HOST:PORT|unix:PATH")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return o, nil, err
	}
	switch {
	case flags.NArg() != 1:
		flags.Usage()
		return o, nil, errors.New("one address is needed")
	case !slices.Contains(sorts, o.view.sort):
		return o, nil, fmt.Errorf("there is no order %q", o.view.sort)
	}
	f, err = newFeed(flags.Arg(0), o.token)
	return o, f, err
}

// once prints one snapshot.
func once(ctx context.Context, f *feed, o options, stdout io.Writer) error {
	if o.json {
		return f.copy(ctx, o.view, stdout)
	}
	s, err := f.snapshot(ctx, o.view)
	if err != nil {
		return err
	}
	for _, line := range screen(s, o.view, 0, 0) {
		if _, err := fmt.Fprintln(stdout, line.text); err != nil {
			return err
		}
	}
	return nil
}
