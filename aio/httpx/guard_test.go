package httpx_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/httpx"
	"goaio.example/aio/tcp"
)

// TestGuardPublicOnly checks which addresses it allows.
func TestGuardPublicOnly(t *testing.T) {
	for _, s := range []string{
		"1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "192.167.1.1",
		"192.0.1.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "::ffff:8.8.8.8", "2606:4700:4700::1111", "2a00:1450::1",
		"64:ff9b::8.8.8.8", "2002:808:808::1",
	} {
		if err := httpx.GuardPublicOnly(t.Context(), netip.AddrPortFrom(netip.MustParseAddr(s), 80)); err != nil {
			t.Errorf("%s is not allowed: %v", s, err)
		}
	}
	for _, s := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.255",
		"169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1",
		"198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1",
		"64:ff9b::127.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::1",
		"2002:a00:1::1", "3fff::1", "4000::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
		"::1%lo", "fd00::1%eth0", "fe80::1%eth0", "::ffff:127.0.0.1%eth0", "2001:db8::1%x",
	} {
		if err := httpx.GuardPublicOnly(t.Context(), netip.AddrPortFrom(netip.MustParseAddr(s), 80)); !errors.Is(err, httpx.ErrBlocked) {
			t.Errorf("%s is allowed: %v", s, err)
		}
	}
	if err := httpx.GuardPublicOnly(t.Context(), netip.AddrPort{}); !errors.Is(err, httpx.ErrBlocked) {
		t.Errorf("no address is allowed: %v", err)
	}
}

// rebinding is a Resolver that gives a harmless address first, and then
// another.
type rebinding struct {
	tcp.Resolver
	asked atomic.Int32
	then  netip.Addr
}

func (r *rebinding) LookupNetIP(_ context.Context, network, _ string) ([]netip.Addr, error) {
	if network == "ip6" {
		return nil, &net.DNSError{IsNotFound: true}
	}
	if r.asked.Add(1) == 1 {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	return []netip.Addr{r.then}, nil
}

// TestGuard checks that the guard sees the address of each connection: after
// lookups, redirects, and for a name that leads elsewhere all of a sudden; and
// that what it blocks is not connected to.
func TestGuard(t *testing.T) {
	var reached atomic.Int32
	inner := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	inner.Listener.Close()
	ln, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Skip("loopback has one address only:", err)
	}
	inner.Listener = ln
	inner.Start()
	defer inner.Close()
	outer := origin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/redirect" {
			http.Redirect(w, r, inner.URL, http.StatusFound)
		}
	})
	guard := func(_ context.Context, a netip.AddrPort) error {
		if a.Addr() != netip.MustParseAddr("127.0.0.1") {
			return httpx.ErrBlocked
		}
		return nil
	}
	aiotest.Run(t, func(ctx context.Context) error {
		c := &httpx.Client{Guard: guard, Retry: httpx.Retry{Attempts: 3}}
		_, err := c.Get(ctx, outer).Await(ctx)
		if err != nil {
			t.Errorf("c.Get: %v", err)
		}
		_, err = c.Get(ctx, inner.URL).Await(ctx)
		failsWith(t, err, httpx.PhaseDial, httpx.ErrBlocked)
		_, err = c.Get(ctx, outer+"/redirect").Await(ctx)
		failsWith(t, err, httpx.PhaseDial, httpx.ErrBlocked)
		var e *httpx.Error
		if errors.As(err, &e) && e.URL != inner.URL {
			t.Errorf("got %v, which does not name what was redirected to", err)
		}

		r := &rebinding{Resolver: net.DefaultResolver, then: netip.MustParseAddr("127.0.0.2")}
		c = &httpx.Client{Guard: guard, MaxIdlePerHost: -1, Dialer: &tcp.Dialer{Resolver: r}}
		name := strings.Replace(outer, "127.0.0.1", "rebind.example", 1)
		if _, err = c.Get(ctx, name).Await(ctx); err != nil {
			t.Errorf("before the name leads elsewhere: %v", err)
		}
		_, err = c.Get(ctx, name).Await(ctx)
		failsWith(t, err, httpx.PhaseDial, httpx.ErrBlocked)
		return nil
	})
	if n := reached.Load(); n != 0 {
		t.Errorf("%d requests came through", n)
	}
}

// TestGuardSeesAll checks that a Dialer that hides addresses does not get
// around the guard, and that its Control is kept.
func TestGuardSeesAll(t *testing.T) {
	addr := origin(t, echoes)
	allow := func(context.Context, netip.AddrPort) error { return nil }
	aiotest.Run(t, func(ctx context.Context) error {
		dialed := 0
		d := &tcp.Dialer{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			dialed++
			return new(net.Dialer).DialContext(ctx, network, strings.TrimPrefix(addr, "http://"))
		}}
		none := func(*http.Request) (*url.URL, error) { return nil, nil }
		_, err := (&httpx.Client{Guard: allow, Dialer: d, Proxy: none}).Get(ctx, "http://name.example").Await(ctx)
		failsWith(t, err, httpx.PhaseDial, httpx.ErrBlocked)
		_, err = (&httpx.Client{Guard: httpx.GuardPublicOnly, Dialer: d}).Get(ctx, addr).Await(ctx)
		failsWith(t, err, httpx.PhaseDial, httpx.ErrBlocked)
		if dialed != 0 {
			t.Error("it was dialed")
		}
		r, err := (&httpx.Client{Guard: allow, Dialer: d}).Get(ctx, addr).Await(ctx)
		wantBody(t, r, err, 200, "/\n")

		why := errors.New("why")
		d = &tcp.Dialer{Control: func(context.Context, string, string, syscall.RawConn) error { return why }}
		_, err = (&httpx.Client{Guard: allow, Dialer: d}).Get(ctx, addr).Await(ctx)
		failsWith(t, err, httpx.PhaseDial, why)
		failsWith(t, err, httpx.PhaseDial, aio.ErrConn)
		return nil
	})
}
