package dnsx

import (
	"context"
	"net/netip"

	"goaio.example/aio"
)

// Lookup looks up the addresses of a host by the DefaultResolver: cl-async's
// dns-lookup. See [Resolver.Lookup].
func Lookup(ctx context.Context, host string) *aio.Future[Answer] {
	return DefaultResolver.LookupFamily(ctx, host, Any)
}

// LookupFamily is Lookup for addresses of one family.
func LookupFamily(ctx context.Context, host string, f Family) *aio.Future[Answer] {
	return DefaultResolver.LookupFamily(ctx, host, f)
}

// Lookup looks up the addresses of a host, which is a domain name in any script
// or an IP address. It never blocks. If the answer is known already, because
// the host is an address or localhost, or because the cache has a fresh answer,
// the future has resolved when Lookup returns, and may be one that another call
// has returned before. The future fails with an *Error, aio.ErrNoLoop or
// aio.ErrLoopDone.
func (r *Resolver) Lookup(ctx context.Context, host string) *aio.Future[Answer] {
	return r.LookupFamily(ctx, host, Any)
}

// LookupFamily is Lookup for addresses of one family. It fails with
// KindNotFound if the host has no addresses of that family.
func (r *Resolver) LookupFamily(ctx context.Context, host string, f Family) *aio.Future[Answer] {
	if aio.LoopOf(ctx) == nil {
		return aio.Failed[Answer](aio.ErrNoLoop)
	}
	r = r.orDefault()
	if a, ok := literal(host); ok && f.has(a) {
		return aio.Resolved(r.literalAnswer(host, a))
	}
	now := clock()
	if a := r.ready(host, f, now); a != nil {
		return a.future(now)
	}
	l := newLookup(r, host, f, now)
	a, err := l.known()
	switch {
	case err == nil:
		return aio.Resolved(a)
	case !isUnknown(err):
		return fail(ctx, &l.operation, err)
	}
	return start(ctx, &l.operation)
}

// lookup is LookupFamily that waits: it looks up in the caller's goroutine.
func (r *Resolver) lookup(ctx context.Context, host string, f Family) (Answer, error) {
	if aio.LoopOf(ctx) == nil {
		return Answer{}, aio.ErrNoLoop
	}
	r = r.orDefault()
	if a, ok := literal(host); ok && f.has(a) {
		return r.literalAnswer(host, a), nil
	}
	now := clock()
	if a := r.ready(host, f, now); a != nil {
		return a.at(now), nil
	}
	l := newLookup(r, host, f, now)
	a, err := l.known()
	if isUnknown(err) {
		return wait(ctx, &l.operation)
	}
	if err != nil {
		r.counts.failed.Add(1)
	}
	return a, err
}

// literalAnswer returns the answer for a host that is the address a.
func (r *Resolver) literalAnswer(host string, a netip.Addr) Answer {
	r.counts.literals.Add(1)
	return Answer{Host: host, Addrs: []netip.Addr{a}, Source: SourceLiteral}
}

// ready returns the answer that is ready, or nil.
func (r *Resolver) ready(host string, f Family, now instant) *readyAnswer {
	s := r.settled(now)
	if s == nil {
		return nil
	}
	a := s.ready.get(host, f, now)
	if a != nil {
		r.counts.ready.Add(1)
	}
	return a
}

// lookup is a lookup of addresses. It becomes an operation if it has to ask.
type lookup struct {
	operation[Answer]
	quest
}

// newLookup returns a lookup that has not begun.
func newLookup(r *Resolver, host string, f Family, now instant) *lookup {
	l := new(lookup)
	l.operation.r, l.operation.what, l.operation.host, l.operation.task = r, "lookup", host, l
	l.quest.r, l.quest.host, l.quest.family, l.quest.now = r, host, f, now
	return l
}

// known returns what is known without asking, waiting or reading a file. It
// returns errUnknown if that is not enough, and then do continues.
func (l *lookup) known() (Answer, error) {
	q := &l.quest
	if _, ok := literal(q.host); ok { // an address of the other family
		q.r.counts.literals.Add(1)
		return Answer{}, q.notFound(0, "")
	}
	if q.s = q.r.settled(q.now); q.s == nil {
		if !q.isSpecial() {
			return Answer{}, errUnknown
		}
		q.s = &settings{env: q.r.environment()}
	}
	return q.keep(q.begin())
}

// do looks up, as an operation.
func (l *lookup) do(ctx context.Context, op *aio.Op) (Answer, error) {
	q := &l.quest
	if q.s == nil { // known has not begun
		q.now = clock()
		q.s = q.r.settle(q.now)
		if a, err := q.begin(); !isUnknown(err) {
			return q.keep(a, err)
		}
	}
	return q.keep(q.ask(ctx, op))
}
