package main

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// crowd is a set of goroutines that keep the processors of a server process
// busy while it serves.
type crowd struct {
	stop atomic.Bool
	wg   sync.WaitGroup
}

// spinners compute, one for each processor: Go's scheduler interrupts them
// every 10 ms.
func (b *crowd) spinners() {
	for range runtime.GOMAXPROCS(0) {
		b.wg.Go(func() {
			for !b.stop.Load() {
				compute(1000)
			}
		})
	}
}

// pairs are n pairs of goroutines that hand a token to and fro: they are
// always runnable, and never run for long.
func (b *crowd) pairs(n int) {
	for range n {
		there, back := make(chan bool), make(chan bool)
		b.wg.Go(func() {
			defer close(there)
			for !b.stop.Load() {
				there <- true
				<-back
			}
		})
		b.wg.Go(func() {
			for range there {
				back <- true
			}
		})
	}
}

// end ends the goroutines.
func (b *crowd) end() {
	b.stop.Store(true)
	b.wg.Wait()
}

// busyCommand runs the command "busy", which makes a crowd of a kind, or ends
// it if the kind is empty.
func (c *control) busyCommand(kind string) {
	if c.crowd != nil {
		c.crowd.end()
		c.crowd = nil
	}
	if kind == "" {
		return
	}
	c.crowd = new(crowd)
	if kind == "spinners" {
		c.crowd.spinners()
	} else {
		c.crowd.pairs(64)
	}
}

// compareBusy compares servers in whose processes other goroutines are always
// runnable.
func compareBusy(r *report, servers map[string]*child, peers []string) error {
	for _, kind := range []string{"spinners", "pairs"} {
		for _, rate := range []float64{0, 2000} {
			if err := compareCrowd(r, servers, peers, kind, rate); err != nil {
				return err
			}
		}
	}
	return nil
}

func compareCrowd(r *report, servers map[string]*child, peers []string, kind string, rate float64) error {
	c := tailCase{conns: pick(r.settings, 100, 20), rate: rate}
	name := fmt.Sprintf("%v, beside goroutines that spin on all processors", c)
	if kind == "pairs" {
		name = fmt.Sprintf("%v, beside 64 pairs of goroutines that are always runnable", c)
	}
	if !r.wanted(name) {
		return nil
	}
	loads := map[string]*load{}
	defer closeLoads(loads)
	for _, p := range peers {
		l, err := c.load(servers[p])
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		loads[p] = l
	}
	metrics := []metric{rateMetric, p99Metric, p50Metric}
	return r.compare(name, metrics, peers, 1, func(peer string) (*tally, error) {
		if _, err := servers[peer].ask("busy " + kind); err != nil {
			return nil, err
		}
		t, err := loads[peer].measure(servers[peer], rate, min(r.settings.window, 300*time.Millisecond), r.settings.window)
		if err != nil {
			return nil, err
		}
		_, err = servers[peer].ask("busy ")
		return t, err
	})
}
