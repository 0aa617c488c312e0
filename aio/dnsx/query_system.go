package dnsx

import (
	"context"
	"errors"
)

// errNotBySystem is the error for types that the system's resolver cannot look
// up.
var errNotBySystem = errors.New("the system's resolver cannot look up records of this type: set Resolver.Servers")

// querySystem looks up records by the system's resolver.
func querySystem[R Record](ctx context.Context, r *Resolver, s *settings, name, ascii string) (Records[R], error) {
	r.counts.system.Add(1)
	rs := Records[R]{Host: name, CNAME: ascii, Source: SourceSystem}
	ok, err := systemRecords(ctx, s.env.system, ascii+".", any(&rs.Records))
	switch {
	case !ok:
		return Records[R]{}, &Error{Kind: KindNoServer, Host: name, Err: errNotBySystem}
	case err != nil:
		return Records[R]{}, failure(ctx, name, systemError(ctx, name, err))
	case len(rs.Records) == 0:
		return Records[R]{}, &Error{Kind: KindNotFound, Host: name}
	}
	sortRecords(rs.Records)
	r.kept.put(shortKey{typeName[R](), name}, rs, clock())
	return rs, nil
}

// systemRecords sets list, a pointer to a slice of records. It reports false
// for types that the system's resolver cannot look up.
func systemRecords(ctx context.Context, sys systemResolver, name string, list any) (ok bool, err error) {
	switch l := list.(type) {
	case *[]A:
		addrs, err := sys.LookupNetIP(ctx, "ip4", name)
		for _, a := range addrs {
			*l = append(*l, A{a.Unmap()})
		}
		return true, err
	case *[]AAAA:
		addrs, err := sys.LookupNetIP(ctx, "ip6", name)
		for _, a := range addrs {
			*l = append(*l, AAAA{a})
		}
		return true, err
	case *[]MX:
		mxs, err := sys.LookupMX(ctx, name)
		for _, m := range mxs {
			*l = append(*l, MX{unrooted(m.Host), m.Pref})
		}
		return true, err
	case *[]TXT:
		texts, err := sys.LookupTXT(ctx, name)
		for _, t := range texts {
			*l = append(*l, TXT{t})
		}
		return true, err
	case *[]SRV:
		_, srvs, err := sys.LookupSRV(ctx, "", "", name)
		for _, s := range srvs {
			*l = append(*l, SRV{unrooted(s.Target), s.Port, s.Priority, s.Weight})
		}
		return true, err
	case *[]NS:
		servers, err := sys.LookupNS(ctx, name)
		for _, n := range servers {
			*l = append(*l, NS{unrooted(n.Host)})
		}
		return true, err
	}
	return false, nil
}
