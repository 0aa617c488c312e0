package main

import (
	"fmt"
	"time"
)

// A forwarder connects to the sink for each connection that comes, and moves
// what comes on either to the other. The client, the forwarder and the sink are
// a process each.

// pipePeers are the forwarders, the base first: io.Copy both ways, which has
// the kernel splice, goaio, and io.Copy with a buffer.
var pipePeers = []string{"io.Copy", "goaio", "io.Copy, buffers"}

// pipeConns is how many connections go through a forwarder at once.
const pipeConns = 20

// measurePipe compares forwarders by the CPU time that a MiB takes.
func measurePipe(r *report) error {
	mib := pick(r.settings, r.settings.pipe, 4)
	conns := pick(r.settings, pipeConns, 4)
	sink, err := startRole("pipe sink")
	if err != nil {
		return err
	}
	defer sink.stop()
	client, err := startRole("pipe client")
	if err != nil {
		return err
	}
	defer client.stop()
	forwarders := map[string]*child{}
	defer func() { stopAll(forwarders) }()
	for _, p := range pipePeers {
		if forwarders[p], err = startRole("pipe "+p, withParameter(sink.addr)); err != nil {
			delete(forwarders, p)
			return err
		}
	}
	metrics := []metric{{"cpu", "CPU/MiB", "ns"}, {"speed", "moved", "GB/s"}}
	name := fmt.Sprintf("%d connections that move %d MiB each through a forwarder", conns, mib)
	return r.compare(name, metrics, pipePeers, 1, func(peer string) (*tally, error) {
		return forwarders[peer].forward(client, conns, mib)
	})
}

// forward has the client move so much through the forwarder.
func (c *child) forward(client *child, conns int, mib int64) (*tally, error) {
	cpu, err := c.cpu()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	if _, err := client.ask(fmt.Sprint("run ", c.addr, " ", conns, " ", mib)); err != nil {
		return nil, err
	}
	wall := time.Since(begin)
	after, err := c.cpu()
	n := int64(conns) * mib
	speed := float64(n<<20) / wall.Seconds() / 1e9
	return &tally{n: n, cpu: after - cpu, wall: wall, values: sample{"speed": speed}}, err
}
