package dnsx

import (
	"slices"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// resolve asks for the flight's question, and for the name at the end of the
// chain of CNAMEs until somebody says what is there. It remembers the answer.
func (f *flight) resolve() (*reply, error) {
	var all answer
	q := f.q
	for {
		a, up, err := f.ask(q)
		if err != nil {
			return nil, f.named(err)
		}
		if q == f.q {
			all = a
		} else if err := all.add(f.q.name, a); err != nil {
			return nil, &Error{Kind: KindChain, Host: f.q.name, Server: up.spec, Err: err}
		}
		if !a.open {
			return f.x.remember(f.plan, f.q, all, up, f.now), nil
		}
		if q.name = all.chain[len(all.chain)-1]; f.x.knows(q, f.q.name, &all) {
			return f.x.remember(f.plan, f.q, all, up, f.now), nil
		}
	}
}

// add goes on with what has been found out about the end of the chain that
// began at first.
func (a *answer) add(first string, b answer) error {
	chain := slices.Clone(a.chain)
	for _, name := range b.chain {
		if err := extend(&chain, first, name); err != nil {
			return err
		}
	}
	a.chain = chain
	a.ttl = min(a.ttl, b.ttl)
	a.records, a.rcode, a.open = b.records, b.rcode, b.open
	a.ad = a.ad && b.ad
	a.size += b.size
	return nil
}

// knows adds what the cache has about q, the end of the chain that began at
// first, and reports whether it has anything.
func (x *exchange) knows(q question, first string, a *answer) bool {
	it := x.cache.find(q)
	if it == nil {
		return false
	}
	r, _ := it.use()
	if r == nil || r.source != SourceCache {
		return false
	}
	b := answer{records: r.records, chain: r.chain, rcode: r.rcode, ad: r.ad}
	b.ttl = uint32(r.ttl(time.Now()) / time.Second)
	return a.add(first, b) == nil
}

// named makes an error about the question asked for, not one about the end of
// its chain.
func (f *flight) named(err error) error {
	if e, ok := err.(*Error); ok { //nolint:errorlint // it is made in this package, and not wrapped
		e.Host = f.q.name
	}
	return err
}

// remember makes an answer a reply, and puts it into the cache.
func (x *exchange) remember(p *plan, q question, a answer, up *upstream, now time.Time) *reply {
	life := p.life(a)
	r := &reply{
		records: a.records, chain: a.chain, rcode: a.rcode, expires: now.Add(life),
		source: SourceServer, server: up.spec, ad: a.ad,
	}
	if p.cacheSize > 0 && life > 0 {
		x.cache.put(q.name, newItem(q, r, now, life, p.maxStale, a.size))
		if x.plan.Load() != p { // configure may have emptied the cache before the put
			x.cache.flush(q.name)
		}
	}
	return r
}

// life returns how long an answer is fresh.
func (p *plan) life(a answer) time.Duration {
	ttl := time.Duration(a.ttl) * time.Second
	if len(a.records) == 0 {
		if a.rcode != dnsmessage.RCodeSuccess && a.rcode != dnsmessage.RCodeNameError {
			return 0
		}
		return min(ttl, p.maxNegTTL)
	}
	return min(max(ttl, p.minTTL), p.maxTTL)
}

// serveStale returns the answer that was once to q, if it may serve while
// servers are down. Until staleTTL is over, the cache gives the same to others.
func (x *exchange) serveStale(q question) *reply {
	it := x.cache.find(q)
	if it == nil {
		return nil
	}
	if r, _ := it.use(); r != nil { // somebody has seen to it meanwhile
		return r
	}
	s := it.staleItem(time.Now())
	if s == nil {
		return nil
	}
	x.cache.put(q.name, s)
	x.count.stale.Add(1)
	return s.reply
}

// hasStale reports whether serveStale has something.
func (it *item) hasStale() bool {
	return it != nil && it.staleFor > 0 && it.age() >= it.life && it.age() < it.life+it.staleFor
}
