package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// c40k is cl-async's own benchmark: very many connections come, and each is
// answered after a while, by a timer. Here they stay open until all are
// answered, so that all are there at once. Several processes serve one port, as
// many as it takes with the files that one may have open, and as many clients
// connect.

var c40kPeers = []string{"raw net", "goaio", "floor", "libevent"}

// c40k is a run.
type c40k struct {
	conns int
	rate  int // connections a second
	delay time.Duration
}

func measureC40k(r *report) error {
	k := pick(r.settings, c40k{40_000, 2000, 10 * time.Second}, c40k{300, 2000, 100 * time.Millisecond})
	metrics := []metric{
		{"memory", "memory in all", "B"},
		{"each", "each", "B"},
		{"cpu", "CPU each", "ns"},
		{"answered", "answered", ""},
		{"failed", "failed", ""},
		{"p50", "late p50", "ns"},
		{"p99", "late p99", "ns"},
	}
	name := fmt.Sprintf("%d connections, %d a second, answered after %v", k.conns, k.rate, k.delay)
	peers := c40kPeers
	if _, err := compileLibevent(); err != nil {
		r.leaveOut("libevent", err)
		peers = peers[:3]
	}
	all := r.settings
	defer func() { r.settings = all }()
	few := *all // each round takes half a minute
	few.rounds = max(1, few.rounds/5)
	r.settings = &few
	return r.compare(name, metrics, peers, 1, k.measure)
}

// processes returns how many servers it takes, and how many clients.
func (k c40k) processes() (int, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, err
	}
	const others = 200 // files that are no connections
	if limit.Cur <= others {
		return 0, fmt.Errorf("RLIMIT_NOFILE is %d", limit.Cur)
	}
	uneven := k.conns + k.conns/10 // the kernel spreads connections by chance
	return max(2, 1+uneven/int(limit.Cur-others)), nil
}

func (k c40k) measure(peer string) (*tally, error) {
	n, err := k.processes()
	if err != nil {
		return nil, err
	}
	servers, clients, err := k.startAll(peer, n)
	defer func() {
		for _, c := range append(clients, servers...) {
			c.stop()
		}
	}()
	if err != nil {
		return nil, err
	}
	fmt.Printf("\n%s: %d servers, %d clients\n", peer, n, n)
	cpu, err := cpuOf(servers)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	answers, peak, err := k.run(servers, clients)
	if err != nil {
		return nil, err
	}
	after, err := cpuOf(servers)
	answers.values = sample{
		"answered": float64(answers.n), "failed": float64(int64(k.conns) - answers.n),
		"memory": peak, "each": peak / float64(k.conns),
	}
	answers.cpu, answers.wall = after-cpu, time.Since(begin)
	return answers, err
}

// startAll starts the processes: the first server chooses the port.
func (k c40k) startAll(peer string, n int) (servers, clients []*child, err error) {
	addr := "127.0.0.1:0"
	for range n {
		c, err := k.startServer(peer, addr)
		if err != nil {
			return servers, clients, err
		}
		servers, addr = append(servers, c), c.addr
	}
	for range n {
		c, err := startRole("c40k client", withParameter(addr+" "+k.delay.String()))
		if err != nil {
			return servers, clients, err
		}
		clients = append(clients, c)
	}
	return servers, clients, nil
}

func (k c40k) startServer(peer, addr string) (*child, error) {
	if peer == "libevent" {
		_, port, _ := strings.Cut(addr, ":")
		return startLibevent(port, fmt.Sprint(k.delay.Milliseconds()), string(c40kAnswer))
	}
	return startRole("c40k "+peer, withParameter(addr+" "+k.delay.String()))
}

// run has the clients connect, and looks at the servers every second until all
// is answered.
func (k c40k) run(servers, clients []*child) (*tally, float64, error) {
	var wg sync.WaitGroup
	results, errs := make([]tally, len(clients)), make([]error, len(clients))
	for i, c := range clients {
		share := (k.conns + i) / len(clients)
		wg.Go(func() {
			text, err := c.ask(fmt.Sprintf("run %d %d", share, k.rate/len(clients)))
			if err == nil {
				err = results[i].decode(text)
			}
			errs[i] = err
		})
	}
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	peak, err := watch(servers, done)
	<-done
	sum := new(tally)
	for i := range results {
		sum.n += results[i].n
		sum.latency.merge(&results[i].latency)
	}
	return sum, peak, errors.Join(append(errs, err)...)
}

// watch prints the servers' stats every second until done is closed, and
// returns the most memory that they had.
func watch(servers []*child, done <-chan struct{}) (peak float64, err error) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for second := 1; ; second++ {
		last := false
		select {
		case <-tick.C:
		case <-done:
			last = true
		}
		memory, open := 0., make([]string, len(servers))
		for i, c := range servers {
			if open[i], err = c.ask("stats"); err != nil {
				return peak, err
			}
			n, err := residentMemory(c.cmd.Process.Pid)
			if err != nil {
				return peak, err
			}
			memory += n
		}
		peak = max(peak, memory)
		fmt.Printf("  %2d s: open %s, memory %s\n", second, strings.Join(open, " + "), format(memory, "B"))
		if last {
			return peak, nil
		}
	}
}

func cpuOf(children []*child) (sum time.Duration, err error) {
	for _, c := range children {
		d, err := c.cpu()
		if err != nil {
			return 0, err
		}
		sum += d
	}
	return sum, nil
}

// c40kResult is what a client tells: how many answers came, and how late, as a
// histogram without its zeros.
type c40kResult struct {
	Answered int64
	Late     map[int]int64
}

func (t *tally) encode() (string, error) {
	late := map[int]int64{}
	for i, n := range t.latency.counts {
		if n > 0 {
			late[i] = n
		}
	}
	text, err := json.Marshal(c40kResult{t.n, late})
	return string(text), err
}

func (t *tally) decode(text string) error {
	var r c40kResult
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return err
	}
	t.n = r.Answered
	for i, n := range r.Late {
		t.latency.counts[i] = n
		t.latency.n += n
	}
	return nil
}
