package dnsserver

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// brief is what matters of an answer, one record a line.
func brief(m dnsmessage.Message) string {
	lines := []string{strings.TrimPrefix(m.RCode.String(), "RCode")}
	for _, r := range m.Answers {
		lines = append(lines, record1(r))
	}
	for _, r := range m.Authorities {
		lines = append(lines, "soa "+record1(r))
	}
	return strings.Join(lines, "; ")
}

// record1 is a record on one line.
func record1(r dnsmessage.Resource) string {
	body := fmt.Sprintf("%v", r.Body)
	switch b := r.Body.(type) {
	case *dnsmessage.AResource:
		body = fmt.Sprint(b.A)
	case *dnsmessage.AAAAResource:
		body = fmt.Sprintf("%x", b.AAAA)
	case *dnsmessage.CNAMEResource:
		body = b.CNAME.String()
	case *dnsmessage.NSResource:
		body = b.NS.String()
	case *dnsmessage.PTRResource:
		body = b.PTR.String()
	case *dnsmessage.MXResource:
		body = fmt.Sprint(b.Pref, b.MX)
	case *dnsmessage.TXTResource:
		body = fmt.Sprintf("%q", b.TXT)
	case *dnsmessage.SRVResource:
		body = fmt.Sprint(b.Priority, b.Weight, b.Port, b.Target)
	case *dnsmessage.SOAResource:
		body = fmt.Sprint(b.NS, b.MBox, b.Serial, b.Refresh, b.Retry, b.Expire, b.MinTTL)
	case *dnsmessage.UnknownResource:
		body = fmt.Sprintf("%q", b.Data)
	case *dnsmessage.HTTPSResource:
		body = binding(&b.SVCBResource)
	case *dnsmessage.SVCBResource:
		body = binding(b)
	}
	return fmt.Sprintf("%v %d %s %s", r.Header.Name, r.Header.TTL, typeName(r.Header.Type), body)
}

func binding(r *dnsmessage.SVCBResource) string {
	s := fmt.Sprint(r.Priority, r.Target)
	for _, p := range r.Params {
		s += fmt.Sprintf(" %v=%q", p.Key, p.Value)
	}
	return s
}

const soa = "soa example. 3600 SOA ns.example. hostmaster.example. 1 7200 900 1209600 60"

