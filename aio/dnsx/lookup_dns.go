package dnsx

import (
	"context"
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"goaio.example/aio"
)

// pair holds the replies for A and AAAA. A reply is nil if it was not asked
// for, or if asking failed.
type pair [2]*reply

// search goes through the names of the search list, from the current one on,
// until one has addresses. It returns errUnknown at a name that servers have to
// be asked for: fetch does that, and then search goes on. An error that is not
// about the name ends the search, because a later name may be another host than
// the one that was meant.
func (q *quest) search() (*readyAnswer, error) {
	for ; q.next < q.names.len(); q.next++ {
		name := q.names.at(q.next)
		if name == "" {
			continue
		}
		if !q.asked && !q.cached(name) {
			return nil, errUnknown
		}
		q.asked = false
		if a, err := q.addresses(name); a != nil || err != nil {
			return a, err
		}
		if q.last = q.got[0]; q.last == nil {
			q.last = q.got[1]
		}
	}
	if q.last == nil {
		return nil, q.notFound(0, "")
	}
	return nil, q.notFound(q.last.rcode, q.last.server)
}

// questions returns the questions about a name. The zero question is not to be
// asked.
func (q *quest) questions(name string) (qs [2]question) {
	if q.family != V6 {
		qs[0] = question{name, dnsmessage.TypeA}
	}
	if q.family != V4 {
		qs[1] = question{name, dnsmessage.TypeAAAA}
	}
	return qs
}

// cached sets got to what the cache has about a name. It reports whether that
// is all there is to ask.
func (q *quest) cached(name string) bool {
	all := true
	for i, ask := range q.questions(name) {
		q.got[i] = nil
		if ask.typ != 0 {
			q.got[i] = q.r.x.cached(ask)
			all = all && q.got[i] != nil
		}
	}
	return all
}

// fetch asks what is missing in got: both families at once, unless the settings
// say otherwise. If one family cannot be looked up and the other has addresses,
// or the name does not exist, that is no error.
func (q *quest) fetch(ctx context.Context, op *aio.Op) error {
	var errs [2]error
	qs := q.questions(q.names.at(q.next))
	if q.got == (pair{}) && qs[0].typ != 0 && qs[1].typ != 0 && !q.s.singleRequest {
		errs = q.fetchBoth(ctx, op, qs)
	} else {
		for i := range qs {
			if qs[i].typ != 0 && q.got[i] == nil {
				q.got[i], errs[i] = q.r.x.ask(ctx, qs[i])
			}
		}
	}
	q.asked, q.now = true, clock()
	for i, err := range errs {
		other := q.got[1-i]
		if err != nil && (other == nil || len(other.records) == 0 && other.rcode != dnsmessage.RCodeNameError) {
			return err
		}
	}
	return nil
}

// fetchBoth asks for both families at once, the second in another goroutine.
func (q *quest) fetchBoth(ctx context.Context, op *aio.Op, qs [2]question) (errs [2]error) {
	done := make(chan struct{})
	op.Go(func() {
		q.got[1], errs[1] = q.r.x.ask(ctx, qs[1])
		close(done)
	}, func(err error) {
		errs[1] = err
		close(done)
	})
	q.got[0], errs[0] = q.r.x.ask(ctx, qs[0])
	<-done
	return errs
}

// addresses returns the answer made of got, or nil if it has no addresses.
func (q *quest) addresses(name string) (*readyAnswer, error) {
	a := &readyAnswer{family: q.family, expiry: q.now + instant(recheck)}
	for _, r := range q.got {
		if r == nil {
			continue
		}
		if !isSafeChain(r.chain) {
			return nil, &Error{Kind: KindMalformed, Server: r.server, Host: q.host}
		}
		a.add(r)
	}
	if len(a.Addrs) == 0 {
		return nil, nil
	}
	if a.CNAME = unrooted(name); len(a.Chain) > 0 {
		a.CNAME = a.Chain[len(a.Chain)-1]
	}
	both := q.family != V4 && q.family != V6
	if both && (q.got[0] == nil || q.got[1] == nil) {
		a.expiry = q.now // not kept: the next lookup may find more
	}
	if a.Stale {
		a.until = 0
	} else {
		a.TTL = max(time.Duration(a.until-q.now), 0)
	}
	q.finish(a)
	return a, nil
}

// add adds a reply to an answer.
func (a *readyAnswer) add(r *reply) {
	end := instantOf(r.expires)
	a.expiry = min(a.expiry, end)
	n := len(a.Addrs)
	for i := range r.records {
		if ip, ok := address(r.records[i].Body); ok && a.family.has(ip) {
			a.Addrs = append(a.Addrs, ip)
		}
	}
	if len(a.Addrs) == n {
		return
	}
	if a.until == 0 || end < a.until {
		a.until = end
	}
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

// unrootedAll returns the names without their trailing dots. It returns nil for
// no names.
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
