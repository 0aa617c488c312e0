package main

import (
	"fmt"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
)

// Work is what a process does alone on command, n times: no server, but the
// other way to be a peer.

// work makes a role of a function that does its work n times. The answer to
// "run n" is how much was allocated meanwhile, in objects. The answer to "for d
// n" is how often the work was done in the time d, n times in a row as often as
// fits.
func (c *control) work(do func(n int) error) error {
	c.ready("")
	return c.serve(func(command string) (string, error) {
		if rest, ok := strings.CutPrefix(command, "for "); ok {
			return workFor(rest, do)
		}
		var n int
		if _, err := fmt.Sscanf(command, "run %d", &n); err != nil {
			return "", fmt.Errorf("%q: %w", command, err)
		}
		before := allocated()
		if err := do(n); err != nil {
			return "", err
		}
		return strconv.FormatUint(allocated()-before, 10), nil
	})
}

// workFor does work n times in a row, until a time has passed, as an argument
// like "1s 100" says.
func workFor(argument string, do func(n int) error) (string, error) {
	var text string
	var n, done int
	if _, err := fmt.Sscanf(argument, "%s %d", &text, &n); err != nil {
		return "", fmt.Errorf("%q: %w", argument, err)
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return "", err
	}
	for begin := time.Now(); time.Since(begin) < d; done += n {
		if err := do(n); err != nil {
			return "", err
		}
	}
	return strconv.Itoa(done), nil
}

// allocated returns how many objects the process has allocated so far.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

var (
	opMetric     = metric{"cpu", "CPU each", "ns"}
	allocsMetric = metric{"allocs", "allocations", ""}
)

// compareBeside compares the rates of peers by work in processes with 64 pairs
// of goroutines that are always runnable. A goroutine whose time slice is over
// then waits for some hundred milliseconds, so that the window must be long. n
// is how often the work is done in a row.
func compareBeside(r *report, name, role string, peers []string, n int, env ...string) error {
	if !r.wanted(name) {
		return nil
	}
	children, err := startWorkers(role, peers, times(n), env...)
	defer stopAll(children)
	if err != nil {
		return err
	}
	window := pick(r.settings, 2*time.Second, 10*time.Millisecond)
	metrics := []metric{{"rate", "each second", "/s"}}
	return r.compare(name, metrics, peers, 1, func(peer string) (*tally, error) {
		c := children[peer]
		if _, err := c.ask("busy pairs"); err != nil {
			return nil, err
		}
		begin := time.Now()
		done, err := c.askNumber(fmt.Sprintf("for %v %d", window, n))
		if err != nil {
			return nil, err
		}
		t := &tally{n: int64(done), wall: time.Since(begin)}
		_, err = c.ask("busy ")
		return t, err
	})
}

// startWorkers starts a process for each peer, with the role of the work and
// the peer, and has it do the work n times, to get warm. With an error the
// processes that have been started are returned too.
func startWorkers(role string, peers []string, n func(peer string) int, env ...string) (map[string]*child, error) {
	children := map[string]*child{}
	for _, p := range peers {
		c, err := startRole(role+" "+p, env...)
		if err != nil {
			return children, err
		}
		children[p] = c
		if _, err := c.do(n(p)); err != nil {
			return children, fmt.Errorf("%s: %w", p, err)
		}
	}
	return children, nil
}

// compareWork compares peers by work, so many times in a slice as n says. Their
// roles are named after the work and the peer.
func compareWork(r *report, name, role string, peers []string, n func(peer string) int, env ...string) error {
	if !r.wanted(name) {
		return nil
	}
	children, err := startWorkers(role, peers, n, env...)
	defer stopAll(children)
	if err != nil {
		return err
	}
	metrics := []metric{opMetric, allocsMetric, {"rate", "each second", "/s"}}
	return r.compare(name, metrics, peers, pick(r.settings, 10, 1), func(peer string) (*tally, error) {
		return children[peer].do(n(peer))
	})
}

// times is n for all peers.
func times(n int) func(string) int { return func(string) int { return n } }

// do has the process do its work n times.
func (c *child) do(n int) (*tally, error) {
	cpu, err := c.cpu()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	allocs, err := c.askNumber(fmt.Sprintf("run %d", n))
	if err != nil {
		return nil, err
	}
	wall := time.Since(begin)
	after, err := c.cpu()
	return &tally{n: int64(n), cpu: after - cpu, wall: wall, values: sample{"allocs": allocs / float64(n)}}, err
}
