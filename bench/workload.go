package main

import (
	"fmt"
	"slices"
	"time"
)

// settings are what the command line says.
type settings struct {
	rounds int
	window time.Duration // how long a server is measured in a round
	pipe   int64         // MiB that each connection of the workload pipe moves
	slow   int           // clients of the workload http that are slow
	quick  bool
	peers  []string // empty: all
	cases  string   // only those with it in their name
	dir    string   // of the results
}

// measures reports whether a peer is measured.
func (s *settings) measures(peer string) bool {
	return len(s.peers) == 0 || slices.Contains(s.peers, peer)
}

// among returns those of the peers that are measured: the first, and others.
func (s *settings) among(peers []string) (measured []string) {
	for i, p := range peers {
		if i == 0 || s.measures(p) {
			measured = append(measured, p)
		}
	}
	return measured
}

// pick returns full, or small in a quick run.
func pick[T any](s *settings, full, small T) T {
	if s.quick {
		return small
	}
	return full
}

// workload is a kind of work, in one or more cases.
type workload struct {
	name, about string
	measure     func(r *report) error
}

// workloads are all there are, in the order in which they run.
var workloads = []workload{
	{"spawn", "spawn + await: CPU time and allocations of one operation", measureSpawn},
	{"observe", "spawn + await in a loop that is observed: metrics, OpenTelemetry", measureObserve},
	{"join", "many operations at once, joined, with results and without", measureJoin},
	{"timers", "1,000,000 pending timers: memory, to create, cancel and list them", measureTimers},
	{"echo", "TCP echo: CPU time of the server and messages a second", measureEcho},
	{"tail", "echo latency beside handlers that sleep", measureTail},
	{"memory", "resident memory of idle connections", measureMemory},
	{"connect", "connect + echo + close: CPU time of the server and connections a second", measureConnect},
	{"pipe", "a forwarder between clients and a sink: CPU time of what it moves", measurePipe},
	{"http", "HTTP servers: CPU time and latency of a request, memory of connections", measureHTTP},
	{"client", "HTTP clients: CPU time and allocations of a request", measureClient},
	{"dns", "DNS clients: CPU time and allocations of a lookup, with a cache and without", measureDNS},
	{"beanstalk", "beanstalkd clients: CPU time and jobs a second", measureBeanstalk},
	{"jobs", "jobs on beanstalkd, put and done in one process: CPU time and jobs a second", measureJobs},
	{"c40k", "40,000 connections, each answered 10 s later, on one port of several processes", measureC40k},
}

// choose returns the workloads with the given names, all without any.
func choose(names []string) ([]workload, error) {
	if len(names) == 0 {
		return workloads, nil
	}
	var chosen []workload
	for _, name := range names {
		found := false
		for _, w := range workloads {
			if w.name == name {
				chosen, found = append(chosen, w), true
			}
		}
		if !found {
			return nil, fmt.Errorf("no workload is named %q: see -list", name)
		}
	}
	return chosen, nil
}
