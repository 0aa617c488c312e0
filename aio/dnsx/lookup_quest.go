package dnsx

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"goaio.example/aio"
)

// quest is the search for the addresses of a host. begin looks where no asking
// is needed, and ask continues from there.
type quest struct {
	r      *Resolver
	s      *settings
	host   string
	family Family
	now    instant

	fqdn   string // the host as hostName returns it, with a trailing dot
	name   string // the same without the dot
	rooted bool   // the host has a trailing dot
	bad    error  // of hostName

	names search // to ask for, in order
	next  int    // the one being looked up
	asked bool   // servers were asked for it
	got   pair   // what is known about it
	last  *reply // about the one before
}

// errUnknown means that servers have to be asked. It stays within the package.
var errUnknown = errors.New("dnsx: unknown")

// isUnknown reports whether err is errUnknown, which is never wrapped.
func isUnknown(err error) bool {
	return err == errUnknown //nolint:errorlint // for speed
}

// parse sets fqdn, name, rooted and bad.
func (q *quest) parse() {
	if q.fqdn == "" && q.bad == nil {
		q.name, q.rooted, q.bad = hostName(q.host)
		q.fqdn = q.name + "."
		q.name = q.fqdn[:len(q.name)]
	}
}

// isSpecial reports whether begin answers without settings.
func (q *quest) isSpecial() bool {
	q.parse()
	return q.bad != nil || isLocalhost(q.name) || isNowhere(q.name)
}

// begin answers from the hosts file and the cache, in the order of the
// settings. It returns errUnknown if servers, or the system's resolver, have to
// be asked.
func (q *quest) begin() (*readyAnswer, error) {
	q.parse()
	switch {
	case q.bad != nil:
		q.r.counts.literals.Add(1)
		return nil, &Error{Kind: KindName, Host: q.host, Err: q.bad}
	case isLocalhost(q.name):
		q.r.counts.literals.Add(1)
		return q.localhost(), nil
	case isNowhere(q.name):
		q.r.counts.literals.Add(1)
		return nil, q.notFound(dnsmessage.RCodeNameError, "")
	case q.s.order == orderSystem:
		return nil, errUnknown
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
	q.names = newSearch(q.fqdn, q.rooted, q.s.search, q.s.ndots)
	return q.orFile(q.search())
}

// ask continues after begin has returned errUnknown. op is the operation whose
// goroutine calls it.
func (q *quest) ask(ctx context.Context, op *aio.Op) (a *readyAnswer, err error) {
	if q.s.order == orderSystem {
		return q.system(ctx)
	}
	for err = errUnknown; isUnknown(err); {
		if err = q.fetch(ctx, op); err == nil {
			a, err = q.search()
		}
	}
	return q.orFile(a, err)
}

// orFile returns what search has found. If that is an error, and the hosts file
// comes after DNS, it looks there too.
func (q *quest) orFile(a *readyAnswer, err error) (*readyAnswer, error) {
	if isUnknown(err) {
		return nil, err
	}
	if err != nil && q.s.order == orderDNSFiles {
		if b, err := q.file(); b != nil || err != nil {
			return b, err
		}
	}
	q.r.counts.other.Add(1)
	return a, err
}

// keep returns the answer, and keeps it ready for the next lookup.
func (q *quest) keep(a *readyAnswer, err error) (Answer, error) {
	if err != nil {
		return Answer{}, err
	}
	q.s.ready.put(a, q.now)
	return a.Answer, nil
}

// notFound returns the error for a host without addresses.
func (q *quest) notFound(rcode dnsmessage.RCode, server string) error {
	return &Error{Kind: KindNotFound, RCode: rcode, Server: server, Host: q.host}
}

// answer returns an answer that is not from DNS.
func (q *quest) answer(addrs []netip.Addr, cname string, source Source) *readyAnswer {
	a := &readyAnswer{family: q.family, expiry: q.now + instant(recheck)}
	a.Addrs, a.CNAME, a.Source = addrs, cname, source
	q.finish(a)
	return a
}

// finish completes an answer that has addresses.
func (q *quest) finish(a *readyAnswer) {
	a.Host = strings.Clone(q.host) // it may be part of a large string
	q.family.arrange(a.Addrs, q.s.env.source)
}

// localhost returns the loopback addresses (RFC 6761, section 6.3).
func (q *quest) localhost() *readyAnswer {
	addrs := q.family.pick([]netip.Addr{netip.IPv6Loopback(), netip.AddrFrom4([4]byte{127, 0, 0, 1})})
	return q.answer(addrs, q.name, SourceLiteral)
}

// file returns the answer of the hosts file. It returns neither an answer nor
// an error if the file does not have the name. The file has a name for both
// families: if it has addresses of one only, there are none of the other.
func (q *quest) file() (*readyAnswer, error) {
	e, ok := q.s.hosts.lookup(q.name)
	if !ok {
		return nil, nil
	}
	q.r.counts.hosts.Add(1)
	addrs := q.family.pick(e.addrs)
	if len(addrs) == 0 {
		return nil, q.notFound(0, "")
	}
	return q.answer(addrs, e.canonical, SourceHosts), nil
}

// system returns the answer of the system's resolver.
func (q *quest) system(ctx context.Context) (*readyAnswer, error) {
	q.r.counts.system.Add(1)
	host := q.name
	if q.rooted {
		host += "."
	}
	addrs, err := q.s.systemLookup(ctx, host, q.family)
	if err != nil {
		return nil, failure(ctx, q.host, err)
	}
	q.now = clock()
	return q.answer(addrs, "", SourceSystem), nil
}
