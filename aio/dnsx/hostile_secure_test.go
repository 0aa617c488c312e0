package dnsx_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"goaio.example/aio/aiotest"
	"goaio.example/aio/dnsx"
)

// againstSecure is against, by DNS over TLS and over HTTPS, with one server or
// two.
func againstSecure(t *testing.T, servers int, fn func(ctx context.Context, h hostile)) {
	t.Helper()
	for scheme, specs := range map[string][]string{
		"TLS":   {"tls://dns.example@10.0.0.1", "tls://dns.example@10.0.0.2"},
		"HTTPS": {"https://dns.example/dns-query@10.0.0.1", "https://dns.example/dns-query@10.0.0.2"},
	} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := aiotest.MemoryDNS(t, rightZone)
				r := &dnsx.Resolver{
					Servers: specs[:servers], Dial: d.Dial, TLS: d.ClientTLS(), HostsFile: os.DevNull,
					AttemptTimeout: 5 * time.Second, Attempts: 2,
				}
				aiotest.Run(t, func(ctx context.Context) error {
					fn(ctx, hostile{t, d, r})
					return nil
				})
			})
		})
	}
}

// What a server may do wrong in an encrypted connection, and what then becomes
// of the lookup.
func TestHostileSecure(t *testing.T) {
	t.Parallel()
	for lie, c := range map[string]struct {
		fault aiotest.DNSFault
		kinds []dnsx.ErrorKind
	}{
		"no answer":          {aiotest.DNSFault{Drop: true}, []dnsx.ErrorKind{dnsx.KindTimeout}},
		"late answer":        {aiotest.DNSFault{Delay: time.Minute}, []dnsx.ErrorKind{dnsx.KindTimeout}},
		"no answer, the end": {aiotest.DNSFault{Drop: true, Hangup: true}, []dnsx.ErrorKind{dnsx.KindNetwork, dnsx.KindMalformed}},
		"no answer, a reset": {aiotest.DNSFault{Drop: true, Reset: true}, []dnsx.ErrorKind{dnsx.KindNetwork, dnsx.KindMalformed}},
		"half, then the end": {aiotest.DNSFault{Half: true, Hangup: true}, []dnsx.ErrorKind{dnsx.KindMalformed, dnsx.KindNetwork}},
		"wrong question":     {aiotest.DNSFault{WrongQuestion: true}, []dnsx.ErrorKind{dnsx.KindTimeout, dnsx.KindMalformed}},
		"garbage":            {aiotest.DNSFault{Garbage: true}, []dnsx.ErrorKind{dnsx.KindTimeout, dnsx.KindMalformed}},
		"a compression loop": {aiotest.DNSFault{Loop: true}, []dnsx.ErrorKind{dnsx.KindMalformed}},
		"a server failure":   {aiotest.DNSFault{RCode: dnsmessage.RCodeServerFailure}, []dnsx.ErrorKind{dnsx.KindServer}},
	} {
		t.Run(lie, func(t *testing.T) {
			t.Parallel()
			againstSecure(t, 1, func(ctx context.Context, h hostile) {
				h.SetFault(aiotest.DNSMatch{}, c.fault)
				addrs, took, err := h.look(ctx, name)
				e, ok := errors.AsType[*dnsx.Error](err)
				if !ok || took > inAll || !slices.Contains(c.kinds, e.Kind) {
					h.Errorf("got %s, %v after %v, want one of %v", addrs, err, took, c.kinds)
				}
				h.ClearFaults()
				h.right(ctx, 0)
			})
		})
	}
	t.Run("second server", func(t *testing.T) {
		t.Parallel()
		againstSecure(t, 2, func(ctx context.Context, h hostile) {
			for _, port := range []string{":853", ":443"} {
				h.SetFault(aiotest.DNSMatch{Server: "10.0.0.1" + port}, aiotest.DNSFault{Drop: true})
			}
			h.right(ctx, 5*time.Second)
		})
	})
	t.Run("untrusted", func(t *testing.T) {
		t.Parallel()
		againstSecure(t, 1, func(ctx context.Context, h hostile) {
			h.Resolver.TLS = nil // the system's roots
			h.fails(ctx, name, dnsx.KindNetwork, 0, inAll)
			if n := h.Count(aiotest.DNSMatch{}); n != 0 {
				h.Errorf("%d queries to a server with an untrusted certificate, want none", n)
			}
		})
	})
}

// On real sockets: answers from another port are no answers, even with the ID
// of the query, which a spoofer finds by sending all of them. Only datagrams
// from the right port reach the socket, so that a few of them show it, and no
// clock decides whether they fit into its buffer or its time.
func TestHostileSpoof(t *testing.T) {
	t.Parallel()
	d := aiotest.StartDNS(t, rightZone)
	d.SetFault(aiotest.DNSMatch{Transport: aiotest.DNSOverUDP}, aiotest.DNSFault{
		OtherPort: true, AnswerToo: true,
		Answer: func(_ aiotest.DNSQuery, answer []byte) [][]byte {
			lie := edited(answer, func(m *dnsmessage.Message) {
				m.Answers, m.Authorities = []dnsmessage.Resource{address(m.Questions[0].Name.String())}, nil
			})
			return [][]byte{lie, lie, lie}
		},
	})
	r := &dnsx.Resolver{Servers: []string{d.Addr()}, HostsFile: os.DevNull, Attempts: 1, AttemptTimeout: inAll}
	aiotest.Runner{Parallel: true}.Run(t, func(ctx context.Context) error {
		a, err := r.LookupFamily(ctx, name, dnsx.V4).Await(ctx)
		if err != nil || len(a.Addrs) != 1 || a.Addrs[0].String() != "192.0.2.1" {
			t.Errorf("lookup of %s, with forged answers from another port first: %v, %v, want 192.0.2.1", name, a.Addrs, err)
		}
		return nil
	})
}

// Each query has a new source port, and an ID that cannot be predicted.
func TestHostileSourcePorts(t *testing.T) {
	t.Parallel()
	d := aiotest.StartDNS(t, "")
	r := &dnsx.Resolver{Servers: []string{d.Addr()}, HostsFile: os.DevNull, CacheSize: -1}
	const lookups = 50
	aiotest.Runner{Parallel: true}.Run(t, func(ctx context.Context) error {
		for range lookups {
			if _, err := r.LookupFamily(ctx, "nowhere.example", dnsx.V4).Await(ctx); err == nil {
				t.Error("nowhere.example was found, want an error")
			}
		}
		return nil
	})
	ports, ids := map[uint16]bool{}, map[uint16]bool{}
	for _, q := range d.Queries(aiotest.DNSMatch{}) {
		ports[q.Client.Port()] = true
		ids[q.Header.ID] = true
	}
	// Ports and IDs come again by chance.
	if len(ports) < lookups*9/10 || len(ids) < lookups*9/10 {
		t.Errorf("%d ports and %d IDs for %d queries, want nearly as many as queries", len(ports), len(ids), lookups)
	}
}
