package dnsx

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
)

// fakeSystem is a system's resolver.
type fakeSystem struct {
	t     testing.TB
	calls atomic.Int64
	hang  bool
	exit  bool // end the goroutine of the caller
}

var errNoSystem = errors.New("out of order")

func (s *fakeSystem) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	s.calls.Add(1)
	if s.exit {
		runtime.Goexit()
	}
	if s.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	switch host {
	case "printer.local", "printer.local.":
		list := addrs("fe80::1%eth0 ::ffff:192.0.2.3")
		if network == "ip4" {
			list = list[1:]
		}
		return list, nil
	case "broken":
		return nil, errNoSystem
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

func (s *fakeSystem) LookupAddr(_ context.Context, addr string) ([]string, error) {
	s.calls.Add(1)
	return []string{"name-of-" + addr + "."}, nil
}

func (s *fakeSystem) LookupCNAME(context.Context, string) (string, error) { return "canonical.", nil }

func (s *fakeSystem) LookupMX(context.Context, string) ([]*net.MX, error) {
	s.calls.Add(1)
	return []*net.MX{{Host: "mail.", Pref: 10}}, nil
}

func (s *fakeSystem) LookupNS(context.Context, string) ([]*net.NS, error) {
	return []*net.NS{{Host: "ns."}}, nil
}

func (s *fakeSystem) LookupSRV(context.Context, string, string, string) (string, []*net.SRV, error) {
	return "x.", []*net.SRV{{Target: "srv.", Port: 1}}, nil
}

func (s *fakeSystem) LookupTXT(context.Context, string) ([]string, error) {
	return nil, &net.DNSError{Err: "slow", IsTimeout: true}
}

// systemRig is a resolver that leaves lookups to the system.
func systemRig(t *testing.T, goos string) (*rig, *fakeSystem) {
	r := newRig(t, func(r *Resolver) {
		r.Servers = nil
		r.env.goos = goos
	})
	return r, r.env.system.(*fakeSystem)
}

func TestSystemLookup(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r, sys := systemRig(t, "darwin")
		for range 3 {
			a := await(ctx, t, r.Lookup(ctx, "printer.local"))
			if !slices.Equal(a.Addrs, addrs("fe80::1%eth0 192.0.2.3")) || a.Source != SourceSystem || a.TTL != 0 {
				t.Errorf("printer.local: %+v, want both addresses from the system, with TTL 0", a)
			}
		}
		if n := sys.calls.Load(); n != 1 {
			t.Errorf("looked up 3 times: %d calls of the system, want 1", n)
		}
		time.Sleep(recheck)
		await(ctx, t, r.Lookup(ctx, "printer.local"))
		if n := sys.calls.Load(); n != 2 {
			t.Errorf("looked up again after %v: %d calls of the system, want 2", recheck, n)
		}
		if k := kindOf(ctx, t, r.Lookup(ctx, "absent")); k != KindNotFound {
			t.Errorf("absent: kind %v, want %v", k, KindNotFound)
		}
		if _, err := r.Lookup(ctx, "broken").Await(ctx); !errors.Is(err, errNoSystem) || !errors.Is(err, aio.ErrDNS) {
			t.Errorf("broken: %v, want %v and %v", err, errNoSystem, aio.ErrDNS)
		}
		if s := r.Stats(); s.System != 4 || s.Ready != 2 || s.Failed != 2 {
			t.Errorf("figures: %+v, want System 4, Ready 2, Failed 2", s)
		}
		return nil
	})
}

func TestSystemQuery(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r, sys := systemRig(t, "windows")
		for range 2 {
			rs := await(ctx, t, QueryWith[MX](ctx, r.Resolver, "example"))
			if len(rs.Records) != 1 || rs.Records[0] != (MX{"mail", 10}) || rs.Source != SourceSystem {
				t.Errorf("MX of example: %+v, want mail from the system", rs)
			}
			if n := await(ctx, t, r.Reverse(ctx, netip.MustParseAddr("192.0.2.3"))); !slices.Equal(n, []string{"name-of-192.0.2.3"}) {
				t.Errorf("names of 192.0.2.3: %q, want name-of-192.0.2.3", n)
			}
		}
		if n := sys.calls.Load(); n != 2 {
			t.Errorf("MX and PTR looked up twice: %d calls, want 2: the answers are kept", n)
		}
		time.Sleep(recheck)
		await(ctx, t, QueryWith[MX](ctx, r.Resolver, "example"))
		await(ctx, t, r.Reverse(ctx, netip.MustParseAddr("192.0.2.3")))
		if n := sys.calls.Load(); n != 4 {
			t.Errorf("MX and PTR looked up again after %v: %d calls, want 4: the answers are not kept for longer", recheck, n)
		}
		r.Flush("example")
		await(ctx, t, QueryWith[MX](ctx, r.Resolver, "example"))
		if n := sys.calls.Load(); n != 5 {
			t.Errorf("MX looked up after Flush: %d calls, want 5", n)
		}
		if k := kindOf(ctx, t, QueryWith[CAA](ctx, r.Resolver, "example")); k != KindNoServer {
			t.Errorf("CAA: kind %v, want %v", k, KindNoServer)
		}
		if _, err := QueryWith[TXT](ctx, r.Resolver, "example").Await(ctx); !errors.Is(err, aio.ErrTimeout) {
			t.Errorf("TXT, which times out: %v, want %v", err, aio.ErrTimeout)
		}
		if k := kindOf(ctx, t, QueryWith[A](ctx, r.Resolver, "absent")); k != KindNotFound {
			t.Errorf("A of absent: kind %v, want %v", k, KindNotFound)
		}
		if rs := await(ctx, t, QueryWith[AAAA](ctx, r.Resolver, "printer.local")); rs.Records[0].Addr.Zone() != "eth0" {
			t.Errorf("AAAA of printer.local: %+v, want zone eth0", rs)
		}
		return nil
	})
}

