package main

import (
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

func init() { roles["http slow"] = slowRole }

// slowRole is a process of clients that send a byte a second each.
func slowRole(c *control) error {
	var addr, part string
	var n int
	if _, err := fmt.Sscan(parameter(), &addr, &part, &n); err != nil {
		return fmt.Errorf("the parameter %q: %w", parameter(), err)
	}
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return err
	}
	s := newSlowClients(to, part)
	defer s.close()
	if err := s.connect(n); err != nil {
		return err
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer s.stop.Store(true)
	wg.Go(s.run)
	c.ready("")
	return c.serve(func(command string) (string, error) {
		if command != "lost" {
			return "", fmt.Errorf("%q is no command", command)
		}
		return strconv.FormatInt(s.lost.Load(), 10), nil
	})
}

// slowClients are clients of a server. One that the server closes connects
// again.
type slowClients struct {
	target  target
	opening int // so many bytes of the request are sent at once
	conns   []slowConn
	lost    atomic.Int64 // that the server has closed
	stop    atomic.Bool
}

type slowConn struct {
	fd, sent int // sent is -1 without a connection
}

// newSlowClients is for clients that are slow with a part of the request: its
// "header" or its "body".
func newSlowClients(to netip.AddrPort, part string) *slowClients {
	if part == "body" {
		request, body := httpPost("/")
		return &slowClients{target: target{addr: to, request: request}, opening: body}
	}
	return &slowClients{target: target{addr: to, request: httpGet("/", browserFields)}}
}

func (s *slowClients) connect(n int) error {
	s.conns = make([]slowConn, n)
	for i := range s.conns {
		s.conns[i].sent = -1
	}
	for i := range s.conns {
		if err := s.open(i); err != nil {
			return fmt.Errorf("slow client %d: %w", i, err)
		}
	}
	return nil
}

// open connects the i-th client.
func (s *slowClients) open(i int) error {
	fd, err := s.target.dial(i)
	if err != nil {
		return err
	}
	s.conns[i] = slowConn{fd, s.opening}
	_, err = socket(fd).Write(s.target.request[:s.opening])
	return err
}

func (s *slowClients) close() {
	for _, c := range s.conns {
		if c.sent >= 0 {
			reset(c.fd)
		}
	}
}

// run lets each client send once a second, spread over the second.
func (s *slowClients) run() {
	interval := int64(time.Second) / int64(len(s.conns))
	due, turn := now(), 0
	for !s.stop.Load() {
		for ; due <= now() && !s.stop.Load(); due += interval {
			s.send(turn)
			turn = (turn + 1) % len(s.conns)
		}
		time.Sleep(time.Millisecond)
	}
}

// send sends the next byte of the i-th client, or connects it if the server
// has closed its connection. That may fail, and is tried again then.
func (s *slowClients) send(i int) {
	c := &s.conns[i]
	if c.sent >= 0 {
		if c.alive() && c.sent < len(s.target.request) {
			if _, err := unix.Write(c.fd, s.target.request[c.sent:c.sent+1]); err == nil {
				c.sent++
				return
			}
		}
		s.lost.Add(1)
		reset(c.fd)
		c.sent = -1
	}
	_ = s.open(i) // the next turn sees it
}

// alive reports whether the server has left the connection open. An answer,
// which says that the client is too slow, is read before the end.
func (c *slowConn) alive() bool {
	var buf [512]byte
	n, _, err := unix.Recvfrom(c.fd, buf[:], unix.MSG_DONTWAIT)
	return err == unix.EAGAIN || err == nil && n > 0
}
