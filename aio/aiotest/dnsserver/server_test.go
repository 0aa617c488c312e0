package dnsserver

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

func TestStart(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{Zone: zoneText, TLS: true, HTTPS: true})
	for _, addr := range []string{s.Addr(), s.TLSAddr(), s.HTTPSAddr(), s.OtherAddr()} {
		if a, err := netip.ParseAddrPort(addr); err != nil || a.Addr().String() != "127.0.0.1" || a.Port() == 0 {
			t.Errorf("an address is %q, want a port of 127.0.0.1", addr)
		}
	}
	if err := s.Start(); err == nil {
		t.Error("a second Start succeeds, want an error")
	}
	for _, network := range []string{"udp", "tcp"} {
		c, err := net.Dial(network, s.Addr())
		if err != nil {
			t.Fatalf("net.Dial: %v", err)
		}
		defer c.Close()
		var m dnsmessage.Message
		if q := query(t, 7, www, dnsmessage.TypeA, 0); network == "udp" {
			m = ask(t, c, q)
		} else if _, err := c.Write(framed(q)); err != nil {
			t.Fatalf("c.Write: %v", err)
		} else {
			m = unpack(t, receiveFramed(t, c))
		}
		if m.ID != 7 || len(m.Answers) != 2 {
			t.Errorf("%s: the answer is %+v, want two records and ID 7", network, m)
		}
		if qs := s.Queries(Match{Transport: Transport(network)}); len(qs) != 1 || qs[0].Server != s.Addr() ||
			qs[0].Client.String() != c.LocalAddr().String() {
			t.Errorf("%s: the queries are %+v, want one with the addresses of both ends", network, qs)
		}
	}
}

func TestStartErrors(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"localhost", "192.0.2.1"} {
		s := &Server{Host: host, TLS: true, HTTPS: true}
		if err := s.Start(); err == nil {
			t.Errorf("Start with Host %s succeeds, want an error", host)
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close after a failed Start: %v", err)
		}
	}
	s := new(Server)
	if s.Addr() != "" || s.URL() != "" || s.TLSAddr() != "" || s.OtherAddr() != "" {
		t.Error("before Start there are addresses, want none")
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close before Start: %v", err)
	}
	if err := s.Start(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Start after Close: %v, want %v", err, net.ErrClosed)
	}
	for _, network := range []string{"udp", "tcp"} {
		if _, err := s.Dial(t.Context(), network, "192.0.2.1:53"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Dial %s after Close: %v, want %v", network, err, net.ErrClosed)
		}
	}
}

func TestDialErrors(t *testing.T) {
	t.Parallel()
	s := inMemory(t, &Server{})
	if _, err := s.Dial(t.Context(), "udp", "dns.example:53"); err == nil {
		t.Error("Dial of a name succeeds, want an error")
	}
	_, err := s.Dial(t.Context(), "unix", "192.0.2.1:53")
	if e, ok := errors.AsType[net.UnknownNetworkError](err); !ok || e != "unix" {
		t.Errorf("Dial network unix: %v, want %v", err, net.UnknownNetworkError("unix"))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Dial(ctx, "udp", "192.0.2.1:53"); !errors.Is(err, context.Canceled) {
		t.Errorf("Dial with a dead ctx: %v, want %v", err, context.Canceled)
	}
}

// Close ends what is under way: connections, delayed answers, dropped requests.
func TestClose(t *testing.T) {
	t.Parallel()
	test := func(t *testing.T, s *Server, dial dialFunc, addr string) {
		came := make(chan struct{}, 2)
		s.SetFault(Match{}, Fault{Delay: time.Hour, Answer: func(Query, []byte) [][]byte {
			came <- struct{}{}
			return nil
		}})
		q := query(t, 1, www, dnsmessage.TypeA, 0)
		u, err := dial(t.Context(), "udp", addr)
		if err != nil {
			t.Fatalf("dial udp: %v", err)
		}
		defer u.Close()
		c, err := dial(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatalf("dial tcp: %v", err)
		}
		defer c.Close()
		for _, w := range []struct {
			c net.Conn
			b []byte
		}{{u, q}, {c, framed(q)}} {
			if _, err := w.c.Write(w.b); err != nil {
				t.Fatalf("write a query: %v", err)
			}
		}
		<-came
		<-came
		for range 2 {
			if err := s.Close(); err != nil {
				t.Errorf("Close: %v, want nil, also the second time", err)
			}
		}
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("after Close the connection has data, want an error")
		}
	}
	t.Run("loopback", func(t *testing.T) {
		t.Parallel()
		s := start(t, &Server{Zone: zoneText})
		test(t, s, new(net.Dialer).DialContext, s.Addr())
	})
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := inMemory(t, &Server{Zone: zoneText})
			begin := time.Now()
			test(t, s, s.Dial, "192.0.2.53:53")
			if time.Since(begin) > time.Minute {
				t.Errorf("Close took %v, want it not to wait for delayed answers", time.Since(begin))
			}
			c := &datagram{server: s}
			if _, err := c.Write(query(t, 1, www, dnsmessage.TypeA, 0)); err != nil {
				t.Errorf("write to a closed server: %v", err)
			}
			if _, err := c.Read(nil); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("read from a closed server: %v, want %v", err, syscall.ECONNREFUSED)
			}
		})
	})
}

// Everything at once, for the race detector.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{Zone: zoneText})
	var all sync.WaitGroup
	defer all.Wait()
	for i, dial := range []dialFunc{s.Dial, new(net.Dialer).DialContext} {
		addr := []string{"192.0.2.53:53", s.Addr()}[i]
		for range 8 {
			all.Go(func() {
				for id := range 50 {
					c, err := dial(t.Context(), "udp", addr)
					if err != nil {
						t.Errorf("dial: %v", err)
						return
					}
					if m := ask(t, c, query(t, uint16(id), www, dnsmessage.TypeA, 0)); int(m.ID) != id || len(m.Answers) != 2 {
						t.Errorf("answer %d: %+v, want two records and the ID", id, m)
					}
					c.Close()
				}
			})
		}
	}
	all.Go(func() {
		for range 100 {
			s.SetFault(Match{Name: "other"}, Fault{Drop: true})
			s.ClearFaults()
			s.Count(Match{})
			s.Queries(Match{Name: www})
			if err := s.SetZone(zoneText); err != nil {
				t.Errorf("SetZone: %v", err)
			}
		}
	})
}
