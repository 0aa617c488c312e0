package dnsx

import (
	"math/bits"
	"net"
	"net/netip"
	"slices"
)

// policy is a row of the policy table.
type policy struct {
	prefix     netip.Prefix
	precedence uint8
	label      uint8
}

// policies is the default policy table of RFC 6724, section 2.1, longest
// prefixes first.
var policies = []policy{
	{netip.MustParsePrefix("::1/128"), 50, 0},
	{netip.MustParsePrefix("::/96"), 1, 3},
	{netip.MustParsePrefix("2001::/32"), 5, 5},
	{netip.MustParsePrefix("2002::/16"), 30, 2},
	{netip.MustParsePrefix("3ffe::/16"), 1, 12},
	{netip.MustParsePrefix("fec0::/10"), 1, 11},
	{netip.MustParsePrefix("fc00::/7"), 3, 13},
	{netip.MustParsePrefix("::/0"), 40, 1},
}

// policy4 is the row of IPv4 addresses: ::ffff:0:0/96.
var policy4 = policy{precedence: 35, label: 4}

// policyOf returns the row of an address.
func policyOf(a netip.Addr) policy {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		for _, p := range policies {
			if p.prefix.Contains(a) {
				return p
			}
		}
	}
	return policy4
}

// scope is the scope of an address (RFC 6724, section 3.1), with the numbers of
// RFC 4291, section 2.7.
type scope uint8

const (
	scopeInterfaceLocal scope = 0x1
	scopeLinkLocal      scope = 0x2
	scopeAdminLocal     scope = 0x4
	scopeSiteLocal      scope = 0x5
	scopeOrgLocal       scope = 0x8
	scopeGlobal         scope = 0xe
)

var siteLocal = netip.MustParsePrefix("fec0::/10")

// scopeOf returns the scope of an address. Loopback addresses have link-local
// scope (RFC 4007, section 4; RFC 6724, section 3.2 for IPv4).
func scopeOf(a netip.Addr) scope {
	a = a.Unmap().WithZone("")
	switch {
	case a.IsLoopback(), a.IsLinkLocalUnicast():
		return scopeLinkLocal
	case a.Is6() && a.IsMulticast():
		return scope(a.As16()[1] & 0xf)
	case siteLocal.Contains(a):
		return scopeSiteLocal
	}
	return scopeGlobal
}

// destination is an address to be sorted.
type destination struct {
	addr, source   netip.Addr
	policy         policy
	scope          scope
	usable         bool // there is a source address
	scopesMatch    bool
	labelsMatch    bool
	commonWithSrc  int  // bits of the common prefix
	hasCommonCount bool // rule 9 applies
}

// newDestination prepares an address for comparison.
func newDestination(a, source netip.Addr) destination {
	d := destination{addr: a, source: source, policy: policyOf(a), scope: scopeOf(a), usable: source.IsValid()}
	if d.usable {
		d.scopesMatch = d.scope == scopeOf(source)
		d.labelsMatch = d.policy.label == policyOf(source).label
		d.commonWithSrc = commonPrefix(a, source)
	}
	d.hasCommonCount = a.Is6() && !a.Is4In6()
	return d
}

// compare compares destinations by RFC 6724, section 6. Rules 3, 4 and 7 need
// knowledge that only the system has, and are left out. Rule 9 is not applied
// to IPv4: there, a long common prefix does not mean a short path.
func (d *destination) compare(e *destination) int {
	if c := first(d.usable, e.usable); c != 0 || !d.usable { // rule 1
		return c
	}
	if c := first(d.scopesMatch, e.scopesMatch); c != 0 { // rule 2
		return c
	}
	if c := first(d.labelsMatch, e.labelsMatch); c != 0 { // rule 5
		return c
	}
	// rule 6
	if c := int(e.policy.precedence) - int(d.policy.precedence); c != 0 {
		return c
	}
	if c := int(d.scope) - int(e.scope); c != 0 { // rule 8
		return c
	}
	if d.hasCommonCount && e.hasCommonCount { // rule 9
		return e.commonWithSrc - d.commonWithSrc
	}
	return 0 // rule 10
}

// first puts the one first for which a condition holds.
func first(d, e bool) int {
	switch {
	case d == e:
		return 0
	case d:
		return -1
	}
	return 1
}

// commonPrefix returns the length of the common prefix of two addresses, at
// most 64 bits, and 0 for different families (RFC 6724, section 2.2).
func commonPrefix(a, b netip.Addr) int {
	a, b = a.Unmap(), b.Unmap()
	if a.BitLen() != b.BitLen() {
		return 0
	}
	x, y := a.AsSlice(), b.AsSlice()
	for i := range min(len(x), 8) {
		if x[i] != y[i] {
			return 8*i + bits.LeadingZeros8(x[i]^y[i])
		}
	}
	return 8 * min(len(x), 8)
}

// maxSources is the number of addresses of an answer for which the system is
// asked for a source address.
const maxSources = 64

// sortAddrs sorts addresses in the order in which they should be tried. source
// returns the source address for a destination, or an invalid one if there is
// no route. After maxSources addresses, the last source of the family is used.
func sortAddrs(addrs []netip.Addr, source func(netip.Addr) netip.Addr) {
	if len(addrs) < 2 {
		return
	}
	list := make([]destination, len(addrs))
	var last [2]netip.Addr
	for i, a := range addrs {
		family := a.BitLen() / 128
		if i < maxSources {
			last[family] = source(a)
		}
		list[i] = newDestination(a, last[family])
	}
	slices.SortStableFunc(list, func(d, e destination) int { return d.compare(&e) })
	for i := range list {
		addrs[i] = list[i].addr
	}
}

// sourceOf returns the address from which the system would send to a. It
// connects a UDP socket, which sends nothing.
func sourceOf(a netip.Addr) netip.Addr {
	if !a.IsValid() {
		return netip.Addr{}
	}
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 53)))
	if err != nil {
		return netip.Addr{}
	}
	defer c.Close()
	if u, ok := c.LocalAddr().(*net.UDPAddr); ok {
		return u.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
