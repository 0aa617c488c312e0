package dnsx

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
)

// What other packages ask of a *net.Resolver.
var _ interface {
	LookupAddr(ctx context.Context, addr string) ([]string, error)
	LookupCNAME(ctx context.Context, host string) (string, error)
	LookupHost(ctx context.Context, host string) ([]string, error)
	LookupIP(ctx context.Context, network, host string) ([]net.IP, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupNS(ctx context.Context, name string) ([]*net.NS, error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupPort(ctx context.Context, network, service string) (int, error)
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
	LookupTXT(ctx context.Context, name string) ([]string, error)
} = (*Resolver)(nil)

// lookups are the methods that Resolver and net.Resolver have in common.
type lookups interface {
	systemResolver
	LookupHost(ctx context.Context, host string) ([]string, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
}

// testLookups checks a Resolver, or a net.Resolver that asks it.
func testLookups(ctx context.Context, t *testing.T, r lookups) {
	t.Helper()
	check := func(what string, got, want any, err error) {
		t.Helper()
		if err != nil || !equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", what, got, err, want)
		}
	}
	ips, err := r.LookupNetIP(ctx, "ip4", "alias.example")
	check("LookupNetIP", ips, addrs("192.0.2.1"), err)
	hosts, err := r.LookupHost(ctx, "v4.example")
	check("LookupHost", hosts, []string{"192.0.2.4"}, err)
	list, err := r.LookupIPAddr(ctx, "v6.example")
	check("LookupIPAddr", list[0].String(), "2001:db8::6", err)
	names, err := r.LookupAddr(ctx, "192.0.2.1")
	check("LookupAddr", names, []string{"www.example."}, err)
	// of a longer chain, package net returns the first
	cname, err := r.LookupCNAME(ctx, "hop.example")
	check("LookupCNAME", cname, "www.example.", err)
	mx, err := r.LookupMX(ctx, "example")
	check("LookupMX", *mx[0], net.MX{Host: "mail.example.", Pref: 10}, err)
	ns, err := r.LookupNS(ctx, "example")
	check("LookupNS", *ns[0], net.NS{Host: "ns.example."}, err)
	cname, srv, err := r.LookupSRV(ctx, "sip", "tcp", "example")
	check("LookupSRV", cname, "_sip._tcp.example.", err)
	check("LookupSRV", *srv[1], net.SRV{Target: "backup.example.", Port: 5061, Priority: 20}, err)
	txt, err := r.LookupTXT(ctx, "example")
	check("LookupTXT", txt, []string{"v=spf1 -all"}, err)
	_, err = r.LookupHost(ctx, "nowhere.example")
	if d := (*net.DNSError)(nil); !errors.As(err, &d) || !d.IsNotFound {
		t.Errorf("LookupHost of nowhere.example: %v, want a *net.DNSError with IsNotFound", err)
	}
}

// equal compares what testLookups compares.
func equal(a, b any) bool {
	switch a := a.(type) {
	case []string:
		return slices.Equal(a, b.([]string))
	case []netip.Addr:
		unmapped := make([]netip.Addr, len(a))
		for i := range a {
			unmapped[i] = a[i].Unmap() // package net is not of one mind
		}
		return slices.Equal(unmapped, b.([]netip.Addr))
	}
	return a == b
}

func TestMethodsOfNetResolver(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r := newRig(t)
		testLookups(ctx, t, r.Resolver)
		ips, err := r.LookupIP(ctx, "ip", "www.example")
		if err != nil || len(ips) != 2 || ips[1].String() != "192.0.2.1" {
			t.Errorf("LookupIP of www.example: %v, %v, want two addresses, the second 192.0.2.1", ips, err)
		}
		if _, err := r.LookupNetIP(ctx, "tcp", "www.example"); err == nil {
			t.Error("LookupNetIP for network tcp has addresses, want an error")
		}
		if _, err := r.LookupAddr(ctx, "www.example"); !errors.Is(err, aio.ErrDNS) {
			t.Errorf("LookupAddr of a name: %v, want %v", err, aio.ErrDNS)
		}
		if name, err := r.LookupCNAME(ctx, "alias.example"); err != nil || name != "www.example." {
			t.Errorf("LookupCNAME of alias.example: %q, %v, want www.example.", name, err)
		}
		if name, err := r.LookupCNAME(ctx, "www.example"); err != nil || name != "www.example." {
			t.Errorf("LookupCNAME of www.example: %q, %v, want itself", name, err)
		}
		if _, err := r.LookupCNAME(ctx, "nowhere.example"); !errors.Is(err, aio.ErrDNS) {
			t.Errorf("LookupCNAME of nowhere.example: %v, want %v", err, aio.ErrDNS)
		}
		return nil
	})
}

