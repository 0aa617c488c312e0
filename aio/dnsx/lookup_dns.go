package dnsx

import (
	"context"
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// dns answers from servers, or from what they said before: for each name of the
// search list until one has addresses. An error that is not about the name ends
// the search: what a later domain has may not be what was meant.
func (q *quest) dns(ctx context.Context) (*found, error) {
	var last *reply
	list := newSearch(q.fqdn, q.rooted, q.s.search, q.s.ndots)
	for i := range list.len() {
		n := list.at(i)
		if n == "" {
			continue
		}
		p, err := q.ask(ctx, n)
		if err != nil {
			return nil, err
		}
		if a, err := q.answer(n, p); a != nil || err != nil {
			return a, err
		}
		last = p[0]
		if last == nil {
			last = p[1]
		}
	}
	if last == nil {
		return nil, q.notFound(0, "")
	}
	return nil, q.notFound(last.rcode, last.server)
}

// pair is the replies for A and AAAA; nil for what was not asked, or not
// answered.
type pair [2]*reply

// ask asks for the addresses of a name. When one of two families fails, what
// the other has is taken.
func (q *quest) ask(ctx context.Context, name string) (p pair, err error) {
	var qs [2]question
	if q.family != V6 {
		qs[0] = question{name, dnsmessage.TypeA}
	}
	if q.family != V4 {
		qs[1] = question{name, dnsmessage.TypeAAAA}
	}
	missing := 0
	for i := range qs {
		if qs[i].typ == 0 {
			continue
		}
		if p[i] = q.r.x.cached(qs[i]); p[i] == nil {
			missing++
		}
	}
	switch {
	case missing == 0:
		return p, nil
	case q.op == nil:
		return p, errUnknown
	}
	return q.askFor(ctx, qs, p)
}

// askFor asks what the cache does not have: both families at once, unless the
// configuration says otherwise.
func (q *quest) askFor(ctx context.Context, qs [2]question, p pair) (pair, error) {
	var errs [2]error
	if p == (pair{}) && qs[0].typ != 0 && qs[1].typ != 0 && !q.s.singleRequest {
		p, errs = q.askBoth(ctx, qs)
	} else {
		for i := range qs {
			if qs[i].typ != 0 && p[i] == nil {
				p[i], errs[i] = q.r.x.ask(ctx, qs[i])
			}
		}
	}
	for i, err := range errs {
		other := p[1-i]
		if err != nil && (other == nil || len(other.records) == 0 && other.rcode != dnsmessage.RCodeNameError) {
			return p, err
		}
	}
	return p, nil
}

// askBoth asks for both families at once, the second in another goroutine.
func (q *quest) askBoth(ctx context.Context, qs [2]question) (p pair, errs [2]error) {
	done := make(chan struct{})
	q.op.Go(func() {
		p[1], errs[1] = q.r.x.ask(ctx, qs[1])
		close(done)
	}, func(err error) {
		errs[1] = err
		close(done)
	})
	p[0], errs[0] = q.r.x.ask(ctx, qs[0])
	<-done
	return p, errs
}

// answer makes an answer of replies: nil if they have no addresses.
func (q *quest) answer(name string, p pair) (*found, error) {
	a := &q.result
	*a = found{Answer: Answer{Host: q.host, CNAME: unrooted(name)}}
	wanted := q.family != V4 && q.family != V6
	a.noKeep = wanted && (p[0] == nil || p[1] == nil)
	for _, r := range p {
		if r == nil {
			continue
		}
		if !isSafeChain(r.chain) {
			return nil, &Error{Kind: KindMalformed, Server: r.server, Host: q.host}
		}
		a.add(r, q.family)
	}
	if len(a.Addrs) == 0 {
		return nil, nil
	}
	if n := len(a.Chain); n > 0 {
		a.CNAME = a.Chain[n-1]
	}
	if a.Stale {
		a.until, a.noKeep = time.Time{}, true
	} else {
		a.TTL = max(time.Until(a.until), 0)
	}
	q.family.arrange(a.Addrs, q.s.env.source)
	return a, nil
}

// add adds what a reply has.
func (a *found) add(r *reply, f Family) {
	earlier := func(t time.Time) time.Time {
		if t.IsZero() || r.expires.Before(t) {
			return r.expires
		}
		return t
	}
	a.fresh = earlier(a.fresh)
	n := len(a.Addrs)
	for i := range r.records {
		if ip, ok := address(r.records[i].Body); ok && f.has(ip) {
			a.Addrs = append(a.Addrs, ip)
		}
	}
	if len(a.Addrs) == n {
		return
	}
	a.until = earlier(a.until)
	a.Authenticated = r.ad && (n == 0 || a.Authenticated)
	a.Source = farther(a.Source, r.source)
	a.Stale = a.Stale || r.source == SourceStale
	if a.Chain == nil {
		a.Chain = unrootedAll(r.chain)
	}
}

// address returns the address in an A or AAAA record.
func address(body dnsmessage.ResourceBody) (netip.Addr, bool) {
	switch b := body.(type) {
	case *dnsmessage.AResource:
		return netip.AddrFrom4(b.A), true
	case *dnsmessage.AAAAResource:
		return netip.AddrFrom16(b.AAAA).Unmap(), true
	}
	return netip.Addr{}, false
}

// isSafeChain reports whether all names are safe.
func isSafeChain(names []string) bool {
	for _, n := range names {
		if !isSafe(unrooted(n)) {
			return false
		}
	}
	return true
}

// unrootedAll returns names without their trailing dots; nil for none.
func unrootedAll(names []string) []string {
	if len(names) == 0 {
		return nil
	}
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = unrooted(n)
	}
	return list
}
