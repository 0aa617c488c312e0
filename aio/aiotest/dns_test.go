package aiotest_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"goaio.example/aio/aiotest"
)

func TestStartDNS(t *testing.T) {
	f := trial(func(t testing.TB) {
		d := aiotest.StartDNS(t, "www.example. A 192.0.2.1")
		for _, addr := range []string{d.Addr(), d.TLSAddr(), d.HTTPSAddr()} {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Errorf("dial: %v", err)
				continue
			}
			c.Close()
		}
	})
	f.want(t)
	trial(func(t testing.TB) { aiotest.StartDNS(t, "www.example. A 192") }).want(t, "zone line 1")
}

func TestMemoryDNS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := aiotest.MemoryDNS(t, "www.example. A 192.0.2.1")
		d.SetFault(aiotest.DNSMatch{Transport: aiotest.DNSOverUDP}, aiotest.DNSFault{Delay: time.Second})
		c, err := d.Dial(t.Context(), "udp", "192.0.2.53:53")
		if err != nil {
			t.Fatalf("d.Dial: %v", err)
		}
		defer c.Close()
		m := dnsmessage.Message{Questions: []dnsmessage.Question{{
			Name: dnsmessage.MustNewName("www.example."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET,
		}}}
		b, err := m.Pack()
		if err != nil {
			t.Fatalf("m.Pack: %v", err)
		}
		begin := time.Now()
		if _, err := c.Write(b); err != nil {
			t.Fatalf("c.Write: %v", err)
		}
		b = make([]byte, 512)
		n, err := c.Read(b)
		if err != nil || m.Unpack(b[:n]) != nil || len(m.Answers) != 1 || time.Since(begin) != time.Second {
			t.Errorf("%+v after %v: %v", m, time.Since(begin), err)
		}
		if n := d.Count(aiotest.DNSMatch{Name: "www.example"}); n != 1 {
			t.Errorf("%d queries counted", n)
		}
	})
	trial(func(t testing.TB) { aiotest.MemoryDNS(t, "www.example. A 192") }).want(t, "zone line 1")
}

// A resolver in front of a server in memory, whose UDP answers are truncated.
func ExampleDNS() {
	d := &aiotest.DNS{Zone: "www.example. A 192.0.2.1"}
	defer d.Close()
	d.SetFault(aiotest.DNSMatch{Transport: aiotest.DNSOverUDP}, aiotest.DNSFault{Truncate: true})

	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return d.Dial(ctx, network, "192.0.2.53:53")
	}}
	addrs, err := r.LookupNetIP(context.Background(), "ip4", "www.example.")
	fmt.Println(addrs, err)
	fmt.Println(d.Count(aiotest.DNSMatch{Transport: aiotest.DNSOverTCP}), "by TCP")
	// Output:
	// [192.0.2.1] <nil>
	// 1 by TCP
}
