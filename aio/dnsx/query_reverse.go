package dnsx

import (
	"context"
	"net/netip"
	"slices"

	"golang.org/x/net/dns/dnsmessage"

	"goaio.example/aio"
)

// Reverse looks up the names of an address by the DefaultResolver. See
// Resolver.Reverse.
func Reverse(ctx context.Context, a netip.Addr) *aio.Future[[]string] {
	return DefaultResolver.Reverse(ctx, a)
}

// Reverse looks up the names of an address, in the hosts file or else in PTR
// records. The names have no trailing dots. Names that are not valid host names
// are left out. A loopback address that is not in the hosts file has the name
// "localhost". Reverse never blocks. The future fails with an *Error,
// aio.ErrNoLoop or aio.ErrLoopDone.
//
// The owner of an address can give it any name. Before trusting the name, look
// up its addresses and compare them.
func (r *Resolver) Reverse(ctx context.Context, a netip.Addr) *aio.Future[[]string] {
	if aio.LoopOf(ctx) == nil {
		return aio.Failed[[]string](aio.ErrNoLoop)
	}
	r = r.orDefault()
	o := &operation[[]string]{r: r, what: "reverse", host: a.String()}
	names, err := r.knownNames(a)
	switch {
	case err == nil:
		return aio.Resolved(names)
	case !isUnknown(err):
		return fail(ctx, o, err)
	}
	o.task = reversing(r, a)
	return start(ctx, o)
}

// reverse is Reverse that waits.
func (r *Resolver) reverse(ctx context.Context, a netip.Addr) ([]string, error) {
	if aio.LoopOf(ctx) == nil {
		return nil, aio.ErrNoLoop
	}
	r = r.orDefault()
	names, err := r.knownNames(a)
	if !isUnknown(err) {
		if err != nil {
			r.counts.failed.Add(1)
		}
		return names, err
	}
	return wait(ctx, &operation[[]string]{r: r, what: "reverse", host: a.String(), task: reversing(r, a)})
}

// reversing returns the task that looks up names.
func reversing(r *Resolver, a netip.Addr) taskFunc[[]string] {
	return func(ctx context.Context) ([]string, error) {
		s := r.settle(clock())
		if names := r.localNames(s, a); names != nil {
			return names, nil
		}
		if s.order == orderSystem {
			return r.systemNames(ctx, s, a)
		}
		r.counts.other.Add(1)
		if s.order == orderFiles {
			return nil, &Error{Kind: KindNotFound, Host: a.String()}
		}
		p, err := r.x.ask(ctx, question{arpa(a) + ".", dnsmessage.TypePTR})
		if err != nil {
			return nil, err
		}
		return namesOf(a, p)
	}
}

// knownNames returns what is known without asking, waiting or reading a file.
// It returns errUnknown if that is not enough.
func (r *Resolver) knownNames(a netip.Addr) ([]string, error) {
	if !a.IsValid() {
		r.counts.literals.Add(1)
		return nil, &Error{Kind: KindName, Host: a.String(), Err: errNoAddr}
	}
	now := clock()
	s := r.settled(now)
	if s == nil {
		return nil, errUnknown
	}
	if names := r.localNames(s, a); names != nil {
		return names, nil
	}
	switch s.order {
	case orderSystem:
		if names, ok := r.kept.get(shortKey{"reverse", a.String()}, now).([]string); ok {
			r.counts.ready.Add(1)
			return slices.Clone(names), nil
		}
		return nil, errUnknown
	case orderFiles:
		return nil, errUnknown
	}
	p := r.x.cached(question{arpa(a) + ".", dnsmessage.TypePTR})
	if p == nil {
		return nil, errUnknown
	}
	r.counts.other.Add(1)
	return namesOf(a, p)
}

// localNames returns the names in the hosts file, or that of loopback
// addresses. It returns nil if there are none.
func (r *Resolver) localNames(s *settings, a netip.Addr) []string {
	if s.order != orderSystem && s.order != orderDNS {
		if names := s.hosts.names(a); names != nil {
			r.counts.hosts.Add(1)
			return slices.Clone(names)
		}
	}
	if a.Unmap().IsLoopback() {
		r.counts.literals.Add(1)
		return []string{"localhost"}
	}
	return nil
}

// systemNames looks up names by the system's resolver.
func (r *Resolver) systemNames(ctx context.Context, s *settings, a netip.Addr) ([]string, error) {
	r.counts.system.Add(1)
	list, err := s.env.system.LookupAddr(ctx, a.String())
	if err != nil {
		return nil, systemError(ctx, a.String(), err)
	}
	names := make([]string, len(list))
	for i, n := range list {
		names[i] = unrooted(n)
	}
	r.kept.put(shortKey{"reverse", a.String()}, slices.Clone(names), clock())
	return names, nil
}

// namesOf returns the host names in a reply.
func namesOf(a netip.Addr, p *reply) ([]string, error) {
	var names []string
	for i := range p.records {
		if b, ok := p.records[i].Body.(*dnsmessage.PTRResource); ok {
			if n := unrooted(b.PTR.String()); checkHost(n) == nil {
				names = append(names, n)
			}
		}
	}
	if names == nil {
		return nil, &Error{Kind: KindNotFound, RCode: p.rcode, Server: p.server, Host: a.String()}
	}
	return names, nil
}