var answers = []struct {
	name string
	typ  dnsmessage.Type
	want string
}{
	{"www.example.", dnsmessage.TypeA, "Success; www.example. 300 A [192 0 2 1]; www.example. 300 A [192 0 2 2]"},
	{"wWw.Example.", dnsmessage.TypeAAAA, "Success; wWw.Example. 300 AAAA 20010db8000000000000000000000001"},
	{"mixed.case.example.", dnsmessage.TypeA, "Success; mixed.case.example. 3600 A [192 0 2 5]"},
	{"example.", dnsmessage.TypeSOA, "Success; " + strings.TrimPrefix(soa, "soa ")},
	{"example.", dnsmessage.TypeNS, "Success; example. 3600 NS ns.example."},
	{"mail.example.", dnsmessage.TypeMX, "Success; mail.example. 3600 MX 10 mx.example.net."},
	{"text.example.", dnsmessage.TypeTXT, `Success; text.example. 3600 TXT ["one \"string\"" "another" "\x00;("]`},
	{"_http._tcp.example.", dnsmessage.TypeSRV, "Success; _http._tcp.example. 3600 SRV 10 20 80 www.example."},
	{"example.", typeCAA, `Success; example. 3600 CAA "\x00\x05issueca.example.net; account=1"`},
	{
		"svc.example.", dnsmessage.TypeHTTPS,
		`Success; svc.example. 3600 HTTPS 1 . ALPN="\x02h2\x02h3" Port=" \xfb" IPv4Hint="\xc0\x00\x02\x01\xc0\x00\x02\x02" ` +
			`IPv6Hint=" \x01\r\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" 65280="xyz"`,
	},
	{"svc.example.", dnsmessage.TypeSVCB, "Success; svc.example. 3600 SVCB 0 other.example."},
	{"1.2.0.192.in-addr.arpa.", dnsmessage.TypePTR, "Success; 1.2.0.192.in-addr.arpa. 3600 PTR www.example."},

	{
		"twice.example.", dnsmessage.TypeA, "Success; twice.example. 3600 CNAME alias.example.; alias.example. 3600 CNAME www.example.; " +
			"www.example. 300 A [192 0 2 1]; www.example. 300 A [192 0 2 2]",
	},
	{"alias.example.", dnsmessage.TypeCNAME, "Success; alias.example. 3600 CNAME www.example."},
	{"alias.example.", dnsmessage.TypeMX, "Success; alias.example. 3600 CNAME www.example.; " + soa},
	{"lost.example.", dnsmessage.TypeA, "NameError; lost.example. 3600 CNAME nowhere.example.; " + soa},
	{"away.example.", dnsmessage.TypeA, "Success; away.example. 3600 CNAME www.elsewhere.test."},
	{"loop.example.", dnsmessage.TypeA, "Success; loop.example. 3600 CNAME pool.example.; pool.example. 3600 CNAME loop.example."},

	{"nowhere.example.", dnsmessage.TypeA, "NameError; " + soa},
	{"v4.example.", dnsmessage.TypeAAAA, "Success; " + soa},
	{"c.example.", dnsmessage.TypeA, "Success; " + soa}, // there is a.b.c
	{"b.c.example.", dnsmessage.TypeA, "Success; " + soa},
	{"www.elsewhere.test.", dnsmessage.TypeA, "Refused"},
	{".", dnsmessage.TypeNS, "Refused"},

	{"x.y.wild.example.", dnsmessage.TypeA, "Success; x.y.wild.example. 3600 A [192 0 2 9]"},
	{"x.y.wild.example.", dnsmessage.TypeAAAA, "Success; " + soa},
	{"there.wild.example.", dnsmessage.TypeA, "Success; " + soa},
	// the closest that exists has no wildcard
	{"x.there.wild.example.", dnsmessage.TypeA, "NameError; " + soa},
	{"wild.example.", dnsmessage.TypeA, "Success; " + soa},
	{"*.wild.example.", dnsmessage.TypeA, "Success; *.wild.example. 3600 A [192 0 2 9]"},

	{"x.sub.example.", dnsmessage.TypeA, "Success; x.sub.example. 3600 A [192 0 2 7]"},
	{"y.sub.example.", dnsmessage.TypeA, "NameError; soa sub.example. 3600 SOA ns.sub.example. hostmaster.sub.example. 7 1 2 3 4"},
	{"www.example.", dnsmessage.TypeALL, "Refused"},
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	s := inMemory(t, &Server{Zone: zoneText})
	c := dial(t, s, "udp", "192.0.2.53:53")
	for i, a := range answers {
		m := ask(t, c, query(t, uint16(i), a.name, a.typ, 0))
		if got := brief(m); got != a.want {
			t.Errorf("%s %v:\n got %s\nwant %s", a.name, a.typ, got, a.want)
		}
		if q := m.Questions; len(q) != 1 || q[0].Name.String() != a.name || q[0].Type != a.typ {
			t.Errorf("%s %v: the answer has the questions %v, want the one asked", a.name, a.typ, q)
		}
		if m.ID != uint16(i) || !m.Response || !m.RecursionAvailable || !m.RecursionDesired {
			t.Errorf("%s %v: header %+v, want a response with ID %d, RD and RA", a.name, a.typ, m.Header, i)
		}
		if m.Authoritative != (m.RCode != dnsmessage.RCodeRefused) {
			t.Errorf("%s %v, code %v: AA is %v, want it unless refused", a.name, a.typ, m.RCode, m.Authoritative)
		}
		if len(m.Additionals) > 0 {
			t.Errorf("%s %v: additional records %v, want none without EDNS0", a.name, a.typ, m.Additionals)
		}
	}
}

