package mongo_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"goaio.example/aio"
	"goaio.example/aio/aiotest"
	"goaio.example/aio/dnsx"
	"goaio.example/drivers/mongo"
)

// resolver returns a resolver that asks a DNS server in memory.
func resolver(t *testing.T, zone string) (*dnsx.Resolver, *aiotest.DNS) {
	t.Helper()
	dns := aiotest.MemoryDNS(t, zone)
	return &dnsx.Resolver{Servers: []string{"192.0.2.53"}, Dial: dns.Dial, HostsFile: os.DevNull}, dns
}

// The hosts of a mongodb+srv URI and its options are looked up by the Dialer's
// resolver.
func TestSRV(t *testing.T) {
	inFake(t, nil, func(*call) bson.D { return ok }, func(ctx context.Context, t *testing.T, f *fake) error {
		c := f.client()
		c.URI = "mongodb+srv://cluster.test/?tls=false&srvMaxHosts=1"
		r, dns := resolver(t, `
			_mongodb._tcp.cluster.test. SRV 0 0 27017 db.cluster.test.
			cluster.test. TXT "authSource=other"
		`)
		c.Dialer.Resolver = r
		await(ctx, t, c.Ping(ctx))
		await(ctx, t, c.Ping(ctx))
		if n := dns.Count(aiotest.DNSMatch{Name: "_mongodb._tcp.cluster.test."}); n != 1 {
			t.Errorf("the SRV records were asked for %d times, want once", n)
		}
		return nil
	})
}

// What the records may not say is refused.
func TestSRVRefused(t *testing.T) {
	for _, test := range []struct{ uri, zone, want string }{
		{"mongodb+srv://cluster.test", `_mongodb._tcp.cluster.test. SRV 0 0 27017 db.evil.test.`, "domain"},
		{"mongodb+srv://cluster.test", `_mongodb._tcp.cluster.test. SRV 0 0 27017 cluster.test.`, "domain levels"},
		{"mongodb+srv://cluster.test", "_mongodb._tcp.cluster.test. SRV 0 0 27017 db.cluster.test.\ncluster.test. TXT \"tls=false\"", "TXT"},
		{"mongodb+srv://cluster.test/?srvMaxHosts=x", `_mongodb._tcp.cluster.test. SRV 0 0 27017 db.cluster.test.`, "srvMaxHosts"},
		{"mongodb+srv://cluster.test", `other.test. A 192.0.2.1`, "SRV records of cluster.test"},
	} {
		aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
			r, _ := resolver(t, test.zone)
			c := &mongo.Client{URI: test.uri}
			c.Dialer.Resolver = r
			if _, err := c.Ping(ctx).Await(ctx); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s with %q: the error is %v, want one about %s", test.uri, test.zone, err, test.want)
			}
			return nil
		})
	}
}

// A DNS server that does not answer fails the commands, in time, and a loop that
// ends meanwhile ends.
func TestSRVSilence(t *testing.T) {
	silence := func(context.Context, string, string) (net.Conn, error) { c, _ := net.Pipe(); return c, nil }
	aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
		c := &mongo.Client{URI: "mongodb+srv://cluster.test"}
		c.Dialer.Resolver = &dnsx.Resolver{Servers: []string{"192.0.2.53"}, Dial: silence}
		_, err := c.Ping(ctx).Await(ctx)
		if !errors.Is(err, aio.ErrTimeout) {
			t.Errorf("the error is %v, want an aio.ErrTimeout", err)
		}
		c.Ping(ctx).Cancel(nil)
		return nil
	})
}

// A password that is not escaped is not shown by the error of its URI.
func TestSRVSecret(t *testing.T) {
	for _, uri := range []string{"mongodb+srv://user:hush/hush@cluster.test", "mongodb+srv://user:hush?hush@cluster.test"} {
		aiotest.RunBubble(t, func(ctx context.Context, t *testing.T) error {
			r, _ := resolver(t, `other.test. A 192.0.2.1`)
			c := &mongo.Client{URI: uri}
			c.Dialer.Resolver = r
			if _, err := c.Ping(ctx).Await(ctx); err == nil || strings.Contains(err.Error(), "hush") {
				t.Errorf("%s: the error is %v, want one without the password", uri, err)
			}
			return nil
		})
	}
}
