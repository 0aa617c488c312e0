// Package dnsx implements a caching DNS stub resolver. Lookups return
// futures. Lookups of the same name share one query. Only the servers that
// the resolver asks can mislead it: it ignores what others send.
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
// These functions use the system's configuration. A [Resolver] has the same
// operations as methods, and can be given servers, limits and sources;
// [QueryWith] is Query with a Resolver. A Resolver also has the methods of
// [net.Resolver], which block until the lookup is done. [Resolver.Net]
// returns a *net.Resolver that shares the cache, for code that takes only
// that type.
//
// A lookup uses these sources in order, until one has an answer:
//
//  1. An IP address, with or without a zone, is its own answer. localhost and
//     the names below it have the loopback addresses (RFC 6761). Names in
//     invalid and onion do not exist (RFC 6761, RFC 7686).
//  2. The hosts file. If it has a name for one address family only, there are
//     no addresses of the other.
//  3. The cache and the servers, for each name that the search list makes of
//     the host. A and AAAA are asked for at the same time. The search ends at
//     the first name that has an address, and at the first failure, because the
//     next name may be another host.
//
// The addresses are sorted by RFC 6724.
//
// Names that are not ASCII are converted by IDNA (UTS 46). The search list
// applies to hosts without a trailing dot, but not to Query and Reverse. Names
// in answers have no trailing dot. Records with names that are not valid in
// queries are left out.
//
// The system's configuration consists of resolv.conf (nameserver, domain,
// search, and the options ndots, timeout, attempts, rotate, use-vc, trust-ad,
// single-request and no-reload; EDNS(0) is always used), the environment
// variables LOCALDOMAIN and RES_OPTIONS, and the order of hosts file and DNS in
// nsswitch.conf or OpenBSD's resolv.conf. A lookup reads these files and the
// hosts file again if they have changed and were last checked 5 s ago or
// earlier. If resolv.conf then names other servers, the cache is emptied, and
// later questions do not wait for answers of the old servers. Where
// nsswitch.conf names other sources, and on macOS, Windows and Android, hosts
// are looked up by the system's resolver through package net, and its answers
// are kept for 5 s. Set Resolver.Servers to use DNS on every system.
//
// Answers are kept ready for up to 5 s, with their addresses in order: looking
// up a known name takes a few hundred nanoseconds. Answers to the same question
// share their slices, which must not be changed.
//
// # Cancellation
//
// A future that is cancelled, or whose ctx ends, fails with an [*Error] of
// KindCancelled, which unwraps to the cause and is not an [aio.ErrDNS]. Its
// query is cancelled when no other lookup waits for it. A lookup takes at most
// Resolver.Timeout, 10 s by default, and then fails with an [aio.ErrTimeout].
// An answer that is known already is returned even if ctx has ended.
//
// # Backpressure
//
// The number of lookups is unbounded. At most 64 queries of a loop are sent to
// one server at a time. Others wait for their turn, which counts toward their
// timeout. Resolver.CacheSize bounds the cache and the answers kept ready.
//
// # Shutdown
//
// Lookups hold the loop open. They go on while it drains, since work in
// progress may need them, and end when it is cancelled. A Resolver can be used
// by many loops, also at the same time. It needs no closing: its queries and
// idle connections belong to the loop of the lookup that started them, and end
// with that loop.
//
// # Errors and panics
//
// A lookup fails with an *Error. Its Kind says why. It matches aio.ErrDNS and,
// if it is a timeout, aio.ErrTimeout, and errors.As finds a [*net.DNSError] in
// it. KindNotFound covers names that do not exist and names without addresses
// or records of the type. Without a loop in ctx, all lookups fail with
// [aio.ErrNoLoop], including the methods that wait, except LookupPort. The
// error of a future that is never looked at is a lost error: see package aio.
// No name and no message from a server causes a panic.
//
// # Limitations
//
//   - The resolver does not validate DNSSEC. Resolver.TrustAD reports what a
//     server says about it.
//   - Only the system's resolver supports multicast DNS.
//   - Rules 3, 4 and 7 of RFC 6724 are not applied: the resolver does not know
//     which of the machine's addresses are deprecated or reached by a tunnel.
//   - A call of the system's resolver into the C library cannot be interrupted.
//     A lookup that is cancelled ends, and the call may last longer. The
//     system's resolver does not look up SOA, CAA, HTTPS and SVCB: for these,
//     the servers in resolv.conf are asked, if there are any.
//   - If one of two families cannot be looked up, the answer has the addresses
//     of the other, and is not kept.
package dnsx
