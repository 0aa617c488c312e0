package dnsserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// resolvers are *net.Resolver, an independent client, over each way to the
// server.
func resolvers(t *testing.T, s *Server) map[string]*net.Resolver {
	t.Helper()
	via := func(dial func(ctx context.Context, network string) (net.Conn, error)) *net.Resolver {
		return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dial(ctx, network)
		}}
	}
	var d net.Dialer
	return map[string]*net.Resolver{
		"loopback": via(func(ctx context.Context, network string) (net.Conn, error) {
			return d.DialContext(ctx, network, s.Addr())
		}),
		"loopback TCP": via(func(ctx context.Context, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "tcp", s.Addr())
		}),
		"memory": via(func(ctx context.Context, network string) (net.Conn, error) {
			return s.Dial(ctx, network, "192.0.2.53:53")
		}),
		"memory TCP": via(func(ctx context.Context, _ string) (net.Conn, error) {
			return s.Dial(ctx, "tcp", "192.0.2.53:53")
		}),
	}
}

func TestNetResolver(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{Zone: zoneText})
	for name, r := range resolvers(t, s) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testNetResolver(t, r)
		})
	}
}

func testNetResolver(t *testing.T, r *net.Resolver) {
	ctx := t.Context()
	check := func(what string, got any, err error, want string) {
		t.Helper()
		if g := fmt.Sprint(got); err != nil || g != want {
			t.Errorf("%s: %s, %v, want %s", what, g, err, want)
		}
	}
	addrs, err := r.LookupHost(ctx, "twice.example.")
	slices.Sort(addrs)
	check("twice.example", addrs, err, "[192.0.2.1 192.0.2.2 2001:db8::1]")
	// Not of twice: which name of a longer chain it returns is up to chance.
	cname, err := r.LookupCNAME(ctx, "alias.example.")
	check("its canonical name", cname, err, "www.example.")
	addrs, err = r.LookupHost(ctx, "x.y.wild.example.")
	check("a wildcard", addrs, err, "[192.0.2.9]")
	mx, err := r.LookupMX(ctx, "mail.example.")
	check("MX", len(mx), err, "1")
	check("MX", *mx[0], nil, "{mx.example.net. 10}")
	_, srv, err := r.LookupSRV(ctx, "http", "tcp", "example.")
	check("SRV", len(srv), err, "1")
	check("SRV", *srv[0], nil, "{www.example. 80 10 20}")
	txt, err := r.LookupTXT(ctx, "text.example.")
	check("TXT", txt, err, "[one \"string\"another\x00;(]")
	ns, err := r.LookupNS(ctx, "example.")
	check("NS", len(ns), err, "1")
	check("NS", *ns[0], nil, "{ns.example.}")
	names, err := r.LookupAddr(ctx, "192.0.2.1")
	check("PTR", names, err, "[www.example.]")
	for _, name := range []string{"nowhere.example.", "lost.example.", "text.example.", "c.example."} {
		_, err = r.LookupHost(ctx, name)
		if de, ok := errors.AsType[*net.DNSError](err); !ok || !de.IsNotFound {
			t.Errorf("%s: %v, want not found", name, err)
		}
	}
}

// The resolver asks twice and waits 5 s each time.
func TestNetResolverBubble(t *testing.T) {
	// Package net has one configuration for the process, with a channel in it
	// that must not be made in a bubble.
	r := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, net.ErrClosed
	}}
	_, _ = r.LookupHost(t.Context(), "nowhere.invalid.")
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, &Server{Zone: zoneText})
		s.SetFault(Match{Name: "www.example"}, Fault{Drop: true})
		r := resolvers(t, s)["memory"]
		begin := time.Now()
		_, err := r.LookupNetIP(t.Context(), "ip4", "www.example.")
		if de, ok := errors.AsType[*net.DNSError](err); !ok || !de.IsTimeout {
			t.Errorf("a dropped query: %v, want a timeout", err)
		}
		if d := time.Since(begin); d < 5*time.Second || d > time.Minute {
			t.Errorf("the lookup timed out after %v, want the resolver's timeout", d)
		}
		s.ClearFaults()
		if got, err := r.LookupNetIP(t.Context(), "ip4", "v4.example."); err != nil || len(got) != 1 {
			t.Errorf("v4.example: %v, %v, want its address", got, err)
		}
	})
}
