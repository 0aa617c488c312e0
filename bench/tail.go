package main

import (
	"fmt"
	"time"
)

// measureTail compares how much handlers that block or compute hold up other
// connections, and how many messages are answered then.
func measureTail(r *report) error {
	servers, peers, err := startEchoes(r)
	if err != nil {
		return err
	}
	defer stopAll(servers)
	for _, c := range tailCases(r.settings) {
		among := peers
		if !c.everybody {
			among = tailPeers(r.settings)
		}
		if err := c.compare(r, servers, among); err != nil {
			return err
		}
	}
	if err := comparePhases(r, servers, tailPeers(r.settings)); err != nil {
		return err
	}
	return compareBusy(r, servers, tailPeers(r.settings))
}

// tailPeers are the peers of the cases that are many: package net, which is
// the measure, and gnet, unless the command line names others.
func tailPeers(s *settings) []string {
	if len(s.peers) > 0 {
		return echoPeers
	}
	return []string{"raw net", "goaio", "gnet"}
}

// tailCase is a load in which some messages take the handler a time. Only the
// latency of the others counts, if there are others.
type tailCase struct {
	conns     int
	rate      float64 // messages a second in all; 0: as fast as they go
	mark      byte
	d         time.Duration
	every     int  // one message in so many takes time; 0: none
	byConn    bool // it is all of one connection in so many instead
	everybody bool // all peers are compared
}

// tailCases returns the cases. Where messages have a rate, it leaves every
// server idle for most of the time.
func tailCases(s *settings) []tailCase {
	if s.quick {
		return []tailCase{
			{conns: 20, rate: 1000, everybody: true},
			{conns: 20, rate: 1000, mark: sleepMark, d: 10 * time.Millisecond, every: 10, byConn: true, everybody: true},
			{conns: 20, mark: sleepMark, d: time.Millisecond, every: 1},
			{conns: 20, mark: computeMark, d: time.Millisecond, every: 10},
		}
	}
	cases := []tailCase{
		{conns: 200, rate: 10000, everybody: true},
		{conns: 200, rate: 10000, mark: sleepMark, d: 10 * time.Millisecond, every: 100, byConn: true, everybody: true},
	}
	ms := time.Millisecond
	for _, d := range []time.Duration{ms / 10, ms / 2, ms, 2 * ms, 4 * ms, 8 * ms, 20 * ms} {
		cases = append(cases,
			tailCase{conns: 100, mark: sleepMark, d: d, every: 1},
			tailCase{conns: 100, mark: sleepMark, d: d, every: 10},
			tailCase{conns: 100, mark: sleepMark, d: d, every: 100},
			tailCase{conns: 200, rate: 10000, mark: sleepMark, d: d, every: 10},
			tailCase{conns: 200, rate: 10000, mark: sleepMark, d: d, every: 100},
			tailCase{conns: 200, rate: 10000, mark: sleepMark, d: d, every: 10, byConn: true},
			tailCase{conns: 200, rate: 10000, mark: sleepMark, d: d, every: 100, byConn: true},
		)
	}
	return append(cases,
		tailCase{conns: 100, mark: computeMark, d: ms, every: 1},
		tailCase{conns: 100, mark: computeMark, d: ms, every: 10},
		tailCase{conns: 200, rate: 4000, mark: computeMark, d: ms, every: 10},
		tailCase{conns: 200, rate: 4000, mark: computeMark, d: ms, every: 10, byConn: true},
	)
}

func (c tailCase) String() string {
	text := fmt.Sprintf("%d connections", c.conns)
	if c.rate > 0 {
		text += fmt.Sprintf(", %.0f messages a second", c.rate)
	}
	what := "sleeps"
	if c.mark == computeMark {
		what = "computes"
	}
	switch {
	case c.every == 0:
		return text
	case c.every == 1:
		return fmt.Sprintf("%s, every callback %s for %v", text, what, c.d)
	case c.byConn:
		return fmt.Sprintf("%s, those of one connection in %d: it %s for %v", text, c.every, what, c.d)
	}
	return fmt.Sprintf("%s, one callback in %d %s for %v", text, c.every, what, c.d)
}

func (c tailCase) compare(r *report, servers map[string]*child, peers []string) error {
	if !r.wanted(c.String()) {
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
	// The warm-up of 100 ms is what a server has to find out how long
	// callbacks take.
	n := pick(r.settings, 4, 1)
	window := r.settings.window / time.Duration(n)
	metrics := []metric{{ofSlices("p99"), "p99", "ns"}, {ofSlices("p50"), "p50", "ns"}, cpuMetric}
	if c.rate == 0 {
		metrics = []metric{rateMetric, p99Metric, p50Metric, cpuMetric}
	}
	return r.compare(c.String(), metrics, peers, n, func(peer string) (*tally, error) {
		return loads[peer].measure(servers[peer], c.rate, min(window, 100*time.Millisecond), window)
	})
}

// load connects to a server.
func (c tailCase) load(server *child) (*load, error) {
	const size = 64
	l, err := echoCase{conns: c.conns, size: size, rate: c.rate}.load(server)
	if err != nil || c.every == 0 {
		return l, err
	}
	slow := asking(c.mark, c.d, size)
	switch {
	case c.every == 1:
		l.target.request = slow
		l.each(func(_ int, conn *loadConn) { conn.request = slow })
	case c.byConn:
		l.each(func(i int, conn *loadConn) {
			if i%c.every == 0 {
				conn.request, conn.quiet = slow, true
			}
		})
	default:
		l.mix = mix{request: slow, every: c.every}
	}
	return l, nil
}

// each calls fn with each connection of the load and its number.
func (l *load) each(fn func(i int, c *loadConn)) {
	i := 0
	for _, loop := range l.loops {
		for _, c := range loop.conns {
			fn(i, c)
			i++
		}
	}
}
