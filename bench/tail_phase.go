package main

import (
	"errors"
	"fmt"
	"time"
)

// comparePhases compares servers whose callbacks do not block, all block, and
// do not block again. A phase is measured from 100 ms after its beginning:
// first for 100 ms, to see whether the server has found out by then, and then
// until the phase ends.
func comparePhases(r *report, servers map[string]*child, peers []string) error {
	const blocked = 2 * time.Millisecond
	length := pick(r.settings, 2*time.Second, 300*time.Millisecond)
	name := fmt.Sprintf("100 connections, no callback sleeps for %v, all sleep for %v, none again", length, blocked)
	if !r.wanted(name) {
		return nil
	}
	c := tailCase{conns: pick(r.settings, 100, 20)}
	loads := map[string]*load{}
	defer closeLoads(loads)
	for _, p := range peers {
		l, err := c.load(servers[p])
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		loads[p] = l
	}
	var metrics []metric
	for _, phase := range []string{"free", "blocked", "free again"} {
		for _, part := range []string{"first", "rest"} {
			metrics = append(metrics,
				metric{phase + " " + part + " rate", phase + ", " + part, "/s"},
				metric{phase + " " + part + " p99", "p99", "ns"})
		}
	}
	return r.compare(name, metrics, peers, 1, func(peer string) (*tally, error) {
		l := loads[peer]
		usual := l.target.request
		defer func() { l.target.request = usual }()
		values := sample{}
		for _, phase := range []struct {
			name    string
			request []byte
		}{{"free", usual}, {"blocked", asking(sleepMark, blocked, len(usual))}, {"free again", usual}} {
			if err := l.phase(servers[peer], phase.name, phase.request, length, values); err != nil {
				return nil, err
			}
		}
		return &tally{values: values}, nil
	})
}

// phase runs the load with a request, and notes its figures under the phase's
// name. Requests of the phase before may still be under way.
func (l *load) phase(server *child, name string, request []byte, length time.Duration, values sample) error {
	l.target.request = request
	l.each(func(_ int, c *loadConn) { c.request = request })
	const settle = 100 * time.Millisecond
	l.start(0)
	time.Sleep(settle)
	first, err := l.window(server, settle)
	rest, rerr := l.window(server, length-2*settle)
	if err := errors.Join(err, rerr, l.finish()); err != nil {
		return err
	}
	for part, t := range map[string]*tally{"first": first, "rest": rest} {
		s := t.sample()
		values[name+" "+part+" rate"], values[name+" "+part+" p99"] = s["rate"], s["p99"]
	}
	return nil
}
