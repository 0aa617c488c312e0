package dnsx

import (
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	// anyType is the type of an entry about all types of a name: that the name
	// does not exist.
	anyType dnsmessage.Type = 0
	// popular is how often a reply must have been asked for to be renewed
	// before it expires.
	popular = 2
	// staleTTL is how long a stale reply serves before servers are asked again
	// (RFC 8767, section 4).
	staleTTL = 30 * time.Second
)

// entry is a reply in the cache.
type entry struct {
	typ    dnsmessage.Type
	weight int
	reply  *reply // as it is handed out
	stored time.Time
	life   time.Duration // how long it is fresh, from stored on
	due    time.Duration // when to renew it if it is popular; 0: never
	// how long after life it may serve while no server answers
	staleFor time.Duration
	hits     atomic.Uint32 // up to popular
	renewing atomic.Bool   // it is being renewed, or renewing it has failed
}

// newEntry returns the entry for a reply that is fresh for life from now on.
func newEntry(q question, r *reply, now time.Time, life, staleFor time.Duration, size int) *entry {
	kept := *r
	kept.source = SourceCache
	e := &entry{typ: q.typ, reply: &kept, stored: now, life: life, due: life - life/10}
	e.weight = 1 + max(len(r.records)/8, size/2048)
	switch {
	case r.rcode == dnsmessage.RCodeNameError && len(r.chain) == 0:
		e.typ = anyType
	case len(r.records) > 0:
		e.staleFor = staleFor
	}
	return e
}

// asStale returns an entry with the same reply for the next staleTTL, after e
// has expired. It returns nil if e may not serve.
func (e *entry) asStale(now time.Time) *entry {
	left := e.life + e.staleFor - now.Sub(e.stored)
	if e.staleFor == 0 || left <= 0 || now.Before(e.stored) {
		return nil
	}
	kept := *e.reply
	kept.source, kept.expires = SourceStale, now.Add(staleTTL)
	return &entry{
		typ: e.typ, weight: e.weight, reply: &kept,
		stored: now, life: staleTTL, staleFor: max(left-staleTTL, 0),
	}
}

// hasStale reports whether the entry, which may be nil, has expired and may
// serve while no server answers.
func (e *entry) hasStale() bool {
	return e != nil && e.staleFor > 0 && e.age() >= e.life && e.age() < e.life+e.staleFor
}

// age returns how old the entry is. If its time is in the future, because the
// clock was set back, it is older than any other.
func (e *entry) age() time.Duration {
	if d := time.Since(e.stored); d >= 0 {
		return d
	}
	return 1<<63 - 1
}

// use returns the reply if it is fresh. renew means that it is popular, expires
// soon and is not being renewed: the caller should set renewing, and renew it.
func (e *entry) use() (r *reply, renew bool) {
	age := e.age()
	if age >= e.life {
		return nil, false
	}
	if hits := e.hits.Load(); hits < popular {
		e.hits.Add(1)
		return e.reply, false
	}
	return e.reply, e.due > 0 && age >= e.due && !e.renewing.Load()
}
