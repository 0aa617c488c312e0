package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// HTTP servers, each in a process of its own, that answer GET / with a greeting and GET /json with 1 KiB of JSON that is
// ready: what is measured is the server, not encoding/json.

var httpPeers = []string{"net/http", "goaio Handler", "goaio Handle", "fasthttp", "nbio"}

var (
	greeting = []byte("Hello, World!")
	document = fmt.Appendf(nil, `{"message":"%s"}`, bytes.Repeat([]byte("x"), 1024-14))
)

// httpCase is a way to ask a server, on connections that are kept.
type httpCase struct {
	name, path string
	depth      int // requests under way at once on a connection
}

func measureHTTP(r *report) error {
	const conns = 64
	servers := map[string]*child{}
	defer func() { stopAll(servers) }()
	for _, p := range httpPeers {
		c, err := startRole("http " + p)
		if err != nil {
			return err
		}
		servers[p] = c
	}
	cases := []httpCase{
		{"hello, 64 connections", "/", 1},
		{"1 KiB of JSON, 64 connections", "/json", 1},
		{"hello, 64 connections, 16 requests at once", "/", 16},
		{"1 KiB of JSON, 64 connections, 16 requests at once", "/json", 16},
	}
	for _, c := range cases {
		if !r.wanted(c.name) {
			continue
		}
		if err := c.measure(r, servers, pick(r.settings, conns, 4)); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return compareIdle(r, "idle keep-alive connections", httpPeers, func(peer string) (*child, error) {
		return startRole("http " + peer)
	}, httpRequest("/"), func(fd int) (int, error) { return httpAnswer(fd, httpRequest("/")) })
}

// httpRequest is what a client sends.
func httpRequest(path string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)
}

// httpAnswer asks once, and returns how long the answer is in all. That is always the same, as a Date is.
func httpAnswer(fd int, request []byte) (int, error) {
	if _, err := unix.Write(fd, request); err != nil {
		return 0, fmt.Errorf("write: %w", err)
	}
	var got []byte
	buf := make([]byte, 16<<10)
	for {
		n, err := unix.Read(fd, buf)
		if err != nil || n == 0 {
			return 0, fmt.Errorf("read: %d bytes: %w", n, err)
		}
		got = append(got, buf[:n]...)
		header, body, found := bytes.Cut(got, []byte("\r\n\r\n"))
		if !found {
			continue
		}
		length, err := contentLength(header)
		if err != nil || len(body) >= length {
			return len(header) + 4 + length, err
		}
	}
}

func contentLength(header []byte) (int, error) {
	if !bytes.HasPrefix(header, []byte("HTTP/1.1 200 ")) {
		return 0, fmt.Errorf("the answer is %q", header)
	}
	_, rest, _ := bytes.Cut(bytes.ToLower(header), []byte("\r\ncontent-length:"))
	line, _, _ := bytes.Cut(rest, []byte("\r\n"))
	return strconv.Atoi(string(bytes.TrimSpace(line)))
}

// target finds out how long the answers of a server are.
func (c httpCase) target(server *child) (target, error) {
	addr, err := netip.ParseAddrPort(server.addr)
	if err != nil {
		return target{}, err
	}
	t := target{addr: addr, request: httpRequest(c.path)}
	fd, err := t.dial(0)
	if err != nil {
		return target{}, err
	}
	defer reset(fd)
	n, err := httpAnswer(fd, t.request)
	t.request, t.answer = bytes.Repeat(t.request, c.depth), n*c.depth
	return t, err
}

func (c httpCase) measure(r *report, servers map[string]*child, conns int) error {
	loads := map[string]*load{}
	defer closeLoads(loads)
	for _, p := range httpPeers {
		t, err := c.target(servers[p])
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		if loads[p], err = newLoad(t, conns, 2); err != nil {
			delete(loads, p)
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	metrics := []metric{{"cpu", "CPU/request", "ns"}, {"rate", "requests", "/s"}, p99Metric}
	slices := pick(r.settings, 10, 1)
	window := r.settings.window / time.Duration(slices)
	return r.compare(c.name, metrics, httpPeers, slices, func(peer string) (*tally, error) {
		t, err := loads[peer].measure(servers[peer], 0, window/4, window)
		if err == nil {
			t.n *= int64(c.depth)
		}
		return t, err
	})
}
