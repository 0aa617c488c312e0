// Command bench measures goaio and its peers: one run, all sides in turns, each
// in a separate process. README.md says what is measured, and how. It needs
// Linux.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"goaio.example/bench/soak"
)

func main() {
	if name := os.Getenv(roleVariable); name != "" {
		if err := playRole(name); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s: %v\n", name, err)
			os.Exit(1)
		}
		return
	}
	if err := errors.Join(run(os.Args[1:]), cleanUp()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// atEnd is what is to be done before the process ends.
var atEnd []func() error

func cleanUp() (err error) {
	for _, end := range atEnd {
		err = errors.Join(err, end())
	}
	return err
}

// run measures what the command line asks for.
func run(args []string) error {
	var s settings
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := flags.String("run", "", "comma-separated `workloads`; empty means all")
	peers := flags.String("peers", "", "comma-separated `peers` to measure beside the first; empty means all")
	cases := flags.String("case", "", "only cases with this `text` in their name; a $ in it matches the name's end")
	show := flags.Bool("list", false, "list the workloads and end")
	flags.IntVar(&s.rounds, "rounds", 5, "`rounds` of each case")
	flags.DurationVar(&s.window, "window", time.Second, "how `long` a server is measured in a round")
	flags.Int64Var(&s.pipe, "pipe", 1<<10, "`MiB` that each connection of the workload pipe moves")
	flags.IntVar(&s.slow, "slow", 2000, "`clients` that are slow, of the workload http")
	flags.BoolVar(&s.quick, "quick", false, "a smoke test: one short round of small cases")
	flags.StringVar(&s.dir, "o", "results", "`directory` of the results; empty writes none")
	last := flags.Duration("soak", 30*time.Minute, "how `long` -run soak lasts, which measures nothing")
	profiles := flags.String("profile", "", "`directory` for the servers' CPU profiles; they cost a little")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *show {
		for _, w := range workloads {
			fmt.Printf("%-10s %s\n", w.name, w.about)
		}
		return nil
	}
	if *only == "soak" {
		return soak.Run(context.Background(), *last, os.Stdout)
	}
	s.peers, s.cases = list(*peers), *cases
	if s.quick {
		s.rounds, s.window = 1, 50*time.Millisecond
	}
	if *profiles != "" {
		if err := os.Setenv(profileVariable, *profiles); err != nil {
			return err
		}
	}
	chosen, err := choose(list(*only))
	if err != nil {
		return err
	}
	return measureAll(&s, chosen)
}

// list splits a comma-separated list. There may be spaces in a name.
func list(text string) (names []string) {
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

func measureAll(s *settings, chosen []workload) error {
	env := environment()
	fmt.Println(env)
	for _, w := range chosen {
		begin := time.Now()
		fmt.Printf("\n%s: %s\n", w.name, w.about)
		r := &report{settings: s, Workload: w.name, About: w.about, Environment: env, Rounds: s.rounds, Quick: s.quick}
		r.Load = append(r.Load, loadAverage())
		if err := w.measure(r); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		r.Load = append(r.Load, loadAverage())
		r.Seconds = time.Since(begin).Seconds()
		if err := r.save(); err != nil {
			return err
		}
	}
	if s.dir == "" {
		return nil
	}
	return summarize(s.dir)
}
