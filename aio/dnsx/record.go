package dnsx

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Record is a type of DNS records that Query can ask for. Names in records are
// in lower or upper case as the server has them, without trailing dots; the
// root is ".".
type Record interface {
	A | AAAA | MX | TXT | SRV | NS | CNAME | SOA | CAA | HTTPS | SVCB | PTR
	recordType() dnsmessage.Type
}

// Records are the records of one type that a name has.
type Records[R Record] struct {
	// Host is the name, as it was asked for.
	Host string
	// Records are the records, at least one. MX are in the order of their
	// preference, SRV, HTTPS and SVCB in that of their priority, and within one
	// priority by chance (SRV: by weight, RFC 2782), anew for each lookup.
	Records []R
	// CNAME is the name that has the records: the last of Chain or, without
	// one, Host in lower-case ASCII.
	CNAME string
	// Chain has the canonical names that led there, in order, without trailing
	// dots.
	Chain []string
	// TTL is how long the records may be kept from now on. It is 0 where nobody
	// says, and for stale ones.
	TTL time.Duration
	// Source says where the records came from.
	Source Source
	// Authenticated says that the server validated the records by DNSSEC, and
	// that this is to be believed: see Resolver.TrustAD.
	Authenticated bool
	// Stale says that the records had ended when they were given, because no
	// server could be asked (RFC 8767).
	Stale bool
}

// A is an IPv4 address of a host (RFC 1035, section 3.4.1).
type A struct{ Addr netip.Addr }

// AAAA is an IPv6 address of a host (RFC 3596).
type AAAA struct{ Addr netip.Addr }

// MX is a host that takes mail for the name (RFC 1035, section 3.3.9). The
// least Preference is tried first. A Host of "." says that there is no mail
// (RFC 7505).
type MX struct {
	Host       string
	Preference uint16
}

// TXT is a text (RFC 1035, section 3.3.14): the strings of the record, joined.
// It may have any bytes.
type TXT struct{ Text string }

// SRV is where a service is (RFC 2782). The least Priority is tried first;
// among equals the Weight is the share. A Target of "." says that there is no
// such service.
type SRV struct {
	Target                 string
	Port, Priority, Weight uint16
}

// NS is a server of a zone (RFC 1035, section 3.3.11).
type NS struct{ Host string }

// CNAME is the name that a name stands for (RFC 1035, section 3.3.1).
type CNAME struct{ Target string }

// PTR is the name that an address (see Reverse) or a service has (RFC 1035,
// section 3.3.12).
type PTR struct{ Target string }

// SOA is the beginning of a zone (RFC 1035, section 3.3.13).
type SOA struct {
	NS      string        // the first server of the zone
	Mailbox string        // who is responsible: a mail address with a dot for its @
	Serial  uint32        // the version of the zone
	Refresh time.Duration // how often other servers look for a new version
	Retry   time.Duration // how often when that fails
	Expire  time.Duration // when they give up the zone
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

// decode makes a record of a resource's body. It reports false if the body is
// none of the type, or makes no sense.
func decode[R Record](body dnsmessage.ResourceBody) (R, bool) {
	r, ok := newRecord(body).(R)
	return r, ok
}

// newRecord makes a record of a resource's body; nil if it makes no sense.
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

// safeNames takes names out of records, and notices what is bad in a record.
type safeNames struct{ bad bool }

// take returns a name without the trailing dot. Those that nobody could ask for
// are bad: they may hold anything, and somebody may print them.
func (s *safeNames) take(n dnsmessage.Name) string {
	name := unrooted(n.String())
	if !isSafe(name) {
		s.bad = true
	}
	return name
}

// soa makes a SOA.
func (s *safeNames) soa(b *dnsmessage.SOAResource) SOA {
	seconds := func(n uint32) time.Duration { return time.Duration(n) * time.Second }
	return SOA{
		NS: s.take(b.NS), Mailbox: s.take(b.MBox), Serial: b.Serial,
		Refresh: seconds(b.Refresh), Retry: seconds(b.Retry), Expire: seconds(b.Expire), Minimum: seconds(b.MinTTL),
	}
}

// joinText joins the strings of a TXT record.
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

// sortRecords puts records in the order in which they should be tried.
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

// byPriority sorts records, the least first, equals by chance.
func byPriority[R any](list []R, of func(R) uint16) {
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	slices.SortStableFunc(list, func(a, b R) int { return int(of(a)) - int(of(b)) })
}

// byWeight puts records of one priority in an order by chance, in which those
// of greater weight come first more often, as RFC 2782 says. A weight of 0 has
// a small chance too.
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
