package dnsserver

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func TestZoneErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		zone string
		line int
		says string
	}{
		{"x. A", 1, "A of x.: want A ADDRESS, got 0 arguments"},
		{"\n\nx. A 192.0.2", 3, `"192.0.2" is not an IP address`},
		{"x. A 2001:db8::1", 1, "AAAA is for IPv6"},
		{"x. AAAA 192.0.2.1", 1, "A is for IPv4"},
		{"x. AAAA fe80::1%eth0", 1, "is not an IP address"},
		{"x. HINFO a b", 1, `unknown type "HINFO": want one of A AAAA CAA CNAME HTTPS MX NS PTR SOA SRV SVCB TXT`},
		{"x.", 1, "x. has no type"},
		{"x. 300 IN", 1, "x. has no type"},
		{"x. 3x A 192.0.2.1", 1, `unknown type "3x"`},
		{"x. 99999999999 A 192.0.2.1", 1, `unknown type "99999999999"`},
		{"$TTL 1y", 1, `"1y" is not a time`},
		{"$TTL 4294967296", 1, "is not a time"},
		{"$TTL 1h 2h", 1, "$TTL takes one argument, got 2"},
		{"$ORIGIN", 1, "$ORIGIN takes one argument"},
		{"$INCLUDE f", 1, `unknown directive "$INCLUDE"`},
		{"$ORIGIN a..b.", 1, "a label of 0 bytes"},
		{"x\\.y. A 192.0.2.1", 1, "escapes in names are not supported"},
		{strings.Repeat("x", 64) + ". A 192.0.2.1", 1, "a label of 64 bytes"},
		{strings.Repeat("x.", 128) + " A 192.0.2.1", 1, "has 256 bytes"},
		{"\"\" A 192.0.2.1", 1, "a name is empty"},
		{"x. CNAME y.\nx. A 192.0.2.1", 2, "a CNAME must be the only record"},
		{"x. A 192.0.2.1\nx. CNAME y.", 2, "a CNAME must be the only record"},
		{"x. CNAME y.\nx. CNAME z.", 2, "x. has two CNAME records"},
		{". SOA a. b. 1 1 1 1 1\n. SOA a. b. 1 1 1 1 1", 2, ". has two SOA records"},
		{"x. SOA a. b. 1 1 1 1", 1, "want SOA SERVER MAILBOX SERIAL REFRESH RETRY EXPIRE MINIMUM, got 6 arguments"},
		{"x. SOA a. b. 1 1 one 1 1", 1, `"one" is not a time`},
		{"x. MX 65536 y.", 1, `preference "65536" is not a number from 0 to 65535`},
		{"x. SRV 1 2 x y.", 1, `port "x" is not a number`},
		{"x. TXT", 1, "want TXT"},
		{"x. TXT " + strings.Repeat("x", 256), 1, "a string of 256 bytes"},
		{"x. TXT \"a", 1, "does not end on its line"},
		{"x. TXT \"a\\", 1, "does not end on its line"},
		{"x. TXT \"\\256\"", 1, `\256 is not a byte`},
		{"x. TXT (\n\"a\"\n", 1, "never closed"},
		{"x. TXT (\n( \"a\" ))", 2, "unexpected '('"},
		{"x. TXT \"a\" )", 1, "unexpected ')'"},
		{"x. CAA 256 issue y", 1, `flags "256" is not a number`},
		{"x. CAA 0 \"\" y", 1, "a tag of 0 bytes"},
		{"x. CAA 0 issue", 1, "want CAA FLAGS TAG"},
		{"x. HTTPS 1", 1, "want HTTPS PRIORITY TARGET [KEY=VALUE]..."},
		{"x. HTTPS 1 . alpn", 1, "a protocol of 0 bytes"},
		{"x. HTTPS 1 . port=http", 1, `"http" is not a port`},
		{"x. HTTPS 1 . port=1 port=2", 1, "parameter port occurs twice"},
		{"x. HTTPS 1 . what=1", 1, `unknown parameter "what"`},
		{"x. HTTPS 1 . key65536=1", 1, "unknown parameter"},
		{"x. HTTPS 1 . no-default-alpn=1", 1, "it takes no value"},
		{"x. HTTPS 1 . ipv4hint=::1", 1, "is not an address of the family"},
		{"x. HTTPS 1 . ech=*", 1, "illegal base64"},
		{"x. HTTPS 1 . mandatory=what", 1, "unknown parameter"},
		{"x. SVCB 1 . dohpath=" + strings.Repeat("x", 17<<10), 1, "more than 16 KiB"},
		{" A 192.0.2.1\nx. A 192.0.2.1", 1, "the first record has no owner"},
	} {
		_, err := parseZone(tt.zone)
		ze, ok := errors.AsType[*ZoneError](err)
		if !ok {
			t.Errorf("%q: %v, want a *ZoneError", tt.zone, err)
			continue
		}
		if ze.Line != tt.line || !strings.Contains(err.Error(), tt.says) || ze.Unwrap() == nil {
			t.Errorf("%.80q: %v\nwant line %d: %s", tt.zone, err, tt.line, tt.says)
		}
	}
	s := &Server{Zone: "x"}
	if _, ok := errors.AsType[*ZoneError](s.Start()); !ok {
		t.Error("Start with an invalid zone: want a *ZoneError")
	}
	if _, err := s.Dial(t.Context(), "udp", "192.0.2.1:53"); err == nil {
		t.Error("Dial with an invalid zone succeeds, want an error")
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close after a failed Start: %v", err)
	}
}

