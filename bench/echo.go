package main

// Echo servers, each in a separate process.

// echoPeers are the servers, the base first.
var echoPeers = []string{"raw net", "goaio", "goaio stream", "gnet", "nbio", "netpoll", "libevent", "floor"}

var (
	cpuMetric  = metric{"cpu", "CPU/message", "ns"}
	rateMetric = metric{"rate", "messages", "/s"}
	p50Metric  = metric{"p50", "p50", "ns"}
	p99Metric  = metric{"p99", "p99", "ns"}
)

// startEcho starts the process of a peer.
func startEcho(peer string) (*child, error) {
	if peer == "libevent" {
		return startLibevent()
	}
	return startRole("echo " + peer)
}

// startEchoes starts all that can be, and tells which. libevent may not be
// there.
func startEchoes(r *report) (map[string]*child, []string, error) {
	servers := map[string]*child{}
	var there []string
	for _, p := range echoPeers {
		c, err := startEcho(p)
		if err != nil && p == "libevent" {
			r.leaveOut(p, err)
			continue
		}
		if err != nil {
			stopAll(servers)
			return nil, nil, err
		}
		servers[p] = c
		there = append(there, p)
	}
	return servers, there, nil
}

func stopAll(servers map[string]*child) {
	for _, c := range servers {
		c.stop()
	}
}
