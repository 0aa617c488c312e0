package dnsx_test

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/dnsx"
)

// What cl-async's own dns tests assert. Each leaves the loop's figures as they
// were.

// seed runs a test in a loop, with a resolver that asks a server on loopback.
func seed(t *testing.T, main func(ctx context.Context, r *dnsx.Resolver)) {
	dns := &aiotest.DNS{Zone: `
		google.com. A    192.0.2.1
		            AAAA 2001:db8::1
		8.8.8.8.in-addr.arpa. PTR dns.google.
		8.8.8.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.8.4.0.6.8.4.1.0.0.2.ip6.arpa. PTR dns.google.
	`}
	if err := dns.Start(); err != nil {
		t.Fatalf("start the DNS server: %v", err)
	}
	defer dns.Close()
	aiotest.Run(t, func(ctx context.Context) error {
		r := &dnsx.Resolver{Servers: []string{dns.Addr()}, HostsFile: os.DevNull}
		loop := aio.LoopOf(ctx)
		before := loop.Stats()
		main(ctx, r)
		aiotest.Eventually(t, func() bool { return loop.Stats().InFlight == before.InFlight })
		after := loop.Stats()
		if after.DNSQueries != before.DNSQueries || after.Futures != before.Futures || after.Callbacks != before.Callbacks {
			t.Errorf("stats after the lookups: %v, want as before: %v", after, before)
		}
		if s := r.Stats(); s.Flights != 0 {
			t.Errorf("the resolver's figures at the end: %+v, want no flights", s)
		}
		return nil
	})
}

func TestSeedSimple(t *testing.T) {
	seed(t, func(ctx context.Context, r *dnsx.Resolver) {
		a, err := r.LookupFamily(ctx, "localhost", dnsx.V4).Await(ctx)
		if err != nil || a.Addrs[0].String() != "127.0.0.1" {
			t.Errorf("localhost, V4: %+v, %v, want 127.0.0.1", a, err)
		}
	})
}

func TestSeedMulti(t *testing.T) {
	seed(t, func(ctx context.Context, r *dnsx.Resolver) {
		for _, f := range []*aio.Future[dnsx.Answer]{r.Lookup(ctx, "google.com"), r.Lookup(ctx, "localhost")} {
			if a, err := f.Await(ctx); err != nil || len(a.Addrs) != 2 {
				t.Errorf("lookup: %+v, %v, want two addresses", a, err)
			}
		}
	})
}

func TestSeedFamilies(t *testing.T) {
	seed(t, func(ctx context.Context, r *dnsx.Resolver) {
		a, err := r.LookupFamily(ctx, "google.com", dnsx.V4).Await(ctx)
		if err != nil || len(a.Addrs) != 1 || !a.Addrs[0].Is4() {
			t.Errorf("google.com, V4: %+v, %v, want one IPv4 address", a, err)
		}
		a, err = r.LookupFamily(ctx, "google.com", dnsx.V6).Await(ctx)
		if err != nil || len(a.Addrs) != 1 || !a.Addrs[0].Is6() {
			t.Errorf("google.com, V6: %+v, %v, want one IPv6 address", a, err)
		}
	})
}

func TestSeedFail(t *testing.T) {
	seed(t, func(ctx context.Context, r *dnsx.Resolver) {
		var events atomic.Int64
		ctx = aio.OnEvent(ctx, func(aio.Event) { events.Add(1) })
		err := aio.Scope(ctx, "lookup", func(ctx context.Context) error {
			_, err := r.Lookup(ctx, "nowhere.lsdkjf.gov").Await(ctx)
			return err
		})
		if !errors.Is(err, aio.ErrDNS) || events.Load() != 0 {
			t.Errorf("awaited in a Scope: %v, and %d events, want %v, and none", err, events.Load(), aio.ErrDNS)
		}
		told := make(chan error, 9)
		ctx = aio.OnEvent(ctx, func(e aio.Event) { told <- e.Err })
		aio.Spawn(ctx, "lookup", func(ctx context.Context) error {
			_, err := r.Lookup(ctx, "nowhere.lsdkjf.gov").Await(ctx)
			return err
		})
		if err := <-told; !errors.Is(err, aio.ErrDNS) || len(told) != 0 {
			t.Errorf("awaited in a Spawn: event %v, and %d others, want %v alone", err, len(told), aio.ErrDNS)
		}
	})
}

func TestSeedReverse(t *testing.T) {
	seed(t, func(ctx context.Context, r *dnsx.Resolver) {
		for _, a := range []string{"8.8.8.8", "2001:4860:4860::8888"} {
			names, err := r.Reverse(ctx, netip.MustParseAddr(a)).Await(ctx)
			if err != nil || len(names) != 1 || names[0] != "dns.google" {
				t.Errorf("names of %s: %q, %v, want dns.google", a, names, err)
			}
		}
	})
}

// A literal is resolved at once, by the resolver of the system's configuration
// too.
func TestSeedLiteral(t *testing.T) {
	seed(t, func(ctx context.Context, _ *dnsx.Resolver) {
		for _, host := range []string{"127.0.0.1", "::1", "localhost"} {
			if a, err := dnsx.Lookup(ctx, host).Result(); err != nil || !a.Addrs[0].IsLoopback() {
				t.Errorf("%s: %+v, %v, want a loopback address at once", host, a, err)
			}
		}
	})
}
