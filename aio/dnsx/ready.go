package dnsx

import (
	"hash/maphash"
	"math/bits"
	"sync/atomic"
	"time"

	"goaio.example/aio"
)

// readyCache keeps answers in the form in which they are handed out, so that a
// known name costs one look. It lies above the cache of the exchange, and keeps
// nothing for longer than recheck. Its size is fixed: an answer takes the place
// of another whose name has the same hash. It takes no locks.
type readyCache struct {
	// a power of two; a name has two of them, side by side
	slots []atomic.Pointer[readyAnswer]
}

// readySize is the largest number of answers that are kept ready.
const readySize = 4096

// readyAnswer is an answer, and how long it may be handed out. It is immutable
// once it is in a readyCache, except for given.
type readyAnswer struct {
	Answer
	family Family
	until  instant // the end of the answer's TTL; 0: it has none
	expiry instant // the end of its stay in the cache
	// the future that was handed out last
	given atomic.Pointer[aio.Future[Answer]]
}

// instant is a time by the monotonic clock, since epoch. Reading it costs half
// as much as reading a time.Time.
type instant time.Duration

// epoch is the time from which instants are measured.
var epoch = time.Now()

// clock returns the present instant.
func clock() instant { return instant(time.Since(epoch)) }

// instantOf returns the instant of a time, and 0 for the zero Time.
func instantOf(t time.Time) instant {
	if t.IsZero() {
		return 0
	}
	return instant(t.Sub(epoch))
}

var readySeed = maphash.MakeSeed()

// newReadyCache returns a cache for size answers, at most readySize. A size of
// 0 means readySize. If size is negative, it returns nil, which keeps nothing.
func newReadyCache(size int) *readyCache {
	if size < 0 {
		return nil
	}
	if size == 0 || size > readySize {
		size = readySize
	}
	return &readyCache{slots: make([]atomic.Pointer[readyAnswer], 1<<bits.Len(uint(max(size, 2)-1)))}
}

// places returns the two slots of a name.
func (c *readyCache) places(host string, f Family) (a, b *atomic.Pointer[readyAnswer]) {
	i := (maphash.String(readySeed, host) + uint64(f)*2) & uint64(len(c.slots)-1)
	return &c.slots[i], &c.slots[i^1]
}

// is reports whether the answer is to the question.
func (a *readyAnswer) is(host string, f Family) bool {
	return a != nil && a.family == f && a.Host == host
}

// get returns the answer, or nil if there is none.
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

// left returns the TTL that is left, in whole seconds.
func (a *readyAnswer) left(now instant) time.Duration {
	if a.until == 0 {
		return a.TTL
	}
	return max(time.Duration(a.until-now), 0).Truncate(time.Second)
}

// future returns a resolved future of the answer. A resolved future never
// changes, so one is enough as long as the TTL that is left does not change.
func (a *readyAnswer) future(now instant) *aio.Future[Answer] {
	f := a.given.Load()
	if f != nil {
		if b, _ := f.Result(); b.TTL == a.left(now) {
			return f
		}
	}
	f = aio.Resolved(a.at(now))
	a.given.Store(f)
	return f
}

// at returns the answer with the TTL that is left, and its source as of now.
func (a *readyAnswer) at(now instant) Answer {
	b := a.Answer
	b.TTL = a.left(now)
	if b.Source == SourceServer {
		b.Source = SourceCache
	}
	return b
}

// put keeps an answer until its expiry.
func (c *readyCache) put(a *readyAnswer, now instant) {
	if c == nil || now >= a.expiry {
		return
	}
	first, second := c.places(a.Host, a.family)
	if old := first.Load(); old != nil && !old.is(a.Host, a.family) && now < old.expiry {
		second.Store(old)
	}
	first.Store(a)
}
