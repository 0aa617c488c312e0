package dnsx

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Record is the constraint for the types of DNS records that Query can look up.
// Names in records are spelled as the server has them, without trailing dots.
// The root is ".".
type Record interface {
	A | AAAA | MX | TXT | SRV | NS | CNAME | SOA | CAA | HTTPS | SVCB | PTR
	recordType() dnsmessage.Type
}

// Records holds the records of one type that a name has.
type Records[R Record] struct {
	// Host is the name as given to Query.
	Host string
	// Records holds the records. There is at least one. MX records are sorted
	// by preference, and SRV, HTTPS and SVCB records by priority. Records of
	// equal preference or priority are in random order, SRV records weighted by
	// RFC 2782. The order is new for each lookup.
	Records []R
	// CNAME is the name that has the records: the last name in Chain or, if
	// Chain is empty, Host in lower-case ASCII.
	CNAME string
	// Chain holds the canonical names (CNAME records) that lead from Host to
	// the records, in order, without trailing dots.
	Chain []string
	// TTL is how long the records may be kept, from the time when they were
	// returned. It is 0 for localhost, the system's resolver and stale records.
	TTL time.Duration
	// Source is where the records came from.
	Source Source
	// Authenticated reports that the server has validated the records by
	// DNSSEC. It is set only if Resolver.TrustAD is.
	Authenticated bool
	// Stale reports that the records had expired, and were returned because no
	// server answered (RFC 8767).
	Stale bool
}

// A is an IPv4 address of a host (RFC 1035, section 3.4.1).
type A struct{ Addr netip.Addr }

// AAAA is an IPv6 address of a host (RFC 3596).
type AAAA struct{ Addr netip.Addr }

// MX is a host that accepts mail for the name (RFC 1035, section 3.3.9). The
// lowest Preference is tried first. A Host of "." means that the name accepts
// no mail (RFC 7505).
type MX struct {
	Host       string
	Preference uint16
}

// TXT is the concatenation of the strings in a TXT record (RFC 1035, section
// 3.3.14). It may contain any bytes.
type TXT struct{ Text string }

// SRV is the location of a service (RFC 2782). The lowest Priority is tried
// first. Among equal priorities, Weight is proportional to the probability of
// being tried first. A Target of "." means that the service is not available.
type SRV struct {
	Target                 string
	Port, Priority, Weight uint16
}

// NS is a name server of a zone (RFC 1035, section 3.3.11).
type NS struct{ Host string }

// CNAME is the canonical name of an alias (RFC 1035, section 3.3.1).
type CNAME struct{ Target string }

// PTR is the name of an address (see Reverse) or of a service instance (RFC
// 1035, section 3.3.12).
type PTR struct{ Target string }

// SOA is the start of authority of a zone (RFC 1035, section 3.3.13).
type SOA struct {
	NS string // the primary server of the zone
	// the mail address of the person in charge, with a dot in place of the @
	Mailbox string
	Serial  uint32        // the version of the zone
	Refresh time.Duration // how often secondary servers check for a new version
	Retry   time.Duration // how often they check after that has failed
	// how long they serve the zone without having checked it
	Expire  time.Duration
	Minimum time.Duration // the TTL of negative answers (RFC 2308)
}

func (A) recordType() dnsmessage.Type     { return dnsmessage.TypeA }
func (AAAA) recordType() dnsmessage.Type  { return dnsmessage.TypeAAAA }
func (MX) recordType() dnsmessage.Type    { return dnsmessage.TypeMX }
func (TXT) recordType() dnsmessage.Type   { return dnsmessage.TypeTXT }
func (SRV) recordType() dnsmessage.Type   { return dnsmessage.TypeSRV }
func (NS) recordType() dnsmessage.Type    { return dnsmessage.TypeNS }
func (CNAME) recordType() dnsmessage.Type { return dnsmessage.TypeCNAME }
func (PTR) recordType() dnsmessage.Type   { return dnsmessage.TypePTR }
func (SOA) recordType() dnsmessage.Type   { return dnsmessage.TypeSOA }

// decode returns the record in a resource's body. It reports false if the body
// is of another type, or is malformed.
func decode[R Record](body dnsmessage.ResourceBody) (R, bool) {
	r, ok := newRecord(body).(R)
	return r, ok
}

