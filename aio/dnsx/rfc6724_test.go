package dnsx

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
)

// Facts from RFC 6724, section 10.2, and from Go's own addrselect_test.go.
func TestSortAddrs(t *testing.T) {
	for _, tt := range []struct {
		name           string
		addrs, sources string // a source of "::" stands for none
		want           string
		reverse        bool // the order before does not matter
	}{
		{"matching scope", "2001:db8:1::1 198.51.100.121", "2001:db8:1::2 169.254.13.78", "2001:db8:1::1 198.51.100.121", true},
		{"matching scope", "2001:db8:1::1 198.51.100.121", "fe80::1 198.51.100.117", "198.51.100.121 2001:db8:1::1", true},
		{"precedence", "2001:db8:1::1 10.1.2.3", "2001:db8:1::2 10.1.2.4", "2001:db8:1::1 10.1.2.3", true},
		{"smaller scope", "2001:db8:1::1 fe80::1", "2001:db8:1::2 fe80::2", "fe80::1 2001:db8:1::1", true},
		{"matching label", "2002:c633:6401::1 2001:db8:1::1", "2002:c633:6401::2 fec0::1", "2002:c633:6401::1 2001:db8:1::1", true},
		{"precedence of 6to4", "2002:c633:6401::1 2001:db8:1::1", "2002:c633:6401::2 2001:db8:1::2", "2001:db8:1::1 2002:c633:6401::1", true},
		{"unusable", "2001:db8:1::1 198.51.100.121", ":: 198.51.100.117", "198.51.100.121 2001:db8:1::1", true},
		{"none usable", "2001:db8:1::1 198.51.100.121", ":: ::", "2001:db8:1::1 198.51.100.121", false},
		{"longest prefix", "2001:db8:1::1 2001:db8:3ffe::1", "2001:db8:3f44::2 2001:db8:3f44::2", "2001:db8:3ffe::1 2001:db8:1::1", true},
		{"unique local", "fd00::1 2001:db8::1", "2001:db8:1::2 2001:db8:1::2", "2001:db8::1 fd00::1", true},
		{"loopback", "127.0.0.1 ::1", "127.0.0.1 ::1", "::1 127.0.0.1", true},
		{
			"no prefixes of IPv4", "54.83.193.112 184.72.238.214 23.23.172.185 75.101.148.21 23.23.134.56 23.21.50.150",
			"10.2.3.4 10.2.3.4 10.2.3.4 10.2.3.4 10.2.3.4 10.2.3.4",
			"54.83.193.112 184.72.238.214 23.23.172.185 75.101.148.21 23.23.134.56 23.21.50.150", false,
		},
	} {
		list, sources := addrs(tt.addrs), addrs(tt.sources)
		source := map[netip.Addr]netip.Addr{}
		for i, a := range list {
			if sources[i] != netip.IPv6Unspecified() {
				source[a] = sources[i]
			}
		}
		for range 2 {
			got := slices.Clone(list)
			sortAddrs(got, func(a netip.Addr) netip.Addr { return source[a] })
			if !slices.Equal(got, addrs(tt.want)) {
				t.Errorf("%s: %v became %v, want %s", tt.name, list, got, tt.want)
			}
			if !tt.reverse {
				break
			}
			slices.Reverse(list)
		}
	}
}

// An earlier rule of RFC 6724 outweighs a later one: of two destinations, one
// that a rule prefers comes before one that all later rules prefer.
func TestRuleOrder(t *testing.T) {
	rules := []struct {
		name   string
		prefer func(d *destination)
	}{
		{"1: usable", func(d *destination) { d.usable = true }},
		{"2: matching scope", func(d *destination) { d.scopesMatch = true }},
		{"5: matching label", func(d *destination) { d.labelsMatch = true }},
		{"6: precedence", func(d *destination) { d.policy.precedence++ }},
		{"8: smaller scope", func(d *destination) { d.scope-- }},
		{"9: longest prefix", func(d *destination) { d.commonWithSrc++ }},
	}
	for i, earlier := range rules {
		plain := destination{usable: i > 0, scope: scopeGlobal, hasCommonCount: true}
		preferred, other := plain, plain
		earlier.prefer(&preferred)
		if preferred.compare(&other) >= 0 || other.compare(&preferred) <= 0 {
			t.Errorf("rule %s: it does not decide between two that are equal otherwise, want the preferred one first", earlier.name)
		}
		for _, later := range rules[i+1:] {
			later.prefer(&other)
		}
		if preferred.compare(&other) >= 0 || other.compare(&preferred) <= 0 {
			t.Errorf("rule %s: later rules outweigh it, want the preferred one first", earlier.name)
		}
	}
}

