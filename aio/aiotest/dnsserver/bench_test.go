package dnsserver

import (
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// What a server costs that a resolver is measured against: a query, without the
// sockets.
func BenchmarkPlan(b *testing.B) {
	s := &Server{Zone: zoneText}
	if err := s.init(); err != nil {
		b.Fatalf("s.init: %v", err)
	}
	m := dnsmessage.Message{Questions: []dnsmessage.Question{{
		Name: dnsmessage.MustNewName(www), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET,
	}}}
	q, err := m.Pack()
	if err != nil {
		b.Fatalf("m.Pack: %v", err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if p := s.plan(q, origin{transport: UDP}); p == nil || len(p.messages) != 1 {
			b.Fatal("no answer")
		}
	}
}
