package dnsx

import (
	"net/netip"
	"slices"
	"time"
)

// Answer holds the addresses of a host. Answers to the same question share
// their slices, which must not be changed.
type Answer struct {
	// Host is the host as given to Lookup.
	Host string
	// Addrs holds the addresses in the order in which they should be tried.
	// There is at least one. IPv4 addresses are not mapped into IPv6.
	Addrs []netip.Addr
	// CNAME is the canonical name: the last name in Chain or, if Chain is
	// empty, the name that has the addresses, which the search list may have
	// completed. It is "" for an IP address and in answers of the system's
	// resolver.
	CNAME string
	// Chain holds the canonical names (CNAME records) that lead from the name
	// to its addresses, in order, without trailing dots. It is empty if the
	// name itself is canonical.
	Chain []string
	// TTL is how long the answer may be kept, from the time when it was
	// returned. An answer that was known already may have it in whole seconds,
	// rounded down. It is 0 for IP addresses, localhost, the hosts file, the
	// system's resolver and stale answers.
	TTL time.Duration
	// Source says where the answer came from. If the addresses of the two
	// families have different sources, it is the stale one or, if none is
	// stale, the server.
	Source Source
	// Authenticated reports that the server has validated the answer by DNSSEC.
	// It is set only if Resolver.TrustAD is.
	Authenticated bool
	// Stale reports that the answer had expired, and was returned because no
	// server answered (RFC 8767).
	Stale bool
}

// Family says which addresses a lookup returns.
type Family uint8

// The families. The zero Family is Any.
const (
	Any      Family = iota // both, in the order of RFC 6724
	V4                     // IPv4 only
	V6                     // IPv6 only
	PreferV4               // both, IPv4 first
	PreferV6               // both, IPv6 first
)

var families = [...]string{"any", "ipv4", "ipv6", "prefer ipv4", "prefer ipv6"}

// String returns "any", "ipv4", "ipv6", "prefer ipv4" or "prefer ipv6".
func (f Family) String() string {
	if int(f) < len(families) {
		return families[f]
	}
	return "unknown"
}

// has reports whether the family includes a.
func (f Family) has(a netip.Addr) bool {
	switch f {
	case V4:
		return a.Is4()
	case V6:
		return a.Is6()
	}
	return true
}

// pick returns a new slice with the addresses that the family includes.
func (f Family) pick(addrs []netip.Addr) []netip.Addr {
	list := make([]netip.Addr, 0, len(addrs))
	for _, a := range addrs {
		if f.has(a) {
			list = append(list, a)
		}
	}
	return list
}

// arrange sorts addresses. source returns the source address for a destination.
func (f Family) arrange(addrs []netip.Addr, source func(netip.Addr) netip.Addr) {
	sortAddrs(addrs, source)
	if f == PreferV4 || f == PreferV6 {
		slices.SortStableFunc(addrs, func(a, b netip.Addr) int {
			return first(a.Is4() == (f == PreferV4), b.Is4() == (f == PreferV4))
		})
	}
}

// farther returns the source of an answer made of replies from a and b.
func farther(a, b Source) Source {
	rank := func(s Source) int { return slices.Index([]Source{0, SourceCache, SourceServer, SourceStale}, s) }
	if rank(b) > rank(a) {
		return b
	}
	return a
}
