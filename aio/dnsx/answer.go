package dnsx

import (
	"net/netip"
	"slices"
	"time"
)

// Answer is what a name was found to be. Answers to the same question share
// their slices: do not change what they hold.
type Answer struct {
	// Host is the name, as it was asked for.
	Host string
	// Addrs are the addresses, at least one, in the order in which they should
	// be tried. IPv4 addresses are such (netip.Addr.Is4), not mapped into IPv6.
	Addrs []netip.Addr
	// CNAME is the canonical name: the last of Chain or, without one, the name
	// that was found, which the search list may have completed. It is "" for a
	// literal, and where the system's resolver does not tell.
	CNAME string
	// Chain has the canonical names that led from the name to its addresses, in
	// order, without trailing dots. It is empty if the name is canonical
	// itself.
	Chain []string
	// TTL is how long the answer may be kept from now on. It is 0 where nobody
	// says: for literals, the hosts file and the system's resolver; and for
	// stale answers.
	TTL time.Duration
	// Source says where the answer came from. Where the two families came from
	// different places, it is the one further away.
	Source Source
	// Authenticated says that the server validated the answer by DNSSEC, and
	// that this is to be believed: see Resolver.TrustAD.
	Authenticated bool
	// Stale says that the answer had ended when it was given, because no server
	// could be asked (RFC 8767).
	Stale bool
}

// Family says which addresses a lookup is for.
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

// has reports whether addresses like a are wanted.
func (f Family) has(a netip.Addr) bool {
	switch f {
	case V4:
		return a.Is4()
	case V6:
		return a.Is6()
	}
	return true
}

// pick returns those of addrs that are wanted, in a slice of its own.
func (f Family) pick(addrs []netip.Addr) []netip.Addr {
	list := make([]netip.Addr, 0, len(addrs))
	for _, a := range addrs {
		if f.has(a) {
			list = append(list, a)
		}
	}
	return list
}

// arrange puts addresses in order.
func (f Family) arrange(addrs []netip.Addr, source func(netip.Addr) netip.Addr) {
	sortAddrs(addrs, source)
	if f == PreferV4 || f == PreferV6 {
		slices.SortStableFunc(addrs, func(a, b netip.Addr) int {
			return first(a.Is4() == (f == PreferV4), b.Is4() == (f == PreferV4))
		})
	}
}

// farther returns the source of an answer made of two replies.
func farther(a, b Source) Source {
	rank := func(s Source) int { return slices.Index([]Source{0, SourceCache, SourceServer, SourceStale}, s) }
	if rank(b) > rank(a) {
		return b
	}
	return a
}
