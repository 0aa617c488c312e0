// Package dnsserver provides a DNS server that runs in the program. It is
// authoritative for zones given as a few lines of text, and can inject any
// fault that a server in the network may have. It is meant for tests of
// resolvers, and for examples that work offline. Tests use it as aiotest.DNS.
// The package does not import package testing, so that a program may link it.
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
// [Server.Count] and [Server.Queries] report what was asked. [Server.SetFault]
// injects a fault, for some queries or for all:
//
//	s.SetFault(dnsserver.Match{Name: "www.example", Transport: dnsserver.UDP}, dnsserver.Fault{Truncate: true})
//
// # Zones
//
// The text has the form of a master file (RFC 1035, section 5):
//
//	$ORIGIN example.
//	$TTL 1h
//	@            SOA   ns hostmaster 1 2h 15m 2w 60   ; a comment
//	             NS    ns                             ; the owner of the line before
//	ns           A     192.0.2.53
//	www   300    A     192.0.2.1
//	alias        CNAME www
//	mail         MX    10 mx.example.net.             ; not relative: it ends with a dot
//	text         TXT   "one string" "another"
//	_http._tcp   SRV   10 20 80 www
//	@            CAA   0 issue "ca.example.net"
//	svc          HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1
//	_foo         SVCB  2 svc port=8443
//	*.wild       A     192.0.2.9                      ; wildcard (RFC 4592)
//	1.2.0.192.in-addr.arpa. PTR www
//
// Names without a trailing dot are relative to $ORIGIN, which is the root at
// first. "@" is the origin itself. Times are in seconds, or have units as in
// 1h30m. The TTL of a record without one is $TTL, which is 300 seconds at
// first. The class IN is optional. Parentheses continue a record on the next
// line. Leading white space that is common to all lines is ignored, so that the
// text can be indented with the program.
//
// A zone begins at each SOA. Queries outside all zones are refused. A text
// without any SOA is a zone of the root: names that are not in it do not exist.
// Errors are a [*ZoneError] with the line.
//
// # Answers
//
// The server follows CNAMEs within its zones, at most 16. Answers for names
// that do not exist (NXDOMAIN) and for names without records of the type have
// the SOA. ANY (RFC 8482) and classes other than IN are refused. A UDP answer
// is at most as long as the client announces by EDNS0 (RFC 6891), or 512 bytes
// without EDNS0, and never longer than Server.UDPSize. A longer one is
// truncated, and has no records. A connection carries any number of queries,
// and each is answered when its answer is ready. If a client asks for
// recursion, the answer says that it is available, because stub resolvers
// require it. The server does not recurse, and NS records do not delegate.
//
// # Cancellation and shutdown
//
// [Server.Close] stops the server, drops delayed answers, and waits for its
// goroutines.
//
// # Limitations
//
// The server is for tests. The number of connections and queries is unbounded.
// There is no DNSSEC, no zone transfer and no update. Names cannot have
// escapes.
package dnsserver