// A server that was told nothing knows that nothing exists.
func TestZoneWithoutSOA(t *testing.T) {
	t.Parallel()
	const implied = "soa . 60 SOA ns.invalid. hostmaster.invalid. 1 7200 900 86400 60"
	s := inMemory(t, &Server{Zone: "$TTL 60\nwww.example. A 192.0.2.1"})
	c := dial(t, s, "udp", "192.0.2.53:53")
	for name, want := range map[string]string{
		"www.example.": "Success; www.example. 60 A [192 0 2 1]",
		"example.":     "Success; " + implied,
		"example.org.": "NameError; " + implied,
	} {
		if got := brief(ask(t, c, query(t, 1, name, dnsmessage.TypeA, 0))); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	if err := s.SetZone("www.example. A 192.0.2.2"); err != nil {
		t.Fatalf("SetZone: %v, want no error", err)
	}
	if got := brief(ask(t, c, query(t, 1, "www.example.", dnsmessage.TypeA, 0))); !strings.Contains(got, "192 0 2 2") {
		t.Errorf("www.example after SetZone: %s, want 192.0.2.2", got)
	}
	if err := s.SetZone("www.example. A 192.0.2"); err == nil {
		t.Error("SetZone of an invalid zone succeeds, want an error")
	}
}

// txtZone has TXT records of 100 bytes each for one name.
func txtZone(records int) string {
	return strings.Repeat("big.example. TXT \""+strings.Repeat("x", 87)+"\"\n", records)
}

func TestTruncation(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		records, offer, own int
		truncated           bool
	}{
		{4, 0, 0, false}, // 29 bytes of question, 100 each
		{5, 0, 0, true},
		{5, 600, 0, false},
		{5, 100, 0, true}, // less than 512 counts as 512
		{11, 4096, 0, false},
		{12, 4096, 0, true},
		{12, 4096, 4096, false},
		{12, 1232, 4096, true},
		{5, 4096, 400, true},
	} {
		s := inMemory(t, &Server{Zone: txtZone(tt.records), UDPSize: tt.own})
		m := ask(t, dial(t, s, "udp", "192.0.2.53:53"), query(t, 1, "big.example.", dnsmessage.TypeTXT, tt.offer))
		if m.Truncated != tt.truncated || (len(m.Answers) == 0) != tt.truncated {
			t.Errorf("%+v: truncated %v, %d records, want as the case says", tt, m.Truncated, len(m.Answers))
		}
		if (len(m.Additionals) == 1) != (tt.offer > 0) {
			t.Errorf("%+v: additional records %v, want an OPT record exactly if the query has one", tt, m.Additionals)
		}
		if tt.offer > 0 && int(m.Additionals[0].Header.Class) != s.udpSize() {
			t.Errorf("%+v: the server offers %d bytes, want %d", tt, m.Additionals[0].Header.Class, s.udpSize())
		}
		c := dial(t, s, "tcp", "192.0.2.53:53")
		if _, err := c.Write(framed(query(t, 1, "big.example.", dnsmessage.TypeTXT, 0))); err != nil {
			t.Fatalf("c.Write: %v", err)
		}
		if m := unpack(t, receiveFramed(t, c)); m.Truncated || len(m.Answers) != tt.records {
			t.Errorf("%+v by TCP: truncated %v, %d records, want all", tt, m.Truncated, len(m.Answers))
		}
	}
}

// A message that is longer than messages can be is a server failure.
func TestTooLong(t *testing.T) {
	t.Parallel()
	s := inMemory(t, &Server{Zone: txtZone(700)})
	c := dial(t, s, "tcp", "192.0.2.53:53")
	if _, err := c.Write(framed(query(t, 1, "big.example.", dnsmessage.TypeTXT, 0))); err != nil {
		t.Fatalf("c.Write: %v", err)
	}
	if m := unpack(t, receiveFramed(t, c)); m.RCode != dnsmessage.RCodeServerFailure {
		t.Errorf("%v, want a server failure", m.RCode)
	}
}

// What is no proper query.
func TestBadQueries(t *testing.T) {
	t.Parallel()
	s := inMemory(t, &Server{Zone: zoneText})
	c := dial(t, s, "udp", "192.0.2.53:53")
	good := query(t, 0x1234, "www.example.", dnsmessage.TypeA, 1232)
	change := func(fn func(b []byte) []byte) []byte { return fn(append([]byte(nil), good...)) }
	silent := map[string][]byte{
		"empty":       {},
		"no header":   good[:11],
		"an answer":   change(func(b []byte) []byte { b[2] |= 0x80; return b }),
		"one byte":    {1},
		"a long junk": make([]byte, 11),
	}
	for name, b := range silent {
		if _, err := c.Write(b); err != nil {
			t.Errorf("write %s: %v", name, err)
		}
	}
	for name, tt := range map[string]struct {
		query []byte
		rcode dnsmessage.RCode
	}{
		"cut question":  {good[:20], dnsmessage.RCodeFormatError},
		"cut EDNS":      {good[:len(good)-3], dnsmessage.RCodeFormatError},
		"no question":   {change(func(b []byte) []byte { b[5], b[11] = 0, 0; return b[:12] }), dnsmessage.RCodeFormatError},
		"two questions": {change(func(b []byte) []byte { b[5] = 2; return b }), dnsmessage.RCodeFormatError},
		"two EDNS":      {change(func(b []byte) []byte { b[11] = 2; return append(b, b[len(b)-11:]...) }), dnsmessage.RCodeFormatError},
		"notify":        {change(func(b []byte) []byte { b[2] |= 4 << 3; return b }), dnsmessage.RCodeNotImplemented},
		"class CHAOS":   {change(func(b []byte) []byte { b[28] = 3; return b }), dnsmessage.RCodeRefused},
	} {
		m := ask(t, c, tt.query)
		if m.RCode != tt.rcode || m.ID != 0x1234 || len(m.Answers) > 0 {
			t.Errorf("%s: code %v, ID %#x, %d records, want %v, 0x1234, none", name, m.RCode, m.ID, len(m.Answers), tt.rcode)
		}
	}
	m := ask(t, c, change(func(b []byte) []byte { b[len(b)-5] = 1; return b }))
	if len(m.Additionals) != 1 || m.Additionals[0].Header.ExtendedRCode(m.RCode) != rcodeBadVersion || m.RCode != 0 {
		t.Errorf("EDNS version 1: %+v, want the extended code %d", m, rcodeBadVersion)
	}
}
