package dnsx

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func TestHostName(t *testing.T) {
	long := strings.Repeat("abcdefg.", 31) + "abcde" // 253 characters
	for host, want := range map[string]string{
		"a": "a", "A.B.": "a.b", "a_b": "a_b", "_sip._tcp.x": "_sip._tcp.x", "3com": "3com", "xn--bcher-kva": "xn--bcher-kva",
		"bücher": "xn--bcher-kva", "Bücher.Example.": "xn--bcher-kva.example", "a。b": "a.b", "faß.example": "xn--fa-hia.example",
		"ｗｗｗ.example": "www.example", "_sip._tcp.bücher.example": "_sip._tcp.xn--bcher-kva.example", "K.example": "k.example",
		"日本語": "xn--wgv71a119e", long: long, long + ".": long, strings.Repeat("a", 63): strings.Repeat("a", 63), "1.2.3.4a": "1.2.3.4a",
	} {
		got, rooted, err := hostName(host)
		if got != want || err != nil || rooted != strings.HasSuffix(host, ".") {
			t.Errorf("hostName(%q) = %q, rooted %v, %v, want %q", host, got, rooted, err, want)
		}
	}
	for _, host := range []string{
		"", ".", "..", ".a", "a..b", "a..", "-a", "a-", "a b", "a/b", "a:b", "a*b", "1.2.3", "1", "a\x00", "\xff", "\xc3", long + "f",
		strings.Repeat("a", 64), strings.Repeat("ü", 60), "a\u200db", "\u00ad", "xn--\u00fc", "a\ufffdb", "_ü", "ü_", strings.Repeat("ü.", 4000),
	} {
		if got, _, err := hostName(host); err == nil {
			t.Errorf("hostName(%q) = %q, want an error", host, got)
		}
	}
}

func TestRecordName(t *testing.T) {
	for name, want := range map[string]string{
		".": "", "example.": "example", "*.Example": "*.example", "0/25.2.0.192.in-addr.arpa": "0/25.2.0.192.in-addr.arpa",
		"-a.b": "-a.b", "10": "10",
	} {
		if got, err := recordName(name); got != want || err != nil {
			t.Errorf("recordName(%q) = %q, %v, want %q", name, got, err, want)
		}
	}
	for _, name := range []string{"", "a..b", "a b", "a\\.b", "a\n", ".a"} {
		if got, err := recordName(name); err == nil {
			t.Errorf("recordName(%q) = %q, want an error", name, got)
		}
	}
}

func TestSpecialNames(t *testing.T) {
	for name, want := range map[string][2]bool{
		"localhost": {true, false}, "a.localhost": {true, false}, "alocalhost": {}, "localhost.a": {},
		"invalid": {false, true}, "a.invalid": {false, true}, "onion": {false, true}, "x.y.onion": {false, true}, "onions": {}, "monion": {},
	} {
		if isLocalhost(name) != want[0] || isNowhere(name) != want[1] {
			t.Errorf("%s: localhost %v, nowhere %v, want %v", name, isLocalhost(name), isNowhere(name), want)
		}
	}
}

// Whatever hostName takes, it takes again, unchanged, and it fits into a
// message.
func FuzzName(f *testing.F) {
	for _, s := range []string{
		"www.example.com.", "bücher.example", "_sip._tcp.ü", "a。b", "xn--bcher-kva", "١.٢", "a\u0308.b", "1.2.3.4", "::1", "fe80::1%eth0", "-", ".",
		"א.example", "a\u200cb", strings.Repeat("abcdefg.", 31) + "abcde",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if a, ok := literal(s); ok != (net.ParseIP(strings.Split(s, "%")[0]) != nil && isAddr(s)) || ok && a.Is4In6() {
			t.Errorf("literal(%q) = %v, %v, want an address exactly if package net takes it for one", s, a, ok)
		}
		for _, fn := range []func(string) (string, error){
			recordName,
			func(s string) (string, error) { n, _, err := hostName(s); return n, err },
		} {
			name, err := fn(s)
			if err != nil {
				continue
			}
			again, err := fn(name + ".")
			if err != nil || again != name {
				t.Errorf("%q became %q, and that %q, %v, want it unchanged", s, name, again, err)
			}
			n, err := dnsmessage.NewName(name + ".")
			if err != nil {
				t.Fatalf("NewName of the valid name %q: %v", name, err)
			}
			b := dnsmessage.NewBuilder(nil, dnsmessage.Header{})
			b.StartQuestions()
			if err := b.Question(dnsmessage.Question{Name: n, Type: 1, Class: 1}); err != nil {
				t.Errorf("a question with the valid name %q: %v", name, err)
			}
		}
	})
}

// isAddr reports whether s is an address for netip.
func isAddr(s string) bool { _, err := netip.ParseAddr(s); return err == nil }
