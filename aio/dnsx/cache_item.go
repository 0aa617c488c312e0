package dnsx

import (
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	// anyType is the type of an item that is about all types of a name: that
	// there is no such name.
	anyType dnsmessage.Type = 0
	// popular is how often an answer must have been asked for to be renewed
	// before its end.
	popular = 2
	// staleTTL is how long a stale answer serves before servers are asked again
	// (RFC 8767, section 4).
	staleTTL = 30 * time.Second
)

// item is what is remembered about one question.
type item struct {
	typ      dnsmessage.Type
	weight   int
	reply    *reply // as it is handed out
	stored   time.Time
	life     time.Duration // how long after stored it is fresh
	due      time.Duration // when to renew it if it is popular; 0: never
	staleFor time.Duration // how long after life it may serve while servers are down
	hits     atomic.Uint32 // up to popular
	renewing atomic.Bool   // somebody sees to its renewal, or did so in vain
}

// newItem returns what to remember of a reply that is fresh for life from now.
func newItem(q question, r *reply, now time.Time, life, staleFor time.Duration, size int) *item {
	kept := *r
	kept.source = SourceCache
	it := &item{typ: q.typ, reply: &kept, stored: now, life: life, due: life - life/10}
	it.weight = 1 + max(len(r.records)/8, size/2048)
	switch {
	case r.rcode == dnsmessage.RCodeNameError && len(r.chain) == 0:
		it.typ = anyType
	case len(r.records) > 0:
		it.staleFor = staleFor
	}
	return it
}

// staleItem returns what to remember after a stale item had to serve: the same
// answer, for a while. It is nil if the item may not serve any more.
func (it *item) staleItem(now time.Time) *item {
	left := it.life + it.staleFor - now.Sub(it.stored)
	if it.staleFor == 0 || left <= 0 || now.Before(it.stored) {
		return nil
	}
	kept := *it.reply
	kept.source, kept.expires = SourceStale, now.Add(staleTTL)
	return &item{
		typ: it.typ, weight: it.weight, reply: &kept,
		stored: now, life: staleTTL, staleFor: max(left-staleTTL, 0),
	}
}

// age returns how old the item is. An item from the future, as after the clock
// was set back, is older than any.
func (it *item) age() time.Duration {
	if d := time.Since(it.stored); d >= 0 {
		return d
	}
	return 1<<63 - 1
}

// use returns the reply if it is fresh. renew says that somebody has to see to
// the item's renewal: a popular one is about to end, and nobody has claimed
// renewing.
func (it *item) use() (r *reply, renew bool) {
	age := it.age()
	if age >= it.life {
		return nil, false
	}
	if hits := it.hits.Load(); hits < popular {
		it.hits.Add(1)
		return it.reply, false
	}
	return it.reply, it.due > 0 && age >= it.due && !it.renewing.Load()
}
