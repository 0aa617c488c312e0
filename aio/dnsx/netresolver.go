package dnsx

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"

	"golang.org/x/net/dns/dnsmessage"
)

// The methods in this file are those of net.Resolver. They wait for the answer,
// and use the same cache as the others. They need a ctx that belongs to a loop,
// and fail with aio.ErrNoLoop otherwise. They return names with trailing dots,
// as package net does. Their errors are *Error, in which errors.As finds a
// *net.DNSError.

// LookupNetIP returns the addresses of host, as [Resolver.LookupFamily] does.
// It waits for the answer. network is "ip", "ip4" or "ip6". IPv4 addresses are
// not mapped into IPv6.
func (r *Resolver) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	f, err := familyOf(network)
	if err != nil {
		return nil, err
	}
	a, err := r.lookup(ctx, host, f)
	return append([]netip.Addr(nil), a.Addrs...), err
}

// familyOf returns the family of one of package net's networks.
func familyOf(network string) (Family, error) {
	switch network {
	case "ip":
		return Any, nil
	case "ip4":
		return V4, nil
	case "ip6":
		return V6, nil
	}
	return Any, net.UnknownNetworkError(network)
}

// LookupIP is [Resolver.LookupNetIP] for net.IP.
func (r *Resolver) LookupIP(ctx context.Context, network, host string) ([]net.IP, error) {
	addrs, err := r.LookupNetIP(ctx, network, host)
	if err != nil {
		return nil, err
	}
	ips := make([]net.IP, len(addrs))
	for i, a := range addrs {
		ips[i] = a.AsSlice()
	}
	return ips, nil
}

// LookupIPAddr is [Resolver.LookupNetIP] for network "ip" and net.IPAddr.
func (r *Resolver) LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error) {
	addrs, err := r.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	ips := make([]net.IPAddr, len(addrs))
	for i, a := range addrs {
		ips[i] = net.IPAddr{IP: a.AsSlice(), Zone: a.Zone()}
	}
	return ips, nil
}

// LookupHost is [Resolver.LookupNetIP] for network "ip" and strings.
func (r *Resolver) LookupHost(ctx context.Context, host string) ([]string, error) {
	addrs, err := r.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	list := make([]string, len(addrs))
	for i, a := range addrs {
		list[i] = a.String()
	}
	return list, nil
}

// LookupAddr returns the names of an address, as [Resolver.Reverse] does. It
// waits for the answer.
func (r *Resolver) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return nil, &Error{Kind: KindName, Host: addr, Err: errNoAddr}
	}
	names, err := r.reverse(ctx, a)
	if err != nil {
		return nil, err
	}
	for i, n := range names {
		names[i] = dotted(n)
	}
	return names, nil
}

// LookupCNAME returns the canonical name of host. It waits for the answer.
func (r *Resolver) LookupCNAME(ctx context.Context, host string) (string, error) {
	r = r.orDefault()
	a, err := r.lookup(ctx, host, Any)
	if err == nil && a.CNAME != "" {
		return dotted(a.CNAME), nil
	}
	if err == nil && a.Source == SourceSystem {
		return r.environment().system.LookupCNAME(ctx, host)
	}
	if e := (*Error)(nil); err == nil || errors.As(err, &e) && e.Kind == KindNotFound {
		if rs, err := query[CNAME](ctx, r, host); err == nil {
			return dotted(rs.Records[0].Target), nil
		}
	}
	if err == nil {
		err = &Error{Kind: KindNotFound, Host: host}
	}
	return "", err
}

// LookupMX returns the MX records of a name, sorted by preference. It waits for
// the answer.
func (r *Resolver) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	rs, err := query[MX](ctx, r, name)
	return convert(rs, err, func(m MX) *net.MX { return &net.MX{Host: dotted(m.Host), Pref: m.Preference} })
}

// LookupNS returns the NS records of a name. It waits for the answer.
func (r *Resolver) LookupNS(ctx context.Context, name string) ([]*net.NS, error) {
	rs, err := query[NS](ctx, r, name)
	return convert(rs, err, func(n NS) *net.NS { return &net.NS{Host: dotted(n.Host)} })
}