// newRecord returns the record in a resource's body, or nil if the body is
// malformed.
func newRecord(body dnsmessage.ResourceBody) any {
	var names safeNames
	var v any
	switch b := body.(type) {
	case *dnsmessage.AResource:
		v = A{netip.AddrFrom4(b.A)}
	case *dnsmessage.AAAAResource:
		v = AAAA{netip.AddrFrom16(b.AAAA)}
	case *dnsmessage.MXResource:
		v = MX{names.take(b.MX), b.Pref}
	case *dnsmessage.TXTResource:
		v = TXT{joinText(b.TXT)}
	case *dnsmessage.SRVResource:
		v = SRV{names.take(b.Target), b.Port, b.Priority, b.Weight}
	case *dnsmessage.NSResource:
		v = NS{names.take(b.NS)}
	case *dnsmessage.CNAMEResource:
		v = CNAME{names.take(b.CNAME)}
	case *dnsmessage.PTRResource:
		v = PTR{names.take(b.PTR)}
	case *dnsmessage.SOAResource:
		v = names.soa(b)
	case *dnsmessage.SVCBResource:
		v = names.svcb(b)
	case *dnsmessage.HTTPSResource:
		v = HTTPS{names.svcb(&b.SVCBResource)}
	case *dnsmessage.UnknownResource:
		v = names.caa(b)
	}
	if names.bad {
		return nil
	}
	return v
}

// safeNames reads names of a record, and notes whether any part of the record
// is bad.
type safeNames struct{ bad bool }

// take returns a name without the trailing dot. Names that are not valid in
// queries are bad: they may contain any bytes, and programs print names.
func (s *safeNames) take(n dnsmessage.Name) string {
	name := unrooted(n.String())
	if !isSafe(name) {
		s.bad = true
	}
	return name
}

// soa returns the SOA in a resource.
func (s *safeNames) soa(b *dnsmessage.SOAResource) SOA {
	seconds := func(n uint32) time.Duration { return time.Duration(n) * time.Second }
	return SOA{
		NS: s.take(b.NS), Mailbox: s.take(b.MBox), Serial: b.Serial,
		Refresh: seconds(b.Refresh), Retry: seconds(b.Retry), Expire: seconds(b.Expire), Minimum: seconds(b.MinTTL),
	}
}

// joinText concatenates the strings of a TXT record.
func joinText(parts []string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	b := make([]byte, 0, n)
	for _, p := range parts {
		b = append(b, p...)
	}
	return string(b)
}

// sortRecords sorts records in the order in which they should be tried.
func sortRecords[R Record](list []R) {
	if len(list) < 2 {
		return
	}
	switch l := any(list).(type) {
	case []MX:
		byPriority(l, func(m MX) uint16 { return m.Preference })
	case []HTTPS:
		byPriority(l, func(h HTTPS) uint16 { return h.Priority })
	case []SVCB:
		byPriority(l, func(s SVCB) uint16 { return s.Priority })
	case []SRV:
		byPriority(l, func(s SRV) uint16 { return s.Priority })
		for i := 0; i < len(l); {
			end := i + 1
			for end < len(l) && l[end].Priority == l[i].Priority {
				end++
			}
			byWeight(l[i:end])
			i = end
		}
	}
}

// byPriority sorts records, lowest first, and equal ones in random order.
func byPriority[R any](list []R, of func(R) uint16) {
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	slices.SortStableFunc(list, func(a, b R) int { return int(of(a)) - int(of(b)) })
}

// byWeight puts records of one priority in random order. Greater weights come
// first with a higher probability, as RFC 2782 says. Weight 0 has a small one.
func byWeight(list []SRV) {
	slices.SortStableFunc(list, func(a, b SRV) int { return first(a.Weight == 0, b.Weight == 0) })
	sum := 0
	for _, s := range list {
		sum += int(s.Weight)
	}
	for ; len(list) > 1 && sum > 0; list = list[1:] {
		n := rand.IntN(sum + 1)
		i := 0
		for n -= int(list[0].Weight); n > 0; n -= int(list[i].Weight) {
			i++
		}
		sum -= int(list[i].Weight)
		picked := list[i]
		copy(list[1:i+1], list[:i])
		list[0] = picked
	}
}
