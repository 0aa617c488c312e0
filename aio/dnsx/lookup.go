package dnsx

import (
	"context"
	"net/netip"

	"goaio.example/aio"
)

// Lookup looks up the addresses of a host by the DefaultResolver: cl-async's dns-lookup. See Resolver.Lookup.
func Lookup(ctx context.Context, host string) *aio.Future[Answer] {
	return DefaultResolver.LookupFamily(ctx, host, Any)
}

// LookupFamily is Lookup for addresses of a family.
func LookupFamily(ctx context.Context, host string, f Family) *aio.Future[Answer] {
	return DefaultResolver.LookupFamily(ctx, host, f)
}

// Lookup looks up the addresses of a host: a domain name, of any script, or an IP address. What is known already (an
// address, localhost, what the cache has fresh) comes in a future that has resolved; Lookup itself never blocks. The
// future fails with an *Error, aio.ErrNoLoop or aio.ErrLoopDone.
func (r *Resolver) Lookup(ctx context.Context, host string) *aio.Future[Answer] {
	return r.LookupFamily(ctx, host, Any)
}

// LookupFamily is Lookup for addresses of a family. A host that has none of that family is not found.
func (r *Resolver) LookupFamily(ctx context.Context, host string, f Family) *aio.Future[Answer] {
	if aio.LoopOf(ctx) == nil {
		return aio.Failed[Answer](aio.ErrNoLoop)
	}
	r = r.orDefault()
	a, err := r.known(host, f)
	if err == nil {
		return aio.Resolved(a)
	}
	o := &operation[Answer]{r: r, what: "lookup", host: host}
	if !isUnknown(err) {
		return fail(ctx, o, err)
	}
	o.fn = lookingUp(r, host, f)
	return start(ctx, o)
}

// lookup is LookupFamily for who can wait: it looks up in the caller's goroutine.
func (r *Resolver) lookup(ctx context.Context, host string, f Family) (Answer, error) {
	if aio.LoopOf(ctx) == nil {
		return Answer{}, aio.ErrNoLoop
	}
	r = r.orDefault()
	a, err := r.known(host, f)
	if !isUnknown(err) {
		if err != nil {
			r.counts.failed.Add(1)
		}
		return a, err
	}
	return do(ctx, &operation[Answer]{r: r, what: "lookup", host: host, fn: lookingUp(r, host, f)})
}

// lookingUp returns the function that looks a host up, as an operation.
func lookingUp(r *Resolver, host string, f Family) func(context.Context, *aio.Op) (Answer, error) {
	return func(ctx context.Context, op *aio.Op) (Answer, error) {
		q := &quest{r: r, s: r.settle(clock()), host: host, family: f, op: op}
		a, err := q.find(ctx)
		if err != nil {
			return Answer{}, err
		}
		return q.keep(a), nil
	}
}

// known returns what is known about a host without asking, waiting or reading a file: errUnknown if nothing is.
func (r *Resolver) known(host string, f Family) (Answer, error) {
	if a, ok := literal(host); ok {
		r.counts.literals.Add(1)
		if !f.has(a) {
			return Answer{}, &Error{Kind: KindNotFound, Host: host}
		}
		return Answer{Host: host, Addrs: []netip.Addr{a}, Source: SourceLiteral}, nil
	}
	now := clock()
	s := r.settled(now)
	if s == nil {
		return r.special(host, f)
	}
	if a := s.ready.get(host, f, now); a != nil {
		r.counts.ready.Add(1)
		return a.at(now), nil
	}
	q := &quest{r: r, s: s, host: host, family: f}
	a, err := q.find(context.Background())
	if err != nil {
		return Answer{}, err
	}
	return q.keep(a), nil
}

// special is known for a resolver that has not read its configuration, or should read it again.
func (r *Resolver) special(host string, f Family) (Answer, error) {
	name, _, err := hostName(host)
	if err == nil && !isLocalhost(name) && !isNowhere(name) {
		return Answer{}, errUnknown
	}
	q := &quest{r: r, s: &settings{env: r.environment()}, host: host, family: f}
	a, err := q.find(context.Background())
	if err != nil {
		return Answer{}, err
	}
	return a.Answer, nil
}