// LookupTXT returns the TXT records of a name. It waits for the answer.
func (r *Resolver) LookupTXT(ctx context.Context, name string) ([]string, error) {
	rs, err := query[TXT](ctx, r, name)
	return convert(rs, err, func(t TXT) string { return t.Text })
}

// LookupSRV returns the SRV records of "_service._proto.name" or, if service
// and proto are empty, of name. They are sorted by priority, and randomized by
// weight within a priority. cname is the name that has the records. LookupSRV
// waits for the answer.
func (r *Resolver) LookupSRV(ctx context.Context, service, proto, name string) (cname string, addrs []*net.SRV, err error) {
	if service != "" || proto != "" {
		name = "_" + service + "._" + proto + "." + name
	}
	rs, err := query[SRV](ctx, r, name)
	addrs, err = convert(rs, err, func(s SRV) *net.SRV {
		return &net.SRV{Target: dotted(s.Target), Port: s.Port, Priority: s.Priority, Weight: s.Weight}
	})
	if err != nil {
		return "", nil, err
	}
	return dotted(rs.CNAME), addrs, nil
}

// LookupPort returns the port of a service, which may be a number, from the
// system's list of services. It needs no loop.
func (r *Resolver) LookupPort(ctx context.Context, network, service string) (int, error) {
	if p, err := strconv.ParseUint(service, 10, 16); err == nil {
		return int(p), nil
	}
	return netResolver.LookupPort(ctx, network, service)
}

// convert converts records to types of package net.
func convert[R Record, T any](rs Records[R], err error, fn func(R) T) ([]T, error) {
	if err != nil {
		return nil, err
	}
	list := make([]T, len(rs.Records))
	for i, r := range rs.Records {
		list[i] = fn(r)
	}
	return list, nil
}

// dotted returns a name with a trailing dot.
func dotted(name string) string {
	if name == "" || name[len(name)-1] == '.' {
		return name
	}
	return name + "."
}

// toMessage returns the reply as a DNS message that answers a query.
func (p *reply) toMessage(query dnsmessage.Header, q dnsmessage.Question, ttl uint32) ([]byte, error) {
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{
		ID: query.ID, Response: true, RecursionDesired: query.RecursionDesired, RecursionAvailable: true,
		AuthenticData: p.ad, RCode: p.rcode,
	})
	b.EnableCompression()
	err := errors.Join(b.StartQuestions(), b.Question(q), b.StartAnswers())
	owner := q.Name
	for _, c := range p.chain {
		target, bad := dnsmessage.NewName(c)
		h := dnsmessage.ResourceHeader{Name: owner, Class: q.Class, TTL: ttl}
		err = errors.Join(err, bad, b.CNAMEResource(h, dnsmessage.CNAMEResource{CNAME: target}))
		owner = target
	}
	for i := range p.records {
		h := dnsmessage.ResourceHeader{Name: owner, Class: q.Class, TTL: ttl}
		err = errors.Join(err, addResource(&b, h, p.records[i].Body))
	}
	if err != nil {
		return nil, err
	}
	return b.Finish()
}

// addResource adds a resource to a message.
func addResource(b *dnsmessage.Builder, h dnsmessage.ResourceHeader, body dnsmessage.ResourceBody) error {
	switch r := body.(type) {
	case *dnsmessage.AResource:
		return b.AResource(h, *r)
	case *dnsmessage.AAAAResource:
		return b.AAAAResource(h, *r)
	case *dnsmessage.CNAMEResource:
		return b.CNAMEResource(h, *r)
	case *dnsmessage.MXResource:
		return b.MXResource(h, *r)
	case *dnsmessage.NSResource:
		return b.NSResource(h, *r)
	case *dnsmessage.PTRResource:
		return b.PTRResource(h, *r)
	case *dnsmessage.SOAResource:
		return b.SOAResource(h, *r)
	case *dnsmessage.SRVResource:
		return b.SRVResource(h, *r)
	case *dnsmessage.TXTResource:
		return b.TXTResource(h, *r)
	case *dnsmessage.SVCBResource:
		return b.SVCBResource(h, *r)
	case *dnsmessage.HTTPSResource:
		return b.HTTPSResource(h, *r)
	case *dnsmessage.UnknownResource:
		return b.UnknownResource(h, *r)
	}
	return nil
}
