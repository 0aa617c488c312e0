package main

import (
	"fmt"
	"net/netip"
	"time"
)

// echoCase is a number of connections with messages of a size, as fast as they
// go or at a rate.
type echoCase struct {
	conns, size int
	rate        float64
}

func (e echoCase) String() string {
	s := fmt.Sprintf("echo %d B, %d connections", e.size, e.conns)
	if e.rate > 0 {
		s += fmt.Sprintf(", %.0f messages a second", e.rate)
	}
	return s
}

func measureEcho(r *report) error {
	servers, peers, err := startEchoes(r)
	if err != nil {
		return err
	}
	defer stopAll(servers)
	cases := pick(r.settings, []echoCase{
		{conns: 64, size: 64},
		{conns: 1000, size: 64},
		{conns: 64, size: 64, rate: 20000},
		{conns: 1, size: 64},
		{conns: 10000, size: 64},
		{conns: 16, size: 64 << 10},
	}, []echoCase{{conns: 8, size: 64}, {conns: 8, size: 64, rate: 2000}, {conns: 2, size: 64 << 10}})
	for _, e := range cases {
		if r.wanted(e.String()) {
			if err := e.measure(r, servers, peers); err != nil {
				return err
			}
		}
	}
	return nil
}

// measure compares the servers. All have their connections all the while,
// unless that would be too many for one process.
func (e echoCase) measure(r *report, servers map[string]*child, peers []string) error {
	const many = 15000
	metrics := []metric{cpuMetric, rateMetric, p99Metric}
	if e.rate > 0 {
		metrics = []metric{cpuMetric, p50Metric, p99Metric}
	}
	window := r.settings.window
	if e.conns*len(peers) > many {
		return r.compare(e.String(), metrics, peers, 1, func(peer string) (*tally, error) {
			l, err := e.load(servers[peer])
			if err != nil {
				return nil, err
			}
			defer l.close()
			return l.measure(servers[peer], e.rate, window/5, window)
		})
	}
	loads := map[string]*load{}
	defer closeLoads(loads)
	for _, p := range peers {
		l, err := e.load(servers[p])
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		loads[p] = l
	}
	slices := pick(r.settings, 10, 1)
	window /= time.Duration(slices)
	return r.compare(e.String(), metrics, peers, slices, func(peer string) (*tally, error) {
		return loads[peer].measure(servers[peer], e.rate, window/4, window)
	})
}

// load connects to a server.
func (e echoCase) load(server *child) (*load, error) {
	addr, err := netip.ParseAddrPort(server.addr)
	if err != nil {
		return nil, err
	}
	threads := 2
	if e.rate > 0 {
		threads = 1
	}
	message := make([]byte, e.size)
	return newLoad(target{addr: addr, request: message, answer: len(message)}, e.conns, threads)
}
