package main

import (
	"net/netip"
	"time"
)

// measureConnect compares connect + echo + close.
func measureConnect(r *report) error {
	servers, peers, err := startEchoes(r)
	if err != nil {
		return err
	}
	defer stopAll(servers)
	churns := map[string]*churn{}
	for _, p := range peers {
		addr, err := netip.ParseAddrPort(servers[p].addr)
		if err != nil {
			return err
		}
		message := make([]byte, 64)
		churns[p] = &churn{target: target{addr: addr, request: message, answer: len(message)}}
	}
	slices := pick(r.settings, 10, 1)
	window := r.settings.window / time.Duration(slices)
	metrics := []metric{{"cpu", "CPU/connection", "ns"}, {"rate", "connections", "/s"}}
	return r.compare("connect + echo 64 B + close, 16 at a time", metrics, peers, slices, func(peer string) (*tally, error) {
		return churns[peer].measure(servers[peer], 2, 8, window/4, window)
	})
}
