package main

import (
	"fmt"
	"net/netip"
)

// measureMemory compares what an idle connection takes: the slope of the
// resident memory from few to many connections, each of which has had an echo.
func measureMemory(r *report) error {
	var peers []string
	for _, p := range echoPeers {
		if p == "libevent" {
			if _, err := compileLibevent(); err != nil {
				r.leaveOut(p, err)
				continue
			}
		}
		peers = append(peers, p)
	}
	message := make([]byte, 64)
	return compareIdle(r, "idle connections", peers, startEcho, message, func(int) (int, error) { return len(message), nil })
}

// compareIdle compares servers' memory with many connections that have had an
// answer to a request. answer tells its length, and may use the connection for
// that.
func compareIdle(r *report, name string, peers []string, start func(peer string) (*child, error),
	request []byte, answer func(fd int) (int, error),
) error {
	counts := pick(r.settings, []int{5000, 10000, 19000}, []int{100, 200, 300})
	metrics := []metric{{"slope", "each", "B"}}
	for _, n := range counts {
		metrics = append(metrics, metric{memoryAt(n), fmt.Sprintf("in all at %d", n), "B"})
	}
	return r.compare(name, metrics, peers, 1, func(peer string) (*tally, error) {
		server, err := start(peer)
		if err != nil {
			return nil, err
		}
		defer server.stop()
		addr, err := netip.ParseAddrPort(server.addr)
		if err != nil {
			return nil, err
		}
		values, err := idleMemory(server, target{addr: addr, request: request}, answer, counts)
		return &tally{values: values}, err
	})
}

// memoryAt is the metric's name of the memory with n connections.
func memoryAt(n int) string { return fmt.Sprintf("memory%d", n) }

// idleMemory connects until there are as many connections as each of the
// counts, and asks for the memory.
func idleMemory(server *child, t target, answer func(fd int) (int, error), counts []int) (sample, error) {
	var fds []int
	defer func() { discard(fds) }()
	values := sample{}
	var buf []byte
	for _, n := range counts {
		for len(fds) < n {
			fd, err := t.dial(len(fds))
			if err != nil {
				return nil, fmt.Errorf("connection %d: %w", len(fds), err)
			}
			fds = append(fds, fd)
			if buf == nil {
				length, err := answer(fd)
				if err != nil {
					return nil, err
				}
				buf = make([]byte, length)
			}
			if err := exchange(fd, t.request, buf); err != nil {
				return nil, fmt.Errorf("connection %d: %w", len(fds), err)
			}
		}
		bytes, err := server.memory()
		if err != nil {
			return nil, err
		}
		values[memoryAt(n)] = bytes
	}
	few, many := counts[0], counts[len(counts)-1]
	values["slope"] = (values[memoryAt(many)] - values[memoryAt(few)]) / float64(many-few)
	return values, nil
}