func TestTTLs(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]uint32{
		"0": 0, "300": 300, "5m": 300, "1h30m": 5400, "1W2d3H4M5s": 788645, "4294967295": 1<<32 - 1, "2147483648": 1 << 31,
	} {
		if got, err := ttl(s); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "h", "1x", "-1", "1h ", "7102w"} {
		if got, err := ttl(s); err == nil {
			t.Errorf("ttl(%q) = %d, want an error", s, got)
		}
	}
}

// A zone that parses has an answer to every question about its names, and the
// answer packs and can be read.
func FuzzZone(f *testing.F) {
	for _, s := range []string{
		zoneText,
		"",
		"; nothing\n\n  ;",
		"$ORIGIN example.\n$TTL 5\nwww A 192.0.2.1\n AAAA ::1\r\n*.w A 192.0.2.1",
		"@ SOA a b 1 1 1 1 1\n* CNAME x.*\nx.* CNAME *",
		"x. TXT (\n\"\\000\\\"\" ; c\n)",
		"x. HTTPS 1 . mandatory=alpn,port alpn=h2 port=1 ech=AAAA key9=\\",
		". NS .\n. MX 0 .\n. 2147483648 IN CAA 0 a \"\"",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		z, err := parseZone(text)
		if err != nil {
			if _, ok := errors.AsType[*ZoneError](err); !ok {
				t.Fatalf("error %v, want a *ZoneError", err)
			}
			return
		}
		for name := range z.nodes {
			for _, typ := range []dnsmessage.Type{
				dnsmessage.TypeA, dnsmessage.TypeSOA, dnsmessage.TypeTXT, dnsmessage.TypeHTTPS, typeCAA,
			} {
				checkAnswer(t, z, name, typ)
			}
		}
	})
}

func checkAnswer(t *testing.T, z *zone, name string, typ dnsmessage.Type) {
	t.Helper()
	q := Query{
		Name: name, Type: typ, Transport: UDP, UDPSize: 1232,
		question: &dnsmessage.Question{Name: dnsmessage.MustNewName(name), Type: typ, Class: dnsmessage.ClassINET},
	}
	b, err := pack(z.answer(&q, 0), &q, 1232)
	if err != nil {
		t.Fatalf("%s %v: pack the answer: %v", name, typ, err)
	}
	var m dnsmessage.Message
	if err := m.Unpack(b); err != nil || len(b) > 1232 {
		t.Fatalf("%s %v: an answer of %d bytes: %v, want a valid one of at most 1232", name, typ, len(b), err)
	}
}
