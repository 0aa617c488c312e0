package dnsx

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"goaio.example/aio"
)

// Query looks up the records of type R that a name has, by the DefaultResolver:
//
//	mail, err := dnsx.Query[dnsx.MX](ctx, "example.com").Await(ctx)
//
// The search list and the hosts file do not apply to the name. Query never
// blocks. The future fails with an *Error (KindNotFound if the name has no such
// records), aio.ErrNoLoop or aio.ErrLoopDone.
func Query[R Record](ctx context.Context, name string) *aio.Future[Records[R]] {
	return QueryWith[R](ctx, DefaultResolver, name)
}

// QueryWith is Query by the resolver r, or by the DefaultResolver if r is nil.
// It is not a method because methods have no type parameters.
func QueryWith[R Record](ctx context.Context, r *Resolver, name string) *aio.Future[Records[R]] {
	if aio.LoopOf(ctx) == nil {
		return aio.Failed[Records[R]](aio.ErrNoLoop)
	}
	r = r.orDefault()
	o := &operation[Records[R]]{r: r, what: "query " + typeName[R](), host: name}
	rs, err := queryKnown[R](r, name)
	switch {
	case err == nil:
		return aio.Resolved(rs)
	case !isUnknown(err):
		return fail(ctx, o, err)
	}
	o.task = querying[R](r, name)
	return start(ctx, o)
}

// query is QueryWith that waits: it looks up in the caller's goroutine.
func query[R Record](ctx context.Context, r *Resolver, name string) (Records[R], error) {
	if aio.LoopOf(ctx) == nil {
		return Records[R]{}, aio.ErrNoLoop
	}
	r = r.orDefault()
	rs, err := queryKnown[R](r, name)
	if !isUnknown(err) {
		if err != nil {
			r.counts.failed.Add(1)
		}
		return rs, err
	}
	return wait(ctx, &operation[Records[R]]{r: r, what: "query " + typeName[R](), host: name, task: querying[R](r, name)})
}

// typeName returns the name of a type, as in "MX".
func typeName[R Record]() string {
	var zero R
	if t := zero.recordType(); t != typeCAA {
		return strings.TrimPrefix(t.String(), "Type")
	}
	return "CAA"
}

// querying returns the task that looks up records.
func querying[R Record](r *Resolver, name string) taskFunc[Records[R]] {
	return func(ctx context.Context) (Records[R], error) {
		s := r.settle(clock())
		ascii, rs, err := queryName[R](name)
		if !isUnknown(err) {
			r.counts.literals.Add(1)
			return rs, err
		}
		if !s.byQuery {
			return querySystem[R](ctx, r, s, name, ascii)
		}
		r.counts.other.Add(1)
		p, err := r.x.ask(ctx, question{ascii + ".", rs.typ()})
		if err != nil {
			return Records[R]{}, err
		}
		return recordsOf[R](name, ascii, p)
	}
}

// typ returns the type of the records.
func (Records[R]) typ() dnsmessage.Type {
	var zero R
	return zero.recordType()
}

// queryKnown returns what is known without asking, waiting or reading a file.
// It returns errUnknown if that is not enough.
func queryKnown[R Record](r *Resolver, name string) (Records[R], error) {
	ascii, rs, err := queryName[R](name)
	if !isUnknown(err) {
		r.counts.literals.Add(1)
		return rs, err
	}
	now := clock()
	s := r.settled(now)
	if s == nil {
		return rs, errUnknown
	}
	if !s.byQuery {
		rs, ok := r.kept.get(shortKey{typeName[R](), name}, now).(Records[R])
		if !ok {
			return rs, errUnknown
		}
		r.counts.ready.Add(1)
		return rs, nil
	}
	p := r.x.cached(question{ascii + ".", rs.typ()})
	if p == nil {
		return rs, errUnknown
	}
	r.counts.other.Add(1)
	return recordsOf[R](name, ascii, p)
}

// queryName checks a name. It returns the records of names that no server is
// asked for, and errUnknown for others.
func queryName[R Record](name string) (ascii string, rs Records[R], err error) {
	ascii, err = recordName(name)
	switch {
	case err != nil:
		return "", rs, &Error{Kind: KindName, Host: name, Err: err}
	case isNowhere(ascii):
		return "", rs, &Error{Kind: KindNotFound, RCode: dnsmessage.RCodeNameError, Host: name}
	case !isLocalhost(ascii):
		return ascii, rs, errUnknown
	}
	rs = Records[R]{Host: name, CNAME: ascii, Source: SourceLiteral}
	switch l := any(&rs.Records).(type) {
	case *[]A:
		*l = []A{{netip.AddrFrom4([4]byte{127, 0, 0, 1})}}
	case *[]AAAA:
		*l = []AAAA{{netip.IPv6Loopback()}}
	default:
		return "", Records[R]{}, &Error{Kind: KindNotFound, Host: name}
	}
	return ascii, rs, nil
}

// recordsOf returns the records in a reply.
func recordsOf[R Record](name, ascii string, p *reply) (Records[R], error) {
	if !isSafeChain(p.chain) {
		return Records[R]{}, &Error{Kind: KindMalformed, Server: p.server, Host: name}
	}
	rs := Records[R]{Host: name, CNAME: ascii, Source: p.source, Authenticated: p.ad, Stale: p.source == SourceStale}
	for i := range p.records {
		if r, ok := decode[R](p.records[i].Body); ok {
			rs.Records = append(rs.Records, r)
		}
	}
	if len(rs.Records) == 0 {
		e := &Error{Kind: KindNotFound, RCode: p.rcode, Server: p.server, Host: name}
		if len(p.records) > 0 {
			e.Kind = KindMalformed
		}
		return Records[R]{}, e
	}
	sortRecords(rs.Records)
	if rs.Chain = unrootedAll(p.chain); rs.Chain != nil {
		rs.CNAME = rs.Chain[len(rs.Chain)-1]
	}
	if !rs.Stale {
		rs.TTL = p.ttl(time.Now())
	}
	return rs, nil
}
