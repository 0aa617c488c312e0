// Package dnsserver is a DNS server in the program itself, authoritative for
// what a few lines of text say: for tests of resolvers, and for examples that
// work offline. It can do wrong whatever a server in the network can do wrong.
// Tests reach it as aiotest.DNS; this package does not need package testing, so
// a program may link it.
//
// # Usage
//
//	s := &dnsserver.Server{Zone: `
//		www.example.  A    192.0.2.1
//		www.example.  AAAA 2001:db8::1
//	`}
//	if err := s.Start(); err != nil {
//		return err
//	}
//	defer s.Close()
//	// s.Addr() is "127.0.0.1:PORT", for UDP and TCP.
//
// [Server.Start] listens on loopback. [Server.Dial] connects in memory, without
// Start, also inside a synctest bubble:
//
//	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
//		return s.Dial(ctx, network, "192.0.2.53:53")
//	}}
//
// DNS over TLS and over HTTPS have [Server.TLSAddr] and [Server.URL] on
// loopback, ports 853 and 443 in memory, and a certificate that
// [Server.ClientTLS] trusts.
//
// [Server.Count] and [Server.Queries] tell what was asked. [Server.SetFault]
// makes the server misbehave, for some queries or for all:
//
//	s.SetFault(dnsserver.Match{Name: "www.example", Transport: dnsserver.UDP}, dnsserver.Fault{Truncate: true})
//
// # Zones
//
// The text is a small master file (RFC 1035, section 5):
//
//	$ORIGIN example.
//	$TTL 1h
//	@            SOA   ns hostmaster 1 2h 15m 2w 60   ; a comment
//	             NS    ns                             ; of the same name as the line before
//	ns           A     192.0.2.53
//	www   300    A     192.0.2.1
//	alias        CNAME www
//	mail         MX    10 mx.example.net.             ; not below $ORIGIN: it ends with a dot
//	text         TXT   "one string" "another"
//	_http._tcp   SRV   10 20 80 www
//	@            CAA   0 issue "ca.example.net"
//	svc          HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1
//	_foo         SVCB  2 svc port=8443
//	*.wild       A     192.0.2.9                      ; all that does not exist below wild
//	1.2.0.192.in-addr.arpa. PTR www
//
// Names without a dot at the end are below $ORIGIN, at first the root; "@" is
// the origin itself. Times are in seconds or have units (1h30m). A TTL that is
// missing is that of $TTL, at first 300 seconds. The class IN may be written.
// Parentheses continue a record on the next line. White space that all lines
// begin with is ignored, so that the text can be indented with the program.
//
// A zone begins at each SOA. What is asked outside of all zones is refused. A
// text without any SOA stands for a zone of everything: names that are not in
// it do not exist. Errors are a [*ZoneError] with the line.
//
// # Answers
//
// CNAMEs are followed as far as the zones go, 16 of them at most. Names that do
// not exist (NXDOMAIN) and names without such records come with the SOA. ANY is
// refused (RFC 8482), classes other than IN too. UDP answers are at most as
// long as the client says by EDNS0 (RFC 6891), 512 bytes without, and never
// longer than Server.UDPSize; beyond it they are truncated and have no records.
// A connection carries any number of queries, each answered when it is ready.
// Clients that ask for recursion are told that it is available, as stub
// resolvers want it; there is none. NS records delegate nothing.
//
// # Cancellation and shutdown
//
// [Server.Close] ends everything, delayed answers included, and leaves no
// goroutine. Nothing that the server does outlives it.
//
// # Limitations
//
// It is for tests: there is no limit to connections or queries, no DNSSEC, no
// zone transfer, no update. Names cannot have escapes.
package dnsserver
