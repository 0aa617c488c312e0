package main

import "time"

// measureTail compares how much a handler that sleeps holds up the other connections: on one connection in a hundred each
// message takes the handler 10 ms. Latencies are those of the other connections.
func measureTail(r *report) error {
	servers, peers, err := startEchoes(r)
	if err != nil {
		return err
	}
	defer stopAll(servers)
	for _, slow := range []bool{false, true} {
		name := "200 connections, 10,000 messages a second"
		if slow {
			name += ", a handler in 100 sleeps for 10 ms"
		}
		if err := compareTail(r, name, servers, peers, slow); err != nil {
			return err
		}
	}
	return nil
}

func compareTail(r *report, name string, servers map[string]*child, peers []string, slow bool) error {
	e := echoCase{conns: pick(r.settings, 200, 100), size: 64, rate: pick(r.settings, 10000., 1000)}
	loads := map[string]*load{}
	defer closeLoads(loads)
	for _, p := range peers {
		l, err := e.load(servers[p])
		if err != nil {
			return err
		}
		loads[p] = l
		for i, c := range l.loops[0].conns {
			if slow && i%100 == 0 {
				c.request, c.quiet = append([]byte{sleepMark}, l.target.request[1:]...), true
			}
		}
	}
	slices := pick(r.settings, 10, 1)
	window := r.settings.window / time.Duration(slices)
	metrics := []metric{{ofSlices("p99"), "p99", "ns"}, {ofSlices("p50"), "p50", "ns"}, cpuMetric}
	return r.compare(name, metrics, peers, slices, func(peer string) (*tally, error) {
		return loads[peer].measure(servers[peer], e.rate, window/4, window)
	})
}
