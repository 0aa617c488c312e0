package dnsx

import (
	"context"
	"errors"
	"net/netip"

	"golang.org/x/net/dns/dnsmessage"

	"goaio.example/aio"
)

// quest is one way through all that may know a host.
type quest struct {
	r      *Resolver
	s      *settings
	host   string
	family Family
	op     *aio.Op // nil: nobody is asked who is not here

	fqdn   string // the host as it is asked for, with the trailing dot: see hostName, and bad for its error
	name   string // the same without the dot
	rooted bool   // the host has the dot
	bad    error

	result found
}

// errUnknown says that it takes asking. It stays within the package.
var errUnknown = errors.New("dnsx: unknown")

// isUnknown reports whether err is errUnknown, which nobody wraps.
func isUnknown(err error) bool {
	return err == errUnknown //nolint:errorlint // for speed
}

// parse finds out what is asked for.
func (q *quest) parse() {
	if q.fqdn == "" && q.bad == nil {
		q.name, q.rooted, q.bad = hostName(q.host)
		q.fqdn = q.name + "."
		q.name = q.fqdn[:len(q.name)]
	}
}

// isSpecial reports whether no configuration is needed.
func (q *quest) isSpecial() bool {
	q.parse()
	return q.bad != nil || isLocalhost(q.name) || isNowhere(q.name)
}

// seek returns what find finds, and keeps it for the next one who asks.
func (q *quest) seek(ctx context.Context) (Answer, error) {
	a, err := q.find(ctx)
	if err != nil {
		return Answer{}, err
	}
	q.s.ready.put(q.host, q.family, a, clock())
	return a.Answer, nil
}

// find goes through all that may know the host.
func (q *quest) find(ctx context.Context) (*found, error) {
	q.parse()
	name := q.name
	switch {
	case q.bad != nil:
		q.r.counts.literals.Add(1)
		return nil, &Error{Kind: KindName, Host: q.host, Err: q.bad}
	case isLocalhost(name):
		q.r.counts.literals.Add(1)
		return q.localhost()
	case isNowhere(name):
		q.r.counts.literals.Add(1)
		return nil, q.notFound(dnsmessage.RCodeNameError, "")
	case q.s.order == orderSystem:
		return q.system(ctx)
	}
	if q.s.order == orderFilesDNS || q.s.order == orderFiles {
		if a, err := q.file(); a != nil || err != nil {
			return a, err
		}
	}
	if q.s.order == orderFiles {
		q.r.counts.hosts.Add(1)
		return nil, q.notFound(0, "")
	}
	a, err := q.dns(ctx)
	if q.s.order == orderDNSFiles && err != nil && !isUnknown(err) {
		if b, err := q.file(); b != nil || err != nil {
			return b, err
		}
	}
	if !isUnknown(err) {
		q.r.counts.other.Add(1)
	}
	return a, err
}

// notFound is the error for a host of which somebody said that it has no
// addresses.
func (q *quest) notFound(rcode dnsmessage.RCode, server string) error {
	return &Error{Kind: KindNotFound, RCode: rcode, Server: server, Host: q.host}
}

// localhost answers for this machine: RFC 6761, section 6.3.
func (q *quest) localhost() (*found, error) {
	addrs := q.family.pick([]netip.Addr{netip.IPv6Loopback(), netip.AddrFrom4([4]byte{127, 0, 0, 1})})
	q.family.arrange(addrs, q.s.env.source)
	q.result = found{Answer: Answer{Host: q.host, Addrs: addrs, CNAME: q.name, Source: SourceLiteral}}
	return &q.result, nil
}

// file answers from the hosts file; neither answer nor error if it does not
// know the name. A name that is there is there for both families: nobody else
// is asked for the other.
func (q *quest) file() (*found, error) {
	e, ok := q.s.hosts.lookup(q.name)
	if !ok {
		return nil, nil
	}
	q.r.counts.hosts.Add(1)
	addrs := q.family.pick(e.addrs)
	if len(addrs) == 0 {
		return nil, q.notFound(0, "")
	}
	q.family.arrange(addrs, q.s.env.source)
	q.result = found{Answer: Answer{Host: q.host, Addrs: addrs, CNAME: e.canonical, Source: SourceHosts}}
	return &q.result, nil
}

// system answers by the system's resolver.
func (q *quest) system(ctx context.Context) (*found, error) {
	if q.op == nil {
		return nil, errUnknown
	}
	q.r.counts.system.Add(1)
	host := q.name
	if q.rooted {
		host += "."
	}
	a, err := q.s.systemLookup(ctx, host, q.family)
	if err != nil {
		return nil, failure(ctx, q.host, err)
	}
	a.Host = q.host
	return a, nil
}
