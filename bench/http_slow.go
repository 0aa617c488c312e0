package main

import (
	"errors"
	"fmt"
	"time"
)

// compareSlow compares how long clients wait for their responses while others
// send a byte a second: of a header, or of a body.
func compareSlow(r *report) error {
	all := r.settings
	defer func() { r.settings = all }()
	few := *all
	few.rounds = (all.rounds + 1) / 2
	r.settings = &few
	n := pick(r.settings, r.settings.slow, 50)
	for _, part := range []string{"header", "body"} {
		name := fmt.Sprintf("slow, 1000 requests a second beside %d clients that send a byte of a %s a second", n, part)
		if !r.wanted(name) {
			continue
		}
		if err := compareSlowPart(r, name, part, n); err != nil {
			return err
		}
	}
	return nil
}

func compareSlowPart(r *report, name, part string, n int) error {
	metrics := []metric{
		{"p99 beside", "p99 beside them", "ns"},
		{"p99 alone", "p99 alone", "ns"},
		{"p50 beside", "p50 beside them", "ns"},
		{"p50 alone", "p50 alone", "ns"},
		{"cpu beside", "CPU/request beside them", "ns"},
		{"cpu alone", "CPU/request alone", "ns"},
		{"each", "resident for each of them", "B"},
		{"lost", "of them lost", ""},
	}
	return r.compare(name, metrics, httpPeers, 1, func(peer string) (*tally, error) {
		server, err := startRole("http " + peer)
		if err != nil {
			return nil, err
		}
		defer server.stop()
		values, err := beside(r.settings, server, part, n)
		return &tally{values: values}, err
	})
}

// beside measures a load without and with slow clients.
func beside(s *settings, server *child, part string, n int) (sample, error) {
	c := httpCase{requests: [][]byte{httpRequest("/")}, conns: 100}
	c.complete(s)
	l, err := c.load(server)
	if err != nil {
		return nil, err
	}
	defer l.close()
	values := sample{}
	if err := besideWindow(s, server, l, "alone", values); err != nil {
		return nil, err
	}
	before, err := server.memory()
	if err != nil {
		return nil, err
	}
	slow, err := startRole("http slow", withParameter(fmt.Sprint(server.addr, " ", part, " ", n)))
	if err != nil {
		return nil, err
	}
	defer slow.stop()
	err = besideWindow(s, server, l, "beside", values)
	after, merr := server.memory()
	values["each"] = (after - before) / float64(n)
	lost, lerr := slow.askNumber("lost")
	values["lost"] = lost
	return values, errors.Join(err, merr, lerr)
}

// besideWindow runs the load, and notes its figures under a name. The warm-up
// is long enough for each slow client to send.
func besideWindow(s *settings, server *child, l *load, name string, values sample) error {
	const rate = 1000
	window := max(s.window, pick(s, 2*time.Second, 0))
	t, err := l.measure(server, rate, pick(s, 1100*time.Millisecond, 50*time.Millisecond), window)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	measured := t.sample()
	for _, m := range []string{"p50", "p99", "cpu"} {
		values[m+" "+name] = measured[m]
	}
	return nil
}
