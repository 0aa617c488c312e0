package dnsserver

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// zoneText has every type and every special case.
const zoneText = `
	$ORIGIN example.
	$TTL 1h
	@            SOA   ns hostmaster 1 2h 15m 2w 60   ; a comment
	             NS    ns                             ; of the same name
	ns           A     192.0.2.53
	www   300    A     192.0.2.1
	      300 IN A     192.0.2.2
	      IN 300 AAAA  2001:db8::1
	alias        CNAME www
	twice        CNAME alias
	lost         CNAME nowhere
	away         CNAME www.elsewhere.test.
	loop         CNAME pool
	pool         CNAME loop
	v4           A     192.0.2.4
	Mixed.Case   A     192.0.2.5
	mail         MX    10 mx.example.net.
	text         TXT   "one \"string\"" another "\000;("
	_http._tcp   SRV   10 20 80 www
	@            CAA   0 issue "ca.example.net; account=1"
	svc          HTTPS 1 . alpn="h2,h3" port=8443 ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1 key65280=xyz
	svc          SVCB (
	                 0
	                 other )
	*.wild       A     192.0.2.9
	there.wild   TXT   "here"
	a.b.c        A     192.0.2.6
	sub          SOA   ns.sub hostmaster.sub 7 1 2 3 4
	x.sub        A     192.0.2.7
	1.2.0.192.in-addr.arpa. SOA ns.example. hostmaster.example. 1 1 1 1 1
	1.2.0.192.in-addr.arpa. PTR www
`

// start starts the server and closes it when the test ends.
func start(t *testing.T, s *Server) *Server {
	t.Helper()
	if err := s.Start(); err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// inMemory closes the server when the test ends.
func inMemory(t *testing.T, s *Server) *Server {
	t.Helper()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// query packs a question. udpSize is offered by EDNS0 unless it is 0.
func query(t *testing.T, id uint16, name string, typ dnsmessage.Type, udpSize int) []byte {
	t.Helper()
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: typ, Class: dnsmessage.ClassINET}},
	}
	if udpSize > 0 {
		var h dnsmessage.ResourceHeader
		if err := h.SetEDNS0(udpSize, 0, false); err != nil {
			t.Fatalf("EDNS0 of %d bytes: %v", udpSize, err)
		}
		m.Additionals = []dnsmessage.Resource{{Header: h, Body: &dnsmessage.OPTResource{}}}
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatalf("pack a query for %s: %v", name, err)
	}
	return b
}

// dial dials the server in memory.
func dial(t *testing.T, s *Server, network, addr string) net.Conn {
	t.Helper()
	c, err := s.Dial(context.Background(), network, addr)
	if err != nil {
		t.Fatalf("dial %s %s: %v", network, addr, err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// ask sends a query as one datagram and returns the answer.
func ask(t *testing.T, c net.Conn, q []byte) dnsmessage.Message {
	t.Helper()
	if _, err := c.Write(q); err != nil {
		t.Fatalf("write a query: %v", err)
	}
	return unpack(t, receive(t, c))
}

// receive reads one datagram.
func receive(t *testing.T, c net.Conn) []byte {
	t.Helper()
	b := make([]byte, maxMessage)
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatalf("set a deadline: %v", err)
	}
	n, err := c.Read(b)
	if err != nil {
		t.Fatalf("read a datagram: %v", err)
	}
	return b[:n]
}

func unpack(t *testing.T, b []byte) dnsmessage.Message {
	t.Helper()
	var m dnsmessage.Message
	if err := m.Unpack(b); err != nil {
		t.Fatalf("unpack %x: %v", b, err)
	}
	return m
}

// framed is a message as streams carry it.
func framed(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

// receiveFramed reads one message of a stream.
func receiveFramed(t *testing.T, c net.Conn) []byte {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatalf("set a deadline: %v", err)
	}
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		t.Fatalf("read a length: %v", err)
	}
	b := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, b); err != nil {
		t.Fatalf("read a message: %v", err)
	}
	return b
}
