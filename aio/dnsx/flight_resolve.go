package dnsx

import (
	"slices"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// resolve asks the flight's question. If the answer is a chain of CNAMEs
// without records at its end, it asks for the end, and so on. It returns the
// reply, and puts it into the cache.
func (f *flight) resolve() (*reply, error) {
	var all message
	q := f.q
	for {
		m, up, err := f.race(q)
		if err != nil {
			return nil, f.named(err)
		}
		if q == f.q {
			all = m
		} else if err := all.add(f.q.name, m); err != nil {
			return nil, &Error{Kind: KindChain, Host: f.q.name, Server: up.Spec, Err: err}
		}
		if !m.open {
			return f.x.remember(f.plan, f.q, all, up, f.now), nil
		}
		if q.name = all.chain[len(all.chain)-1]; f.x.knows(q, f.q.name, &all) {
			return f.x.remember(f.plan, f.q, all, up, f.now), nil
		}
	}
}

// add appends what a message says about the end of the chain, which begins at
// first.
func (m *message) add(first string, end message) error {
	chain := slices.Clone(m.chain)
	for _, name := range end.chain {
		if err := extend(&chain, first, name); err != nil {
			return err
		}
	}
	m.chain = chain
	m.ttl = min(m.ttl, end.ttl)
	m.records, m.rcode, m.open = end.records, end.rcode, end.open
	m.ad = m.ad && end.ad
	m.size += end.size
	return nil
}

// knows adds what the cache has about q, the end of the chain that begins at
// first. It reports whether the cache has anything.
func (x *exchange) knows(q question, first string, m *message) bool {
	e := x.cache.find(q)
	if e == nil {
		return false
	}
	r, _ := e.use()
	if r == nil || r.source != SourceCache {
		return false
	}
	end := message{records: r.records, chain: r.chain, rcode: r.rcode, ad: r.ad}
	end.ttl = uint32(r.ttl(time.Now()) / time.Second)
	return m.add(first, end) == nil
}

// named makes an error about the end of the chain one about the flight's
// question.
func (f *flight) named(err error) error {
	if e, ok := err.(*Error); ok { //nolint:errorlint // it is made in this package, and not wrapped
		e.Host = f.q.name
	}
	return err
}

// remember returns the reply made of a message, and puts it into the cache.
func (x *exchange) remember(p *plan, q question, m message, up *upstream, now time.Time) *reply {
	life := p.life(m)
	r := &reply{
		records: m.records, chain: m.chain, rcode: m.rcode, expires: now.Add(life),
		source: SourceServer, server: up.Spec, ad: m.ad,
	}
	if p.cacheSize > 0 && life > 0 {
		x.cache.put(q.name, newEntry(q, r, now, life, p.maxStale, m.size))
		// configure may have emptied the cache before the put
		if x.plan.Load() != p {
			x.cache.flush(q.name)
		}
	}
	return r
}

// life returns how long a message's answer is fresh.
func (p *plan) life(m message) time.Duration {
	ttl := time.Duration(m.ttl) * time.Second
	if len(m.records) == 0 {
		if m.rcode != dnsmessage.RCodeSuccess && m.rcode != dnsmessage.RCodeNameError {
			return 0
		}
		return min(ttl, p.maxNegTTL)
	}
	return min(max(ttl, p.minTTL), p.maxTTL)
}

// serveStale returns the expired reply to q that may serve while no server
// answers, or nil. For staleTTL from then on, the cache returns the same to
// others.
func (x *exchange) serveStale(q question) *reply {
	e := x.cache.find(q)
	if e == nil {
		return nil
	}
	if r, _ := e.use(); r != nil { // another asker was faster
		return r
	}
	s := e.asStale(time.Now())
	if s == nil {
		return nil
	}
	x.cache.put(q.name, s)
	x.count.stale.Add(1)
	return s.reply
}
