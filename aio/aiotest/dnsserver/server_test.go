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
			t.Errorf("an address is %q", addr)
		}
	}
	if err := s.Start(); err == nil {
		t.Error("started twice")
	}
	for _, network := range []string{"udp", "tcp"} {
		c, err := net.Dial(network, s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		var m dnsmessage.Message
		if q := query(t, 7, www, dnsmessage.TypeA, 0); network == "udp" {
			m = ask(t, c, q)
		} else if _, err := c.Write(framed(q)); err != nil {
			t.Fatal(err)
		} else {
			m = unpack(t, receiveFramed(t, c))
		}
		if m.ID != 7 || len(m.Answers) != 2 {
			t.Errorf("%s: %+v", network, m)
		}
		if qs := s.Queries(Match{Transport: Transport(network)}); len(qs) != 1 || qs[0].Server != s.Addr() ||
			qs[0].Client.String() != c.LocalAddr().String() {
			t.Errorf("%s: journal %+v", network, qs)
		}
	}
}

func TestStartErrors(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"localhost", "192.0.2.1"} {
		s := &Server{Host: host, TLS: true, HTTPS: true}
		if err := s.Start(); err == nil {
			t.Errorf("listens on %s", host)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	s := new(Server)
	if s.Addr() != "" || s.URL() != "" || s.TLSAddr() != "" || s.OtherAddr() != "" {
		t.Error("addresses before Start")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Start(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Start after Close: %v", err)
	}
	for _, network := range []string{"udp", "tcp"} {
		if _, err := s.Dial(t.Context(), network, "192.0.2.1:53"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Dial %s after Close: %v", network, err)
		}
	}
}

func TestDialErrors(t *testing.T) {
	t.Parallel()
	s := inMemory(t, &Server{})
	if _, err := s.Dial(t.Context(), "udp", "dns.example:53"); err == nil {
		t.Error("dials a name")
	}
	_, err := s.Dial(t.Context(), "unix", "192.0.2.1:53")
	if e, ok := errors.AsType[net.UnknownNetworkError](err); !ok || e != "unix" {
		t.Errorf("network unix: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Dial(ctx, "udp", "192.0.2.1:53"); !errors.Is(err, context.Canceled) {
		t.Errorf("a dead ctx: %v", err)
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
			t.Fatal(err)
		}
		defer u.Close()
		c, err := dial(t.Context(), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, w := range []struct {
			c net.Conn
			b []byte
		}{{u, q}, {c, framed(q)}} {
			if _, err := w.c.Write(w.b); err != nil {
				t.Fatal(err)
			}
		}
		<-came
		<-came
		for range 2 {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("the connection is still there")
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
				t.Error("Close waits for delayed answers")
			}
			c := &datagram{server: s}
			if _, err := c.Write(query(t, 1, www, dnsmessage.TypeA, 0)); err != nil {
				t.Error(err)
			}
			if _, err := c.Read(nil); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("a datagram to a closed server: %v", err)
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
						t.Error(err)
						return
					}
					if m := ask(t, c, query(t, uint16(id), www, dnsmessage.TypeA, 0)); int(m.ID) != id || len(m.Answers) != 2 {
						t.Errorf("answer %d: %+v", id, m)
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
				t.Error(err)
			}
		}
	})
}
