package tcp_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/dnsx"
	"goaio.example/aio/tcp"
)

// twoServers is a resolver that asks two servers in memory; dead ones say
// nothing.
func twoServers(t *testing.T, dead ...string) (*dnsx.Resolver, *aiotest.DNS) {
	dns := aiotest.MemoryDNS(t, `
		www.test. A    192.0.2.1
		          AAAA 2001:db8::1
	`)
	for _, s := range dead {
		dns.SetFault(aiotest.DNSMatch{Server: s}, aiotest.DNSFault{Drop: true})
	}
	return &dnsx.Resolver{
		Servers: []string{"192.0.2.53", "192.0.2.54"}, Dial: dns.Dial, HostsFile: os.DevNull,
	}, dns
}

// A name with a dead IPv6 and a live IPv4 address is connected to after the
// attempt delay.
func TestDialDeadIPv6(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r, _ := twoServers(t)
		attempt := func(ctx context.Context, a netip.Addr) (net.Conn, error) {
			if a.Is6() {
				<-ctx.Done()
				return nil, context.Cause(ctx)
			}
			c, other := net.Pipe()
			other.Close()
			return c, nil
		}
		for range 2 { // by servers, from the cache
			began := time.Now()
			c, err := tcp.HappyEyeballs(ctx, r, "tcp", "www.test", 0, attempt)
			if d := time.Since(began); err != nil || d != 250*time.Millisecond {
				t.Errorf("after %v: %v", d, err)
			}
			c.Close()
		}
		return nil
	})
}

// A dead first server costs no more than the attempt delay.
func TestDialDeadServer(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r, _ := twoServers(t, "192.0.2.53:53")
		attempt := func(context.Context, netip.Addr) (net.Conn, error) {
			c, other := net.Pipe()
			other.Close()
			return c, nil
		}
		began := time.Now()
		c, err := tcp.HappyEyeballs(ctx, r, "tcp", "www.test", 0, attempt)
		if d := time.Since(began); err != nil || d > 250*time.Millisecond {
			t.Errorf("after %v: %v", d, err)
		} else {
			c.Close()
		}
		return nil
	})
}

// The lookups of a dial are its children, one for each family, and end with it.
func TestDialLookups(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r, _ := twoServers(t, "192.0.2.53:53", "192.0.2.54:53")
		loop := aio.LoopOf(ctx)
		f := (&tcp.Dialer{Resolver: r}).Dial(ctx, "www.test:80")
		synctest.Wait()
		n := 0
		for op := range loop.Ops() {
			if strings.HasPrefix(op.Name, "lookup") && op.Parents[0] == "dial www.test:80" {
				n++
			}
		}
		if s := loop.Stats(); n != 2 || s.DNSQueries != 2 || s.Kinds["dns.query"] != 2 {
			t.Errorf("%d lookups below the dial: %v", n, s)
		}
		f.Cancel(nil)
		if _, err := f.Await(ctx); err == nil {
			t.Error("connected")
		}
		synctest.Wait()
		if s := loop.Stats(); s.InFlight != 1 {
			t.Errorf("left: %v", s)
		}
		return nil
	})
}

// A dial that fails because of the name is a ConnError that is an ErrDNS.
func TestDialNoName(t *testing.T) {
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		r, dns := twoServers(t)
		_, err := (&tcp.Dialer{Resolver: r}).Dial(ctx, "nowhere.test:80").Await(ctx)
		var c *aio.ConnError
		var d *net.DNSError
		if !errors.As(err, &c) || !errors.Is(err, aio.ErrDNS) || errors.Is(err, aio.ErrTimeout) ||
			!errors.As(err, &d) || !d.IsNotFound || d.Name != "nowhere.test" {
			t.Errorf("Dial: %v", err)
		}
		dns.SetFault(aiotest.DNSMatch{}, aiotest.DNSFault{Drop: true})
		_, err = (&tcp.Dialer{Resolver: r}).Dial(ctx, "www.test:80").Await(ctx)
		if !errors.Is(err, aio.ErrDNS) || !errors.Is(err, aio.ErrTimeout) {
			t.Errorf("Dial: %v", err)
		}
		return nil
	})
}

// Addresses and localhost need no lookup, with the default resolver too.
func TestDialAsksNobody(t *testing.T) {
	aiotest.Run(t, func(ctx context.Context) error {
		l, err := tcp.Listen(ctx, "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer l.Close()
		_, port, _ := net.SplitHostPort(l.Addr().String())
		before := dnsx.DefaultResolver.Stats()
		for _, host := range []string{"127.0.0.1", "localhost", "a.localhost"} {
			c, err := tcp.Dial(ctx, net.JoinHostPort(host, port)).Await(ctx)
			if err != nil {
				t.Errorf("%s: %v", host, err)
				continue
			}
			c.Close()
		}
		if s := dnsx.DefaultResolver.Stats(); s.Queries != before.Queries || s.Misses != before.Misses {
			t.Errorf("before %+v, after %+v", before, s)
		}
		return nil
	})
}