// A method that waits leaves no operation when its goroutine is ended, and the
// error is a lost one.
func TestLookupGoexit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, sys := systemRig(t, "darwin")
		sys.exit = true
		rec := new(aiotest.Recorder)
		loop := &aio.Loop{OnEvent: rec.OnEvent}
		if err := loop.Run(t.Context(), func(ctx context.Context) error {
			go r.LookupHost(ctx, "printer.local")
			synctest.Wait()
			if n := loop.Stats().InFlight; n != 1 {
				t.Errorf("after Goexit in LookupHost: %d operations, want main alone", n)
			}
			return nil
		}); err != nil {
			t.Errorf("Run: %v, want nil", err)
		}
		if ev := rec.Events(); len(ev) != 1 || !ev[0].Lost || !errors.Is(ev[0].Err, aio.ErrGoexit) {
			t.Errorf("events %v, want one lost %v", ev, aio.ErrGoexit)
		}
	})
}

// The canonical name comes from the system too where it looks up hosts. What
// Reverse returns is the caller's.
func TestSystemNames(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r, _ := systemRig(t, "darwin")
		if name, err := r.LookupCNAME(ctx, "printer.local"); name != "canonical." || err != nil {
			t.Errorf("LookupCNAME: %q, %v, want canonical.", name, err)
		}
		for i := range 3 {
			names := await(ctx, t, r.Reverse(ctx, netip.MustParseAddr("192.0.2.3")))
			if names[0] != "name-of-192.0.2.3" {
				t.Errorf("Reverse %d, after the caller has changed what it got: %q, want name-of-192.0.2.3", i+1, names)
			}
			names[0] = "changed"
		}
		return nil
	})
}

// The cache of the system's answers is bounded, and has what was put last.
func TestShortCache(t *testing.T) {
	var c shortCache
	now := clock()
	for i := range 3 * shortSize {
		k := shortKey{"MX", nth(i).name}
		c.put(k, i, now)
		if got := c.get(k, now); got != i {
			t.Fatalf("value %d right after put: %v, want it", i, got)
		}
		if len(c.kept) > shortSize {
			t.Fatalf("%d values after %d, want at most %d", len(c.kept), i+1, shortSize)
		}
	}
}

func TestSystemLookupCancelled(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r, sys := systemRig(t, "android")
		sys.hang = true
		began := time.Now()
		if k := kindOf(ctx, t, r.Lookup(ctx, "printer.local")); k != KindTimeout || time.Since(began) != 10*time.Second {
			t.Errorf("the system hangs: kind %v after %v, want %v after 10s", k, time.Since(began), KindTimeout)
		}
		return nil
	})
}

// On Linux the nsswitch.conf says whether it takes the system; records are
// DNS's in any case.
func TestNSSwitchSystem(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r, _ := systemRig(t, "linux")
		write(t, r.env.nsswitch, "passwd: files\nhosts: files mdns4_minimal [NOTFOUND=return] dns\n")
		write(t, r.env.resolvConf, "nameserver 192.0.2.53\n")
		if a := await(ctx, t, r.LookupFamily(ctx, "printer.local", V4)); a.Source != SourceSystem {
			t.Errorf("nsswitch.conf with mdns: %+v, want the answer from the system", a)
		}
		if rs := await(ctx, t, QueryWith[MX](ctx, r.Resolver, "example")); rs.Source != SourceServer || rs.Records[0].Host != "mail.example" {
			t.Errorf("MX, nsswitch.conf with mdns: %+v, want the answer from the server", rs)
		}
		return nil
	})
}