// The net.Resolver answers as the Resolver does, from its cache, and uses no
// network itself.
func TestNet(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		r := newRig(t)
		testLookups(ctx, t, r.Net())
		n := r.dns.Count(aiotest.DNSMatch{})
		testLookups(ctx, t, r.Net())
		if m := r.dns.Count(aiotest.DNSMatch{}); m != n {
			t.Errorf("the same lookups again: %d more queries, want none", m-n)
		}
		if s := aio.LoopOf(ctx).Stats(); s.DNSQueries != 0 {
			t.Errorf("at the end the stats have %d lookups, want none", s.DNSQueries)
		}
		return nil
	})
}

// A reply that is too large for a DNS message is an error.
func TestNetTooLarge(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r := newRig(t)
		query := []byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x00\x00\x01\x00\x01")
		for records, fits := range map[int]bool{4000: true, 4200: false} {
			p := &reply{expires: time.Now().Add(time.Hour)}
			for range records { // 16 bytes each
				p.records = append(p.records, dnsmessage.Resource{Body: new(dnsmessage.AResource)})
			}
			q := qa("www.example.")
			r.settle(clock())
			r.x.cache.put(q.name, newEntry(q, p, time.Now(), time.Hour, 0, 100))
			if msg, err := r.answerMessage(ctx, query); (err == nil) != fits {
				t.Errorf("%d records: %d bytes, %v, want an error exactly above 65,535", records, len(msg), err)
			}
		}
		return nil
	})
}

func TestNetWithoutLoop(t *testing.T) {
	r := newRig(t)
	if _, err := r.Net().LookupHost(t.Context(), "www.example"); err == nil {
		t.Error("LookupHost without a loop has addresses, want an error")
	}
}

func TestNetOfSystem(t *testing.T) {
	r, _ := systemRig(t, "darwin")
	if n := r.Net(); n.Dial != nil || n.PreferGo {
		t.Errorf("Net on a system with its own resolver: %+v, want a zero net.Resolver", n)
	}
}

// A connection in memory ends what it asks when it is closed, or its time is
// up.
func TestMemoryConn(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r := newRig(t)
		r.dns.SetFault(aiotest.DNSMatch{}, aiotest.DNSFault{Drop: true})
		query := []byte("\x00\x1d\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x00\x00\x01\x00\x01")
		for _, end := range []func(c net.Conn){
			func(c net.Conn) { c.SetDeadline(time.Now().Add(time.Second)) },
			func(c net.Conn) { time.AfterFunc(time.Second, func() { c.Close() }) },
		} {
			c, err := r.Net().Dial(ctx, "udp", "192.0.2.53:53")
			if err != nil {
				return err
			}
			if _, err := c.Read(make([]byte, 100)); !errors.Is(err, io.EOF) {
				t.Errorf("Read before a query: %v, want %v", err, io.EOF)
			}
			c.Write(query[:10])
			c.Write(query[10:])
			began := time.Now()
			end(c)
			if _, err := c.Read(make([]byte, 100)); err == nil || time.Since(began) != time.Second {
				t.Errorf("Read of an answer that does not come: %v after %v, want an error after 1s", err, time.Since(began))
			}
			if _, err := c.Write(make([]byte, 2*maxQuery)); err == nil {
				t.Errorf("Write of %d bytes succeeds, want an error", 2*maxQuery)
			}
			c.Close()
			if _, err := c.Read(nil); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Read after Close: %v, want %v", err, net.ErrClosed)
			}
			if c.LocalAddr().String() == "" || c.RemoteAddr().Network() == "" {
				t.Error("the connection has no addresses")
			}
		}
		return nil
	})
}

// FuzzMessage has clients of the connection in memory send anything.
func FuzzMessage(f *testing.F) {
	f.Add([]byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x00\x00\x01\x00\x01"))
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		r := &Resolver{Servers: []string{"192.0.2.53"}, Dial: refuse, env: testEnvironment(t)}
		aio.Run(t.Context(), func(ctx context.Context) error {
			out, err := r.answerMessage(ctx, msg)
			if err == nil && (len(out) < 12 || out[0] != msg[0] || out[1] != msg[1]) {
				t.Errorf("the answer to %q is %q, want one with its ID", msg, out)
			}
			return nil
		})
	})
}

// refuse dials nothing.
func refuse(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }

func TestLookupPort(t *testing.T) {
	r := newRig(t)
	for service, want := range map[string]int{"80": 80, "https": 443, "0": 0, "65535": 65535} {
		if p, err := r.LookupPort(t.Context(), "tcp", service); err != nil || p != want {
			t.Errorf("LookupPort of %s: %d, %v, want %d", service, p, err, want)
		}
	}
	if _, err := r.LookupPort(t.Context(), "tcp", "65536"); err == nil {
		t.Error("LookupPort of 65536 has a port, want an error")
	}
}
