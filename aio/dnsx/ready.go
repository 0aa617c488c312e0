package dnsx

import (
	"hash/maphash"
	"math/bits"
	"strings"
	"sync/atomic"
	"time"
)

// readyCache keeps answers as they are handed out, so that a name that is known
// costs one look. It is above the cache of the exchange, keeps nothing for
// longer than recheck, and forgets when two names want one place: nobody waits
// for anybody, and its size is fixed.
type readyCache struct {
	slots []atomic.Pointer[readyAnswer] // a power of two; a name has two of them, side by side
}

// readySize is how many answers are kept ready at most.
const readySize = 4096

// readyAnswer is an answer that is ready to be handed out. It is immutable.
type readyAnswer struct {
	answer Answer
	family Family
	until  instant // the end of the answer's TTL; 0 without one
	expiry instant // the end of its stay here
}

// found is an answer as it was found, and for how long it is good.
type found struct {
	Answer
	until  time.Time // the end of the addresses' TTL; zero without one
	fresh  time.Time // the end of all that was learned for it; zero without one
	noKeep bool      // something could not be learned
}

// An instant is a time by the monotonic clock: since epoch. It costs half of a
// time.Time to find out.
type instant time.Duration

// epoch is what instants are measured from.
var epoch = time.Now()

// clock returns the instant that it is now.
func clock() instant { return instant(time.Since(epoch)) }

// instantOf returns the instant of a time; 0 for the zero Time.
func instantOf(t time.Time) instant {
	if t.IsZero() {
		return 0
	}
	return instant(t.Sub(epoch))
}

var readySeed = maphash.MakeSeed()

// newReadyCache returns a cache for size answers, at most readySize; 0 means as
// many. It is nil, which is a cache that keeps nothing, if size is negative.
func newReadyCache(size int) *readyCache {
	if size < 0 {
		return nil
	}
	if size == 0 || size > readySize {
		size = readySize
	}
	return &readyCache{slots: make([]atomic.Pointer[readyAnswer], 1<<bits.Len(uint(max(size, 2)-1)))}
}

// places returns the two places of a name.
func (c *readyCache) places(host string, f Family) (a, b *atomic.Pointer[readyAnswer]) {
	i := (maphash.String(readySeed, host) + uint64(f)*2) & uint64(len(c.slots)-1)
	return &c.slots[i], &c.slots[i^1]
}

// is reports whether the answer is one to the question.
func (a *readyAnswer) is(host string, f Family) bool {
	return a != nil && a.family == f && a.answer.Host == host
}

// get returns the answer, nil if there is none.
func (c *readyCache) get(host string, f Family, now instant) *readyAnswer {
	if c == nil {
		return nil
	}
	first, second := c.places(host, f)
	a := first.Load()
	if !a.is(host, f) {
		if a = second.Load(); !a.is(host, f) {
			return nil
		}
	}
	if now >= a.expiry {
		return nil
	}
	return a
}

// at is the answer as of now.
func (a *readyAnswer) at(now instant) Answer {
	b := a.answer
	if a.until != 0 {
		b.TTL = max(time.Duration(a.until-now), 0)
	}
	return b
}

// put keeps an answer that was found just now.
func (c *readyCache) put(host string, f Family, a *found, now instant) {
	if c == nil || a.noKeep {
		return
	}
	r := &readyAnswer{answer: a.Answer, family: f, until: instantOf(a.until), expiry: now + instant(recheck)}
	if !a.fresh.IsZero() {
		r.expiry = min(r.expiry, instantOf(a.fresh))
	}
	if now >= r.expiry {
		return
	}
	if a.Source == SourceServer {
		r.answer.Source = SourceCache
	}
	r.answer.Host = strings.Clone(host) // it may be a part of something big
	first, second := c.places(host, f)
	if old := first.Load(); old != nil && !old.is(host, f) && now < old.expiry {
		second.Store(old)
	}
	first.Store(r)
}