func TestPolicies(t *testing.T) {
	if !slices.IsSortedFunc(policies, func(a, b policy) int { return b.prefix.Bits() - a.prefix.Bits() }) {
		t.Error("the policies are not sorted, want the longest prefixes first")
	}
	for a, want := range map[string][2]uint8{
		"::1": {50, 0}, "2601:645:8002:a500::1": {40, 1}, "127.0.0.1": {35, 4}, "::ffff:8.8.8.8": {35, 4}, "2002::ab12": {30, 2},
		"2001::1": {5, 5}, "fd00::1": {3, 13}, "::2": {1, 3}, "fec0::1": {1, 11}, "3ffe::1": {1, 12}, "fe80::1%eth0": {40, 1},
	} {
		if p := policyOf(netip.MustParseAddr(a)); p.precedence != want[0] || p.label != want[1] {
			t.Errorf("%s: %+v, want %v", a, p, want)
		}
	}
}

func TestScopes(t *testing.T) {
	for a, want := range map[string]scope{
		"127.0.0.1": scopeLinkLocal, "::1": scopeLinkLocal, "169.254.1.2": scopeLinkLocal, "fe80::1%eth0": scopeLinkLocal,
		"fec0::1": scopeSiteLocal, "8.8.8.8": scopeGlobal, "fd00::1": scopeGlobal, "ff01::": scopeInterfaceLocal,
		"ff02::": scopeLinkLocal, "ff04::": scopeAdminLocal, "ff05::": scopeSiteLocal, "ff08::": scopeOrgLocal, "ff0e::": scopeGlobal,
		"224.0.0.0": scopeGlobal, "::ffff:224.2.2.2": scopeGlobal,
	} {
		if got := scopeOf(netip.MustParseAddr(a)); got != want {
			t.Errorf("%s: %x, want %x", a, got, want)
		}
	}
}

func TestCommonPrefix(t *testing.T) {
	for pair, want := range map[[2]string]int{
		{"fe80::1", "fe80::2"}: 64, {"fe81::1", "fe80::2"}: 15, {"127.0.0.1", "fe80::1"}: 0, {"1.2.3.4", "1.2.3.4"}: 32,
		{"1.2.255.255", "1.2.0.0"}: 16, {"1.2.127.255", "1.2.0.0"}: 17, {"1.2.63.255", "1.2.0.0"}: 18, {"1.2.31.255", "1.2.0.0"}: 19,
		{"1.2.3.4", "::ffff:1.2.3.5"}: 31,
	} {
		if got := commonPrefix(netip.MustParseAddr(pair[0]), netip.MustParseAddr(pair[1])); got != want {
			t.Errorf("%v: %d, want %d", pair, got, want)
		}
	}
}

// A server that sends very many addresses does not have the system asked for
// very many sources.
func TestManyAddrs(t *testing.T) {
	var list []netip.Addr
	for i := range 1000 {
		list = append(list, netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i)), netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}))
	}
	n := 0
	sortAddrs(list, func(a netip.Addr) netip.Addr { n++; return a })
	if n > maxSources || list[0].Is4() || !list[999].Is6() || !list[1000].Is4() {
		t.Errorf("2,000 addresses: %d sources were asked for, order %v ... %v %v, want at most %d, and IPv6 first", n, list[0], list[999], list[1000], maxSources)
	}
}

func TestSourceOf(t *testing.T) {
	if a := sourceOf(netip.MustParseAddr("127.0.0.1")); !a.Is4() || !a.IsLoopback() {
		t.Errorf("sourceOf(127.0.0.1) = %v, want a loopback address", a)
	}
	if a := sourceOf(netip.Addr{}); a.IsValid() {
		t.Errorf("sourceOf of the zero address = %v, want none", a)
	}
}
