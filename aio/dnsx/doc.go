// Package dnsx looks up names: as futures, by a stub resolver of its own that
// remembers answers, asks each question once for all who want to know, and is
// told wrong answers only by who could tell right ones.
//
// # Usage
//
//	a, err := dnsx.Lookup(ctx, "www.example.com").Await(ctx)
//	// a.Addrs, in the order to try them; a.TTL, a.CNAME, a.Source ...
//
//	v6 := dnsx.LookupFamily(ctx, "www.example.com", dnsx.V6)
//	names := dnsx.Reverse(ctx, netip.MustParseAddr("192.0.2.1"))
//	mail := dnsx.Query[dnsx.MX](ctx, "example.com")
//
// These go by the system's configuration. A [Resolver] has servers, limits and
// sources of its own, and the same operations as methods; [QueryWith] is Query
// by a Resolver. It has the methods of [net.Resolver] too, which wait, and
// [Resolver.Net] is a *net.Resolver that shares its cache, for code that takes
// nothing else.
//
// A lookup goes through these, and ends with the first that knows:
//
//  1. IP addresses, with or without a zone, are their own answer. localhost and
//     what is below it is the loopback addresses (RFC 6761); names in invalid
//     and onion do not exist (RFC 6761, RFC 7686). Nobody is asked.
//  2. The hosts file. A name that is there is there for both families.
//  3. The cache and the servers, for each name that the search list makes of
//     the host: A and AAAA at once, by one query for all who ask the same at
//     that time. The search list ends at the first name that has an address,
//     and at the first failure: that a server is down must not lead to another
//     host.
//  4. Addresses are put into the order of RFC 6724.
//
// Names that are not ASCII are converted by IDNA (UTS 46). Names without a dot
// at the end are subject to the search list, those of Query and Reverse are
// not. Names come back without the dot at their end, and records whose names
// could not be asked for do not come back at all.
//
// The system's configuration is resolv.conf (nameserver, domain, search,
// options ndots, timeout, attempts, rotate, use-vc, trust-ad, single-request,
// no-reload; EDNS(0) is always used), LOCALDOMAIN, RES_OPTIONS, and
// nsswitch.conf or OpenBSD's lookup for the order of hosts file and DNS. They
// and the hosts file are looked at again when a lookup comes, at most every 5
// s. Where nsswitch.conf names other sources, and on macOS, Windows and
// Android, hosts are looked up by the system's own resolver through package
// net, whose answers are kept for 5 s. Set Resolver.Servers to go by DNS
// everywhere.
//
// What was found is handed out again without any work for up to 5 s, in the
// order it was put into then: a name that is known costs a few hundred
// nanoseconds. All answers to a question share their slices: do not change what
// they hold.
//
// # Cancellation
//
// A future that is cancelled, or whose ctx ends, fails with an [*Error] of
// KindCancelled that unwraps to the cause and is no [aio.ErrDNS]. Its query
// goes on as long as others wait for it, and is cancelled with the last of
// them. A lookup takes at most 10 s in all (Resolver.Timeout), and fails as an
// [aio.ErrTimeout] then. What is known is handed out even if ctx is dead.
//
// # Backpressure
//
// Any number of lookups may be under way. At most 64 queries of a loop are with
// one server at once, the others wait for their turn within their time. Cache
// and answers ready are bounded by Resolver.CacheSize.
//
// # Shutdown
//
// Lookups hold the loop open and go on while it drains, as what asked for them
// may need them. They end when it is cancelled. A Resolver serves many loops,
// one after the other or at once, and has nothing to be closed: its queries and
// kept connections belong to the loops of those who asked, and end with these.
//
// # Errors and panics
//
// A lookup fails with an *Error: its Kind says why, errors.Is knows it as
// aio.ErrDNS and, where it is one, as aio.ErrTimeout, and errors.As finds a
// [*net.DNSError] in it. KindNotFound stands for names that do not exist and
// for those without such addresses or records. Without a loop in ctx everything
// fails with [aio.ErrNoLoop], the waiting methods too, but for LookupPort. The
// error of a lookup that nobody looks at is a lost error: see package aio.
// Nothing here panics on what a server sends, or on names of any kind.
//
// # Limitations
//
//   - No DNSSEC validation of its own. Resolver.TrustAD passes on what a server
//     says.
//   - No multicast DNS but by the system's resolver.
//   - The order of addresses does not know which of the machine's own addresses
//     are deprecated, or reached by a tunnel (rules 3, 4 and 7 of RFC 6724).
//   - The system's resolver cannot be stopped: a lookup that is cancelled ends,
//     but the call into the C library may last longer. It does not look up SOA,
//     CAA, HTTPS and SVCB either, for which servers are asked if resolv.conf
//     has any.
//   - When one of two families cannot be looked up, the answer has the other's
//     addresses, and is not kept.
package dnsx
