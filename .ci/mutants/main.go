package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"sync"
	"time"
)

func main() {
	missed, err := run(os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	case missed > 0:
		os.Exit(1)
	}
}

// options are the command's flags.
type options struct {
	sample  int
	seed    uint64
	workers int
	list    bool
	suite   suite
}

// run seeds faults as the arguments say. It returns how many survived.
func run(args []string) (survived int, err error) {
	var o options
	flags := flag.NewFlagSet("mutants", flag.ContinueOnError)
	flags.IntVar(&o.sample, "n", 40, "how many faults to seed, chosen at random; 0 seeds all")
	flags.Uint64Var(&o.seed, "seed", 1, "seed of the choice")
	flags.IntVar(&o.workers, "p", 2, "how many faults are tried at once")
	flags.BoolVar(&o.list, "list", false, "list the faults that would be seeded, and end")
	flags.StringVar(&o.suite.run, "run", "", "regular expression of the tests to run; empty runs all")
	flags.StringVar(&o.suite.also, "tests", "", "packages whose tests are run besides the package's own")
	flags.BoolVar(&o.suite.race, "race", false, "run the tests with the race detector")
	flags.DurationVar(&o.suite.timeout, "timeout", 2*time.Minute, "after what time a run of the tests counts as failed")
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: go run ./.ci/mutants [flags] package [file ...]")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return 0, err
	}
	if flags.NArg() == 0 {
		flags.Usage()
		return 0, flag.ErrHelp
	}
	p, err := load(flags.Arg(0), flags.Args()[1:])
	if err != nil {
		return 0, err
	}
	o.suite.pkg = p.ImportPath
	faults, err := p.faults()
	if err != nil {
		return 0, err
	}
	faults = choose(faults, o.sample, o.seed)
	known, err := loadEquivalents(filepath.Join(p.Module.Dir, ".ci", "mutants", "equivalent.txt"))
	if err != nil {
		return 0, err
	}
	if o.list {
		for _, f := range faults {
			fmt.Println(f)
		}
		return 0, nil
	}
	if err := o.suite.passes(); err != nil {
		return 0, err
	}
	return o.try(faults, known).report(), nil
}

// choose returns a random sample of n faults in their order, all for 0.
func choose(faults []fault, n int, seed uint64) []fault {
	if n <= 0 || n >= len(faults) {
		return faults
	}
	r := rand.New(rand.NewPCG(seed, 0))
	chosen := r.Perm(len(faults))[:n]
	sort.Ints(chosen)
	sample := make([]fault, n)
	for i, at := range chosen {
		sample[i] = faults[at]
	}
	return sample
}

// try runs the tests with each fault.
func (o *options) try(faults []fault, known equivalents) *table {
	t := new(table)
	work := make(chan fault)
	var workers sync.WaitGroup
	for range max(o.workers, 1) {
		workers.Go(func() {
			for f := range work {
				if reason := known.reason(f); reason != "" {
					t.add(f, equivalent, reason)
					continue
				}
				t.add(o.suite.try(f))
			}
		})
	}
	for _, f := range faults {
		work <- f
	}
	close(work)
	workers.Wait()
	return t
}

// table counts what came of the faults.
type table struct {
	mu     sync.Mutex
	counts [verdicts]int
	missed []fault
	failed []string
}

// add enters the verdict on a fault, and prints it.
func (t *table) add(f fault, v verdict, detail string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[v]++
	switch v {
	case survived:
		t.missed = append(t.missed, f)
	case broken:
		t.failed = append(t.failed, fmt.Sprintf("%v: %s", f, detail))
	}
	if v != invalid {
		fmt.Printf("%-10s %v", v, f)
		if detail != "" {
			fmt.Printf(" (%s)", detail)
		}
		fmt.Println()
	}
}

// report prints the totals, and the survivors once more. It returns how many
// survived or could not be tried.
func (t *table) report() int {
	slices.SortFunc(t.missed, fault.compare)
	if len(t.missed) > 0 {
		fmt.Println("\nsurvived:")
		for _, f := range t.missed {
			fmt.Println("  ", f)
		}
	}
	for _, text := range t.failed {
		fmt.Println("not tried:", text)
	}
	seeded := t.counts[caught] + t.counts[survived] + t.counts[equivalent]
	fmt.Printf("\nseeded %d: caught %d, survived %d, equivalent %d; %d more did not compile\n",
		seeded, t.counts[caught], t.counts[survived], t.counts[equivalent], t.counts[invalid])
	return t.counts[survived] + t.counts[broken]
}
