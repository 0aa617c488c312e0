package main

import (
	"fmt"
	"net/netip"
	"os"
	"time"
)

// What connections and deferred requests take of a server's memory, and how
// many goroutines: resident, and what Go's runtime says of heap and stacks.

var footprintMetrics = []metric{
	{"resident", "resident each", "B"},
	{"heap", "heap each", "B"},
	{"stacks", "stacks each", "B"},
	{"goroutines", "goroutines each", ""},
}

// footprint is what a server takes at a moment.
type footprint struct {
	resident float64
	figures
}

// footprint asks for it, after the server has released unused memory.
func (c *child) footprint() (f footprint, err error) {
	if f.resident, err = c.memory(); err != nil {
		return f, err
	}
	text, err := c.ask("figures")
	if err != nil {
		return f, err
	}
	f.figures, err = parseFigures(text)
	return f, err
}

// since is what has come since another moment, for each of n.
func (f footprint) since(o footprint, n int) sample {
	return sample{
		"resident":   (f.resident - o.resident) / float64(n),
		"heap":       (float64(f.heap) - float64(o.heap)) / float64(n),
		"stacks":     (float64(f.stacks) - float64(o.stacks)) / float64(n),
		"goroutines": (float64(f.goroutines) - float64(o.goroutines)) / float64(n),
	}
}

// parked are connections to a server that are kept.
type parked struct {
	server *child
	target target
	fds    []int
	buf    []byte // for an answer
}

// park starts a server in a role and makes n connections.
func park(role string, n int, spoken bool) (*parked, error) {
	server, err := startRole(role)
	if err != nil {
		return nil, err
	}
	p := &parked{server: server, target: target{request: httpRequest("/")}}
	if p.target.addr, err = netip.ParseAddrPort(server.addr); err == nil {
		err = p.begin(n, spoken)
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *parked) begin(n int, spoken bool) error {
	length, err := p.target.ask(p.target.request)
	if err != nil {
		return err
	}
	p.buf = make([]byte, length)
	return p.grow(n, spoken)
}

func (p *parked) close() {
	discard(p.fds)
	p.server.stop()
}

// grow connects until there are n connections, and has an answer on each if
// they are to have spoken.
func (p *parked) grow(n int, spoken bool) error {
	for len(p.fds) < n {
		fd, err := p.target.dial(len(p.fds))
		if err != nil {
			return fmt.Errorf("connection %d: %w", len(p.fds), err)
		}
		p.fds = append(p.fds, fd)
		if !spoken {
			continue
		}
		if err := exchange(fd, p.target.request, p.buf); err != nil {
			return fmt.Errorf("connection %d: %w", len(p.fds), err)
		}
	}
	return p.accepted()
}

// accepted waits until the server has as many descriptors as there are
// connections.
func (p *parked) accepted() error {
	return eventually("the connections are not accepted", func() (bool, error) {
		files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.server.cmd.Process.Pid))
		return len(files) > len(p.fds), err
	})
}

// eventually waits for something that should come within 10 s.
func eventually(failure string, done func() (bool, error)) error {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok, err := done(); ok || err != nil {
			return err
		}
	}
	return fmt.Errorf("%s after 10 s", failure)
}

// compareParked compares what a kept connection takes: the slope from few to
// many.
func compareParked(r *report) error {
	few, many := pick(r.settings, 1000, 50), pick(r.settings, 5000, 250)
	for _, spoken := range []bool{true, false} {
		name := fmt.Sprintf("idle, %d connections after a request each", many)
		if !spoken {
			name = fmt.Sprintf("idle, %d connections that have not spoken", many)
		}
		err := r.compare(name, footprintMetrics, httpPeers, 1, func(peer string) (*tally, error) {
			p, err := park("http "+peer, few, spoken)
			if err != nil {
				return nil, err
			}
			defer p.close()
			return p.slope(many, spoken)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// slope grows to n connections.
func (p *parked) slope(n int, spoken bool) (*tally, error) {
	few := len(p.fds)
	before, err := p.server.footprint()
	if err != nil {
		return nil, err
	}
	if err := p.grow(n, spoken); err != nil {
		return nil, err
	}
	after, err := p.server.footprint()
	return &tally{values: after.since(before, n-few)}, err
}
