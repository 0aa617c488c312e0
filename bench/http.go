package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"time"
)

// The workload http: servers that answer on connections that are kept.

var httpPeers = []string{"net/http", "goaio Handler", "goaio Handle", "fasthttp", "nbio"}

// httpCase is a way to ask servers.
type httpCase struct {
	name  string
	kind  string   // of the servers: "http" unless set
	peers []string // httpPeers unless set
	conns int      // 64 unless set
	// requests under way at once on a connection; 1 unless set
	depth int
	// the n-th connection sends the n-th of these, again and again
	requests [][]byte
	// so many bytes are written first, the rest is written pause later; 0: all
	// at once
	split int
}

// pause is the time between the two writes of a request that is split.
const pause = time.Millisecond

func httpCases() []httpCase {
	get := func(path, fields string) [][]byte { return [][]byte{httpGet(path, fields)} }
	post, body := httpPost("/")
	return []httpCase{
		{name: "hello, 64 connections", requests: get("/", "")},
		{name: "hello with a browser's header, 64 connections", requests: get("/", browserFields)},
		{name: "1 KiB of JSON, 64 connections", requests: get("/json", "")},
		{name: "100 KiB, 64 connections", requests: get("/large", "")},
		{name: "POST of 4 KiB in one write, 64 connections", requests: [][]byte{post}},
		{name: "POST of 4 KiB in two writes, 1 ms apart, 64 connections", requests: [][]byte{post}, split: body},
		{name: "deferred to another goroutine, 64 connections", requests: get("/later", "")},
		{name: "handlers that sleep for 2 ms, 100 connections", requests: get("/sleep", ""), conns: 100},
		{
			name: "ServeMux with 20 routes, 64 connections", requests: routeRequests(), kind: "httpmux",
			peers: []string{"net/http", "goaio Handler", "fasthttp", "nbio"},
		},
		{name: "hello by TLS, 64 connections", requests: get("/", ""), kind: "https"},
		{name: "hello, 64 connections, 16 requests at once", requests: get("/", ""), depth: 16},
		{
			name:     "hello with a browser's header, 64 connections, 16 requests at once",
			requests: get("/", browserFields), depth: 16,
		},
		{name: "1 KiB of JSON, 64 connections, 16 requests at once", requests: get("/json", ""), depth: 16},
	}
}

func measureHTTP(r *report) error {
	for _, c := range httpCases() {
		if err := c.compare(r); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	for _, compare := range []func(r *report) error{compareKept, compareParked, comparePending, compareSlow} {
		if err := compare(r); err != nil {
			return err
		}
	}
	return nil
}

// compareKept compares the memory of more connections than compareParked does.
func compareKept(r *report) error {
	return compareIdle(r, "idle keep-alive connections", httpPeers, func(peer string) (*child, error) {
		return startRole("http " + peer)
	}, httpRequest("/"), func(fd int) (int, error) { return httpAnswer(socket(fd), httpRequest("/")) })
}

// compare measures the servers in turns. All have their connections all the
// while.
func (c httpCase) compare(r *report) error {
	if !r.wanted(c.name) {
		return nil
	}
	c.complete(r.settings)
	servers, loads := map[string]*child{}, map[string]*load{}
	defer func() {
		closeLoads(loads)
		stopAll(servers)
	}()
	for _, p := range r.settings.among(c.peers) {
		var err error
		if servers[p], err = startRole(c.kind + " " + p); err != nil {
			delete(servers, p)
			return err
		}
		if loads[p], err = c.load(servers[p]); err != nil {
			delete(loads, p)
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	metrics := []metric{{"cpu", "CPU/request", "ns"}, {"rate", "requests", "/s"}, p50Metric, p99Metric, allocsMetric}
	slices := pick(r.settings, 10, 1)
	window := r.settings.window / time.Duration(slices)
	return r.compare(c.name, metrics, c.peers, slices, func(peer string) (*tally, error) {
		return c.measure(servers[peer], loads[peer], window)
	})
}

// complete sets what is not set.
func (c *httpCase) complete(s *settings) {
	if c.kind == "" {
		c.kind = "http"
	}
	if c.peers == nil {
		c.peers = httpPeers
	}
	if c.conns == 0 {
		c.conns = 64
	}
	c.conns = pick(s, c.conns, 4)
	c.depth = max(c.depth, 1)
}

// load connects to a server.
func (c httpCase) load(server *child) (*load, error) {
	addr, err := netip.ParseAddrPort(server.addr)
	if err != nil {
		return nil, err
	}
	t := target{addr: addr, request: c.requests[0], split: c.split, tls: c.kind == "https"}
	if err := c.probe(&t); err != nil {
		return nil, err
	}
	l, err := newLoad(t, c.conns, 2)
	if err != nil {
		return nil, err
	}
	l.each(func(i int, conn *loadConn) {
		conn.request = bytes.Repeat(c.requests[i%len(c.requests)], c.depth)
	})
	l.target.answer *= c.depth
	return l, nil
}

// probe finds out how long the answers of a server are: all must be the same.
func (c httpCase) probe(t *target) error {
	for _, request := range c.requests {
		n, err := t.ask(request)
		if err != nil {
			return err
		}
		if t.answer > 0 && n != t.answer {
			return fmt.Errorf("answers of %d and of %d bytes", t.answer, n)
		}
		t.answer = n
	}
	return nil
}

// ask has one answer of the server, and tells how long it is.
func (t *target) ask(request []byte) (int, error) {
	fd, err := t.dial(0)
	if err != nil {
		return 0, err
	}
	defer reset(fd)
	if !t.tls {
		return httpAnswer(socket(fd), request)
	}
	conn, s, _, err := handshake(fd)
	if err != nil {
		return 0, err
	}
	s.got = 0
	_, err = httpAnswer(conn, request)
	return s.got, err
}

// measure runs a load for a quarter of the window and then for the window, of
// which it tells. Allocations are those of both.
func (c httpCase) measure(server *child, l *load, window time.Duration) (*tally, error) {
	before, err := server.askNumber("allocs")
	if err != nil {
		return nil, err
	}
	answers := l.answers()
	t, err := l.measure(server, 0, window/4, window)
	if err != nil {
		return nil, err
	}
	answers = l.answers() - answers
	after, err := server.askNumber("allocs")
	if err != nil {
		return nil, err
	}
	t.sums = sample{"allocs": (after - before) / float64(answers) * float64(t.n)}
	t.n *= int64(c.depth)
	return t, nil
}
