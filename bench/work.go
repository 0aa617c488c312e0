package main

import (
	"fmt"
	"runtime/metrics"
	"strconv"
	"time"
)

// Work is what a process does by itself when it is told to, n times: no server, but the other way to be a peer.

// work makes a role of a function that does its work n times. The answer to "run n" is how much was allocated meanwhile,
// in objects.
func (c *control) work(do func(n int) error) error {
	c.ready("")
	return c.serve(func(command string) (string, error) {
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

// compareWork compares peers by work, so many times in a slice as n says. Their roles are named after the work and the
// peer.
func compareWork(r *report, name, role string, peers []string, n func(peer string) int, env ...string) error {
	if !r.wanted(name) {
		return nil
	}
	children := map[string]*child{}
	defer func() { stopAll(children) }()
	for _, p := range peers {
		c, err := startRole(role+" "+p, env...)
		if err != nil {
			return err
		}
		children[p] = c
		if _, err := c.do(n(p)); err != nil { // to get warm
			return fmt.Errorf("%s: %w", p, err)
		}
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
