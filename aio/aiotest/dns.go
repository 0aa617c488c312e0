package aiotest

import (
	"testing"

	"goaio.example/aio/aiotest/dnsserver"
)

// A DNS is a DNS server for tests. Its zone is a few lines of text. It reports
// what it was asked, and misbehaves on request. See package dnsserver for all
// of it.
type DNS = dnsserver.Server

// Types used with a DNS.
type (
	// DNSFault is a way in which a DNS misbehaves.
	DNSFault = dnsserver.Fault
	// DNSMatch selects queries.
	DNSMatch = dnsserver.Match
	// DNSQuery is a question that a DNS was asked.
	DNSQuery = dnsserver.Query
	// DNSTransport says how a query was sent.
	DNSTransport = dnsserver.Transport
)

// The transports of queries to a DNS.
const (
	DNSOverUDP   = dnsserver.UDP
	DNSOverTCP   = dnsserver.TCP
	DNSOverTLS   = dnsserver.TLS
	DNSOverHTTPS = dnsserver.HTTPS
)

// StartDNS starts a server with this zone on loopback, with DNS over TLS and
// over HTTPS, and closes it when the test ends. An error fails the test at
// once.
func StartDNS(t testing.TB, zone string) *DNS {
	t.Helper()
	d := &DNS{Zone: zone, TLS: true, HTTPS: true}
	if err := d.Start(); err != nil {
		t.Fatalf("aiotest: %v", err)
	}
	closeDNS(t, d)
	return d
}

// MemoryDNS returns a server with this zone that is dialed in memory, by
// DNS.Dial, and closes it when the test ends. It works inside a synctest
// bubble. An error in the zone fails the test at once.
func MemoryDNS(t testing.TB, zone string) *DNS {
	t.Helper()
	d := &DNS{Zone: zone}
	if err := d.SetZone(zone); err != nil {
		t.Fatalf("aiotest: %v", err)
	}
	closeDNS(t, d)
	return d
}

// closeDNS closes the server when the test ends.
func closeDNS(t testing.TB, d *DNS) {
	t.Cleanup(func() {
		t.Helper()
		if err := d.Close(); err != nil {
			t.Errorf("aiotest: DNS server: %v", err)
		}
	})
}
